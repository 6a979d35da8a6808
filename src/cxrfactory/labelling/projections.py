"""Convert radiographs that were projected from CT to labelled images: the masks of all structures of each view.

The product has ``studies.parquet``, ``masks.parquet`` and ``images/<release>/<study>/<view>.png``. A structure with an
empty mask is absent in the image; a structure without a mask was not labelled. Masks overlap, because rays meet many
structures.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.film_regions import DRAWN_PREFIX, DRAWN_REGIONS, film_regions
from cxrfactory.anatomy.regions import region_of_structure
from cxrfactory.config import LabelProjectionsConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.parquet import read_batches, read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.schemas import LABELLED_VIEWS, MASKS, STUDIES
from cxrfactory.tables.streaming import write_rows

STAGE = "label projections"
STUDIES_FILE, MASKS_FILE, IMAGES_FOLDER = "studies.parquet", "masks.parquet", "images"
SPLITS = {"train": "train", "validation": "val"}
LABEL = "label"  # origin of a mask that the source itself labels
ROWS_PER_GROUP = 8
ROWS_AT_A_TIME = 1024
_COLUMNS = ["study_id", "view", "name", "origin", "height", "width", "rle"]
_BILEVEL = [cv2.IMWRITE_PNG_BILEVEL, 1]

log = get_logger(__name__)


def label_projections(
    product: str | Path, output: str | Path, recipe: Preparation, settings: LabelProjectionsConfig
) -> int:
    """Write the projected radiographs of a product as a labelled table.

    Parameters
    ----------
    product
        Folder of the product.
    output
        Parquet file to write, schema ``LABELLED_VIEWS``: one row for each view of each study. Masks are PNGs with one
        bit for each pixel. Ids are ``{source}-{study}-{view}``, and the split is the product's own, by patient.
    recipe
        Preprocessing of the images, as that of the films that the network is for. The images keep the size of the
        product, because enlarging them adds nothing. Borders are removed as far as no mask reaches into them.
    settings
        Views, structures, and the name of the set. Without a choice, structures that no image contains are left out.

    Returns
    -------
    Number of images written.

    Raises
    ------
    CxrError
        If a table is missing, a view or a structure does not occur, two structures become one region, a patient is in
        both splits, or a picture is missing or unreadable.
    """
    product = Path(product)
    studies = _studies(product)
    names = _names(product, settings)
    counts: Counter[str] = Counter()
    images = _images(product, settings, set(names))
    total = len(studies) * len(settings.views) if settings.views else None
    rows = (
        _row(product, studies, study_id, view, masks, names, recipe, settings, counts)
        for study_id, view, masks in progress(images, STAGE, total)
    )
    written, _ = write_rows(rows, output, LABELLED_VIEWS, ROWS_PER_GROUP)
    told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    log.info("%s: wrote %d images with masks of %d structures (%s)", output, written, len(names), told)
    return written


def _studies(product: Path) -> dict[str, dict[str, Any]]:
    table = read_table(product / STUDIES_FILE, columns=[*STUDIES.names, "split"])
    if odd := sorted(set(table["split"]) - set(SPLITS)):
        raise CxrError(f"{product / STUDIES_FILE}: split '{odd[0]}'; expected one of {', '.join(SPLITS)}")
    mixed = table.groupby(["release", "patient_id"])["split"].nunique()
    if (mixed > 1).any():
        raise CxrError(f"{product / STUDIES_FILE}: patient '{mixed.index[mixed > 1][0][1]}' is in both splits")
    return {row["study_id"]: row for row in table.to_dict("records")}


def _names(product: Path, settings: LabelProjectionsConfig) -> dict[str, str]:
    """Map the chosen structures to their regions, in the order of the regions' names."""
    path = product / MASKS_FILE
    table = read_table(path, MASKS, ["view", "name", "origin", "area_px"])
    table = table.groupby(["view", "name", "origin"], as_index=False)["area_px"].max()
    for wanted, column in ((settings.views, "view"), (settings.structures, "name")):
        if absent := [each for each in wanted if each not in set(table[column])]:
            known = ", ".join(sorted(set(table[column])))
            raise CxrError(f"{path}: no {column} '{absent[0]}'; found {known}")
    own = table["name"][((table["origin"] == LABEL) | settings.unions) & (table["area_px"] > 0)]
    if absent := sorted(set(table["name"][table["origin"] == LABEL]) - set(own)):
        log.info("%s: %d labelled structures are in no image: %s", path, len(absent), ", ".join(absent))
    regions = {name: region_of_structure(name) for name in settings.structures or sorted(set(own))}
    twice = [name for name, count in Counter(regions.values()).items() if count > 1]
    if twice:
        same = [name for name, region in regions.items() if region == twice[0]]
        raise CxrError(f"{path}: structures {' and '.join(map(repr, same))} are one region, {twice[0]}; choose one")
    return dict(sorted(regions.items(), key=itemgetter(1)))


