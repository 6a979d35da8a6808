"""Export of a CheXmask table as COCO instances, without its product."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cxrfactory.anatomy.graph import slices_within
from cxrfactory.anatomy.organs import ORGAN_COLUMNS, ORGANS
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.errors import CxrError
from cxrfactory.export.chosen import chosen_ids
from cxrfactory.export.output import new_folder
from cxrfactory.export.table_order import ROWS, TableOrder
from cxrfactory.logs import get_logger
from cxrfactory.tables.chexmask import SIZE_COLUMNS, read_chexmask, table_columns
from cxrfactory.tables.chexmask_columns import LANDMARK_COLUMNS
from cxrfactory.tables.coco import CocoWriter
from cxrfactory.tables.mask_facts import mask_facts
from cxrfactory.tables.rle import rle_decode

log = get_logger(__name__)

LANDMARKS = LANDMARK_COLUMNS[0]
_ROWS_AT_A_TIME = 256
_OF_PRODUCTS = ("releases", "roots", "manifests")


def export_coco_table(table: Path, output: str | Path, choice: ChosenImagesConfig) -> dict[str, int]:
    """Write ``<table>.json``: one annotation for each mask that is not empty; ``file_name`` is the image id.

    Parameters
    ----------
    table
        CheXmask table.
    output
        Folder to write, which must not exist or be empty.
    choice
        Images and masks to export.

    Returns
    -------
    Number of images in the file, by its name.

    Raises
    ------
    CxrError
        If the table or the choice is at fault, or the output exists.
    """
    given = [name for name in _OF_PRODUCTS if getattr(choice, name) is not None]
    if given:
        raise CxrError(f"{table}: a table, with --{given[0]}; that option is for products: leave it out")
    organs = _organs(table, choice.masks)
    ids = chosen_ids(choice)
    missing = set(ids or ())
    written: set[str] = set()
    name = table.name.split(".")[0]
    categories = [(number, organ, "") for organ, number in organs.items()]
    order, points = TableOrder(), _points(table)
    with new_folder(output) as folder, (folder / f"{name}.json").open("w", encoding="utf-8", newline="\n") as stream:
        with CocoWriter(stream, f"Masks of {table.name}; file_name is the image id", categories) as writer:
            for row in _rows(table, [ORGAN_COLUMNS[organ] for organ in organs]):
                if ids is None or row["image_id"] in missing:
                    missing.discard(row["image_id"])
                    order.add(_add(writer, table, row, organs), points.get(row["image_id"]))
                    if row["image_id"] in written:
                        raise CxrError(
                            f"{table}: image '{row['image_id']}' has two rows; expected one: remove the other"
                        )
                    written.add(row["image_id"])
        if missing:
            more = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
            raise CxrError(f"{table}: no image '{min(missing)}'{more}")
    for sentence in order.sentences():
        log.warning("%s: %s", table, sentence)
    log.info("%s: COCO file of %s (%d images)", output, name, len(written))
    return {name: len(written)}


def _organs(table: Path, masks: list[str] | None) -> dict[str, int]:
    """Return the organs to export, with their numbers."""
    if not table.name.endswith((".csv", ".csv.gz", ".parquet")):
        raise CxrError(
            f"{table}: a file; expected the folder of a product or a CheXmask table (.csv, .csv.gz, .parquet)"
        )
    _, columns = table_columns(table)
    known = {organ: number for number, organ in enumerate(ORGANS, 1) if ORGAN_COLUMNS[organ] in columns}
    lost = [name for name in SIZE_COLUMNS if name not in columns]
    if lost or not known:
        what = lost or [ORGAN_COLUMNS[organ] for organ in ORGANS]
        raise CxrError(f"{table}: columns {what} are missing; found {columns}; expected masks as RLE and their size")
    if unknown := [name for name in masks or () if name not in known]:
        raise CxrError(f"--masks: {table} has no mask '{unknown[0]}'; found {', '.join(known)}")
    return {organ: number for organ, number in known.items() if masks is None or organ in masks}


def _rows(table: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    for frame in read_chexmask(table, [*columns, *SIZE_COLUMNS], chunksize=_ROWS_AT_A_TIME):
        yield from frame.to_dict("records")


def _points(table: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return the landmarks of the first rows by organ; none where the table has none that can be read."""
    if LANDMARKS not in table_columns(table)[1]:
        return {}
    try:
        rows = next(iter(read_chexmask(table, [LANDMARKS], chunksize=ROWS)))
    except CxrError:  # an export of masks does not need them
        return {}
    return {
        image_id: {organ: points[where] for organ, where in slices_within(len(points)).items()}
        for image_id, points in zip(rows["image_id"], rows[LANDMARKS], strict=True)
    }


def _add(writer: CocoWriter, table: Path, row: dict[str, Any], organs: dict[str, int]) -> dict[str, np.ndarray]:
    """Write the masks of a row, and return them by organ."""
    masks = {}
    image_id, height, width = row["image_id"], int(row["Height"]), int(row["Width"])
    writer.add_image(image_id, image_id, height, width, image_id=image_id)
    for organ, number in organs.items():
        text = row[ORGAN_COLUMNS[organ]]
        try:
            mask = rle_decode(text if isinstance(text, str) else "", height, width)
        except CxrError as error:
            raise CxrError(f"{table}: image '{image_id}', column '{ORGAN_COLUMNS[organ]}': {error}") from error
        masks[organ] = mask
        facts = mask_facts(mask)
        if facts.bbox is not None:
            writer.add(image_id, number, mask, facts.bbox, facts.area_px)
    return masks
