"""The films of the study: labelled tables, folders of films without truth, and spines with known vertebrae."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.organs import ORGAN_NODES
from cxrfactory.anatomy.regions import WHOLE_REGIONS
from cxrfactory.anatomy.truth import Truth
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.models.labelled import LabelledImage, labelled_fields
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import AS_STORED
from cxrfactory.logs import get_logger
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.listing import list_folder
from cxrfactory.tables.parquet import read_table, stored_schema
from cxrfactory.tables.schemas import LABELLED_IMAGES, PERSON_FIELDS

log = get_logger(__name__)

FRAME = 512  # side of the frame in which masks are compared, pixels
# Regions that people draw and that follow from structures (cxrfactory.anatomy.film_regions).
DRAWN = (*ORGAN_NODES, *WHOLE_REGIONS.values())


@dataclass(frozen=True)
class TestFilm:
    """One film of the study.

    Attributes
    ----------
    image_id, source
        Id, and name of the set that it is from.
    image
        Square 8-bit image of :data:`FRAME` pixels.
    truth
        Drawn masks in that frame by region; empty for a film without truth.
    view
        View that the table states, or None.
    """

    __test__ = False

    image_id: str
    source: str
    image: UInt8[np.ndarray, "size size"] = field(repr=False)
    truth: dict[str, UInt8[np.ndarray, "size size"]] = field(default_factory=dict, repr=False)
    view: str | None = None


def chosen(ids: Sequence[str], count: int) -> list[str]:
    """Return at most ``count`` ids by a hash of the id, sorted; 0 takes all."""
    ordered = sorted(ids, key=lambda each: (seed_of(each, "zero-shot"), each))
    return sorted(ordered[:count] if count else ordered)


def labelled_films(
    path: str | Path, count: int = 0, split: str | None = None, regions: Sequence[str] | None = DRAWN
) -> Iterator[TestFilm]:
    """Yield the films of a labelled table with their drawn masks, sorted by id.

    Parameters
    ----------
    path
        Parquet of schema ``LABELLED_IMAGES``; a column ``view`` may be there.
    count
        Largest number of films; 0 for all.
    split
        Only films of this split; None for all.
    regions
        Regions whose truth is taken; None for all that are drawn.

    Raises
    ------
    CxrError
        If the table is unreadable or has no such film.
    """
    views = "view" in stored_schema(path).names
    index = read_table(path, columns=["image_id", "split"])
    ids = index["image_id"] if split is None else index["image_id"][index["split"] == split]
    if ids.empty:
        raise CxrError(f"{path}: no film{'' if split is None else f' has split {split!r}'}; nothing to test on")
    from cxrfactory.tables.selected_rows import selected_rows

    person = [field.name for field in PERSON_FIELDS]
    columns = [*(name for name in LABELLED_IMAGES.names if name not in person), *(["view"] if views else [])]
    for rows in selected_rows(path, chosen(list(ids), count), columns[1:]):
        for row in rows.to_dict("records"):
            yield _film(LabelledImage(**labelled_fields(row, str(path))), row.get("view"), regions)


def folder_films(folder: Path, recipe: Preparation, count: int = 0) -> Iterator[TestFilm]:
    """Yield the readable films of a folder, without truth; files that cannot be read are named in the log."""
    listing = list_folder(folder, follow="inside")
    known = {each.relative: each.path for each in listing.files}
    for name in chosen(list(known), count):
        try:
            radiograph = read_radiograph(known[name], recipe.max_megapixels, recipe.burnt_in, AS_STORED)
            image, _ = prepare(radiograph, recipe)
        except ImageError as error:
            log.warning("%s: left out: %s", name, error)
            continue
        yield TestFilm(name, folder.name, _framed(image))


def _film(case: LabelledImage, view: str | None, regions: Sequence[str] | None) -> TestFilm:
    names = list(case.regions) if regions is None else list(regions)
    truth: Truth = case.true_masks({name: name for name in names})
    masks = {name: _framed(each.mask.astype(np.uint8), cv2.INTER_NEAREST) for name, each in truth.items()}
    return TestFilm(case.image_id, case.source, _framed(case.image()), masks, view if isinstance(view, str) else None)


def _framed(image: UInt8[np.ndarray, "s s"], method: int = cv2.INTER_AREA) -> UInt8[np.ndarray, "size size"]:
    if image.shape[0] == FRAME:
        return image
    method = cv2.INTER_LINEAR if image.shape[0] < FRAME and method == cv2.INTER_AREA else method
    return cv2.resize(image, (FRAME, FRAME), interpolation=method)