def _images(
    product: Path, settings: LabelProjectionsConfig, names: set[str]
) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Yield study, view and chosen masks of each image; the product's table is sorted by study and view."""
    batches = read_batches(product / MASKS_FILE, _COLUMNS, ROWS_AT_A_TIME, MASKS)
    rows = (row for batch in batches for row in batch.to_pylist())
    for (study, view), masks in groupby(rows, itemgetter("study_id", "view")):
        chosen = [mask for mask in masks if mask["name"] in names]
        if chosen and (not settings.views or view in settings.views):
            yield study, view, chosen


def _row(
    product: Path,
    studies: dict[str, dict[str, Any]],
    study_id: str,
    view: str,
    masks: Sequence[dict[str, Any]],
    names: dict[str, str],
    recipe: Preparation,
    settings: LabelProjectionsConfig,
    counts: Counter[str],
) -> dict[str, Any]:
    if study_id not in studies:
        raise CxrError(f"{product / MASKS_FILE}: study '{study_id}' is not in {STUDIES_FILE}; the product is not whole")
    study = studies[study_id]
    path = product / IMAGES_FOLDER / study["release"] / study_id / f"{view}.png"
    if not path.is_file():
        raise CxrError(f"{path}: no such file; the product is not whole")
    radiograph = read_radiograph(path, recipe.max_megapixels, recipe.burnt_in, recipe.checks)
    by_name = {mask["name"]: _decoded(mask, radiograph.stored_shape, path) for mask in masks}
    found = {names[name]: mask for name, mask in by_name.items()}
    if settings.drawn and view == "PA":
        drawn = film_regions(by_name, float(study["pixel_mm"]))
        found |= {f"{DRAWN_PREFIX}{region}": drawn[region].astype(np.uint8) for region in DRAWN_REGIONS}
    image, geometry = prepare(radiograph, replace(recipe, size=max(radiograph.stored_shape)), keep=_corners(found))
    prefix, split = settings.source or study["release"], SPLITS[study["split"]]
    counts[f"{view}, {split}"] += 1
    return {
        "image_id": f"{prefix}-{study_id}-{view}",
        "png": encode_png(image),
        **geometry.as_row(),
        "patient_id": f"{prefix}-{study['patient_id']}",
        "source": prefix,
        "labels": "M",
        "split": split,
        "landmarks": [],
        "regions": [{"name": name, "png": _mask_png(_carried(found[name], geometry))} for name in sorted(found)],
        "view": view,
    }


def _decoded(mask: dict[str, Any], shape: tuple[int, int], path: Path) -> UInt8[np.ndarray, "h w"]:
    if (mask["height"], mask["width"]) != shape:
        raise CxrError(
            f"{path}: picture of {shape[0]} x {shape[1]}, mask of '{mask['name']}' of {mask['height']} x "
            f"{mask['width']}; expected one size"
        )
    return rle_decode(mask["rle"], *shape)


def _corners(masks: dict[str, np.ndarray]) -> Float[np.ndarray, "2 2"] | None:
    """Return the first and the last corner (x, y) of the box around all masks, in pixels; None if all are empty."""
    together = np.maximum.reduce(list(masks.values()))
    if not together.any():
        return None
    rows, columns = np.flatnonzero(together.any(axis=1)), np.flatnonzero(together.any(axis=0))
    return np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]], np.float64)


def _carried(mask: UInt8[np.ndarray, "h w"], geometry: Geometry) -> Bool[np.ndarray, "size size"]:
    return geometry.forward_image(mask * np.uint8(255)) > 127


def _mask_png(mask: Bool[np.ndarray, "size size"]) -> bytes:
    """Encode a mask as a PNG with one bit for each pixel, which readers see as 0 and 255."""
    return cv2.imencode(".png", mask.astype(np.uint8) * np.uint8(255), _BILEVEL)[1].tobytes()
