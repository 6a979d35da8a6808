"""The test images of labelled tables, with the truth by definition of the organs.

The truth of an organ is its drawn mask where the table has one (column ``regions``), and the filled contour of its
landmarks otherwise (:func:`cxrfactory.anatomy.truth.true_masks`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from cxrfactory.anatomy.graph import JSRT, WHOLE_LUNGS
from cxrfactory.anatomy.organs import LUNGS, ORGANS
from cxrfactory.anatomy.regions import WHOLE_REGIONS, region_of
from cxrfactory.anatomy.truth import TrueMask, Truth
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.models.labelled import REGIONS, LabelledImage, labelled_fields
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

# Name of a region -> definition of the organs and organ.
REGION_ORGANS = {
    **{organ: (JSRT, organ) for organ in ORGANS},
    **{region: (WHOLE_LUNGS, organ) for organ, region in WHOLE_REGIONS.items()},
}
_COLUMNS = ["image_id", "png", "patient_id", "source", "labels", "split", "landmarks", "size"]
_CROP = ["crop_height", "crop_width"]


@dataclass(frozen=True)
class StudyImage(LabelledImage):
    """One labelled image that a model is tested on.

    Attributes
    ----------
    patient_id, split
        Values of the table's columns.
    scale
        Pixels of the image file per pixel of the preprocessed image.
    """

    patient_id: str = ""
    split: str = ""
    scale: float = 1.0

    def truth(self, definition: str) -> Truth:
        """Return the true masks of the organs by a definition (``jsrt`` or ``whole-lungs``); empty if there are none.

        The heart is the same in both definitions.

        Raises
        ------
        CxrError
            If a drawn mask is no PNG or has another size than the image.
        """
        names = {region_of(organ, definition): organ for organ in ORGANS}
        contours = self.graph is not None and self.graph.definition == definition
        return self.true_masks(names, contours)

    def definitions(self) -> list[str]:
        """Return the definitions by which this image has a truth; that of drawn masks comes first."""
        drawn = [of for name in self.regions for of, organ in [REGION_ORGANS.get(name, (None, ""))] if organ in LUNGS]
        found = [*drawn, *([] if self.graph is None else [self.graph.definition])]
        return list(dict.fromkeys(found))


def outline(truth: Truth | Mapping[str, Bool[np.ndarray, "size size"]]) -> TrueMask | None:
    """Return the area between the outermost lung pixels of each row; None unless both lungs are given.

    Definitions of the lungs that differ behind the heart and the mediastinum share this outline.
    """
    if not set(LUNGS) <= set(truth):
        return None
    right, left = (each if isinstance(each := truth[organ], TrueMask) else TrueMask.known(each) for organ in LUNGS)
    both = right | left
    begun = np.maximum.accumulate(both.mask, axis=1)
    not_ended = np.maximum.accumulate(both.mask[:, ::-1], axis=1)[:, ::-1]
    return TrueMask(begun & not_ended, both.valid)


def read_images(paths: Sequence[str | Path], sources: Sequence[str] | None, unseen: Sequence[str]) -> list[StudyImage]:
    """Read the test images of labelled tables: all images of unseen sources, and split ``val`` of the others.

    Parameters
    ----------
    paths
        Parquet tables of schema ``LABELLED_IMAGES``.
    sources
        Sources to test; None for all.
    unseen
        Sources that the model was trained without.

    Returns
    -------
    Images in the order of source and id.

    Raises
    ------
    CxrError
        If the tables are unreadable or hold no image, an id occurs twice, a source does not occur, no image is left, or
        landmarks do not fit their labels.
    """
    where = ", ".join(map(str, paths))
    table = pd.concat([_read(path) for path in paths], ignore_index=True)
    if table.empty:
        raise CxrError(f"{where}: no labelled image; the table of rejected images, written beside it, says why")
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"{where}: image_id '{table.loc[twice, 'image_id'].iloc[0]}' occurs twice; ids must be unique")
    known = sorted(set(table["source"]))
    for name in sources or ():
        if name not in known:
            raise CxrError(f"{where}: no image has source '{name}', which is to be tested; found {', '.join(known)}")
    if sources is not None:
        table = table[table["source"].isin(list(sources))]
    table = table[table["source"].isin(list(unseen)) | (table["split"] == "val")]
    if table.empty:
        raise CxrError(
            f"{where}: no image to test; a source that the model was trained with ({', '.join(sources or known)}) is "
            "tested on its split 'val' only"
        )
    rows = table.sort_values(["source", "image_id"], kind="stable").to_dict("records")
    return [_image(row, where) for row in rows]


def _read(path: str | Path) -> pd.DataFrame:
    return read_table(path, LABELLED_IMAGES, [*_COLUMNS, *_CROP, REGIONS])


def _image(row: Mapping[str, Any], where: str) -> StudyImage:
    scale = max(int(row["crop_height"]), int(row["crop_width"])) / int(row["size"])
    facts = {"patient_id": str(row["patient_id"]), "split": str(row["split"]), "scale": scale}
    return StudyImage(**labelled_fields(row, where), **facts)
