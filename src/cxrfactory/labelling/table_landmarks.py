"""Landmarks on the masks of a labelled table, so that networks of landmarks learn from images that have masks only.

Tables of projected CT (``label projections --drawn``) have the whole clavicles and lungs and heart as people draw them,
such as ``drawn_heart``. Landmarks are placed on the drawn regions; clavicles are cut where people stop drawing them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cxrfactory.anatomy.clavicles import drawn_clavicle
from cxrfactory.anatomy.film_regions import DRAWN_PREFIX, LUNGS_WIDTH_MM
from cxrfactory.anatomy.organs import CLAVICLES, LUNGS, ORGAN_NODES
from cxrfactory.anatomy.regions import INSIDE
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.labelling.lung_masks import TRIED, landmarks_of_regions
from cxrfactory.labelling.mask_folder import Regions
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.parquet import open_parquet, read_batches
from cxrfactory.tables.schemas import LABELLED_IMAGES, LABELLED_VIEWS
from cxrfactory.tables.streaming import write_rows

STAGE = "masks to landmarks"
REGIONS, VIEW = "regions", "view"
FRONTAL = ("PA", "AP", None)  # views that have landmarks; tables of frontal films name no view
ROWS_AT_A_TIME, ROWS_PER_GROUP = 8, 8

log = get_logger(__name__)


def landmarks_of_table(source: str | Path, output: str | Path) -> int:
    """Write the frontal images of a labelled table with landmarks on the borders of their masks.

    Parameters
    ----------
    source
        Parquet of schema ``LABELLED_IMAGES`` or ``LABELLED_VIEWS`` with the column ``regions``.
    output
        Parquet file to write, with the schema of the source. Its regions are the masks on which the landmarks stand:
        lungs, heart and clavicles as people draw them. The code is LHC, LH, L or H, or M where the masks allow no
        landmarks; the log says why. Existing landmarks are replaced, and lateral views are left out.

    Returns
    -------
    Number of images written.

    Raises
    ------
    CxrError
        If the table is unreadable, no frontal image has a mask, or a mask has another size than its image.
    """
    with open_parquet(source) as file:
        names, total = file.schema_arrow.names, file.metadata.num_rows
    if REGIONS not in names:
        raise CxrError(f"{source}: no column '{REGIONS}'; expected a table of label projections or label masks")
    schema = LABELLED_VIEWS if VIEW in names else LABELLED_IMAGES
    counts: Counter[str] = Counter()
    scores: list[float] = []
    batches = read_batches(source, schema.names, ROWS_AT_A_TIME, schema)
    rows = (row for batch in batches for row in batch.to_pylist())
    written, _ = write_rows(_rows(progress(rows, STAGE, total), source, counts, scores), output, schema, ROWS_PER_GROUP)
    told = ", ".join(f"{code} {count}" for code, count in sorted(counts.items()))
    log.info("%s: wrote %d of %d images (labels: %s) to %s", source, written, total, told or "none", output)
    if scores:
        low = np.quantile(scores, 0.05)
        log.info("Dice of the landmarks, filled, with the lungs: mean %.4f, 5 %% below %.4f", np.mean(scores), low)
    return written


def _rows(
    rows: Iterable[dict[str, Any]], source: str | Path, counts: Counter[str], scores: list[float]
) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row.get(VIEW) not in FRONTAL:
            continue
        regions = drawn_regions(_decoded(row, source))
        labels, score = landmarks_of_regions(row["image_id"], regions, TRIED["lungs"])
        counts[labels.code] += 1
        if score is not None:
            scores.append(score)
        yield row | {
            "labels": labels.code,
            "landmarks": labels.landmarks.astype(np.float32).ravel().tolist(),
            REGIONS: [{"name": name, "png": encode_png(regions[name])} for name in sorted(regions)],
        }
    if not counts:
        raise CxrError(f"{source}: no frontal image; landmarks are for the views PA and AP")


def _decoded(row: dict[str, Any], source: str | Path) -> Regions:
    """Decode the masks of the organs that have landmarks, drawn or projected."""
    wanted = {*ORGAN_NODES, *(DRAWN_PREFIX + organ for organ in ORGAN_NODES)}
    found = {each["name"]: decode_png(each["png"]) for each in row[REGIONS] or () if each["name"] in wanted}
    for name, mask in found.items():
        if mask.shape != (row["size"], row["size"]):
            where = f"{source}: image '{row['image_id']}': region '{name}'"
            raise CxrError(f"{where} of shape {mask.shape}; expected {row['size']} x {row['size']}")
    return found


def drawn_regions(found: Regions) -> Regions:
    """Return lungs, heart and clavicles as people draw them, from the masks of a labelled table.

    Where a region such as ``drawn_heart`` is there, it takes the place of the projected ``heart``, and the clavicles
    count as projected whole: they are cut (:func:`cxrfactory.anatomy.clavicles.drawn_clavicle`, with both lungs 270 mm
    wide). Other masks stay as they are.
    """
    drawn = {name.removeprefix(DRAWN_PREFIX): mask for name, mask in found.items() if name.startswith(DRAWN_PREFIX)}
    regions = {name: mask for name, mask in found.items() if not name.startswith(DRAWN_PREFIX)} | drawn
    if not set(LUNGS) <= set(drawn):
        return regions
    columns = np.flatnonzero(np.any([drawn[lung] == INSIDE for lung in LUNGS], axis=(0, 1)))
    pixel_mm = LUNGS_WIDTH_MM / max(len(columns) and np.ptp(columns) + 1, 1)
    for clavicle, lung in zip(CLAVICLES, LUNGS, strict=True):
        if clavicle in regions and clavicle not in drawn:
            kept = drawn_clavicle(clavicle, regions[clavicle] == INSIDE, drawn[lung] == INSIDE, pixel_mm)
            regions[clavicle] = kept.astype(np.uint8) * np.uint8(INSIDE)
    return regions
