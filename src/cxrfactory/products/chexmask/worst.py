"""Draw and list the images of a release with the lowest RCA scores: a picture with contours, and a table.

Images are decoded one at a time, and only the scores of the release's table are read, in batches. Memory therefore does
not grow with the release.
"""

import csv
import heapq
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.contact_sheet import (
    Line,
    Picture,
    organ_key,
    overlay_tile,
    plain,
    sheet,
    shortened,
    text_strip,
)
from cxrfactory.imaging.drawing.png import decode_png, save_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.accounts import SUMMARY, read_json
from cxrfactory.products.chexmask.release import product_files
from cxrfactory.products.chexmask.rows import ESTIMATE_FIELDS
from cxrfactory.products.chexmask.summary import ChexmaskSummary
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.parquet import read_batches, stored_schema
from cxrfactory.tables.schemas import SCORE_FIELDS
from cxrfactory.tables.selected_rows import selected_rows

log = get_logger(__name__)

COUNT = 24
COLUMNS = 6
TILE_PX = 320
GAP_PX = 6  # black gap between tiles
BATCH_ROWS = 4096
LONGEST_ID = 44  # characters that fit over a tile of full size
_WORST_COLOUR = (240, 228, 66)  # Okabe and Ito's yellow

_SCORES = [field.name for field in SCORE_FIELDS]
_ESTIMATES = [field.name for field in ESTIMATE_FIELDS]

# Image id (text), and the scores and estimates by column name; None if the graph has no heart.
ScoredRow = dict[str, Any]


def draw_worst(
    product: str | Path,
    part: str | Path,
    images: Sequence[str | Path],
    picture: str | Path,
    table: str | Path,
    count: int = COUNT,
    columns: int = COLUMNS,
    tile: int = TILE_PX,
) -> list[str]:
    """Draw and list the kept images with the lowest ``dice_rca_mean`` in ascending order; ties are sorted by id.

    Parameters
    ----------
    product, part
        Folders that :func:`~cxrfactory.products.chexmask.release.package_chexmask` wrote for one release.
    images
        Image shards of the release, schema ``IMAGES``.
    picture
        PNG to write. Each tile shows the preprocessed image with the contours of its organs, its id, its scores (the
        worse organ first, in yellow) and, if the product was calibrated, the estimate with its interval. Rejected
        images are not drawn, because they lack contours or a score; the heading gives their number by stage.
    table
        CSV to write: ``rank``, ``image_id``, ``worst_organ`` (the organ of the lower mean, lungs or heart; lungs if
        equal), the six scores, and the nine estimates if there are any. Cells of the heart are empty if the graph has
        no heart.
    count, columns
        Number of images, and number of tiles in a row.
    tile
        Side of one tile, pixels.

    Returns
    -------
    The ids of the images, worst first.

    Raises
    ------
    CxrError
        If a file is missing or unreadable, or the shards lack an image of the product.
    """
    if count < 1 or columns < 1 or tile < 1:
        raise CxrError(f"count {count}, columns {columns}, tile {tile}; expected 1 or more of each")
    summary: ChexmaskSummary = read_json(Path(part) / SUMMARY)
    path = product_files(product, summary["release"])["parquet"]
    names, rows = worst_rows(path, count)
    log.info("%s: %d rows, %d of them the worst", path, summary["kept"], len(rows))
    _write_list(rows, names, Path(table))
    graph = landmark_graph(summary["graph"])
    points = _landmarks(path, rows)
    tiles: dict[str, Picture] = {}
    for shard in progress(images, f"worst of {summary['dataset']}", len(images)):
        for found in selected_rows(shard, points.keys() - tiles.keys(), ["png"]):
            for image_id, png in found.itertuples(index=False):
                tiles[image_id] = _tile(image_id, png, points[image_id], graph, tile)
    lost = points.keys() - tiles.keys()
    if lost:
        raise CxrError(f"{path}: {len(lost)} images are in no image shard, first '{min(lost)}'; give all shards")
    shown = [_framed(tiles[row["image_id"]], _caption(rank, row, summary, tile)) for rank, row in enumerate(rows, 1)]
    heading = _heading(summary, graph, len(rows), columns * (tile + GAP_PX))
    parts = [heading, sheet(shown, columns)] if shown else [heading]
    save_png(np.vstack(parts), picture)
    log.info("wrote %s and %s", picture, table)
    return [row["image_id"] for row in rows]


def worst_rows(path: str | Path, count: int) -> tuple[list[str], list[ScoredRow]]:
    """Return the names of a Parquet's score columns, and its ``count`` rows of lowest ``dice_rca_mean``.

    Raises
    ------
    CxrError
        If the file is missing, is not a Parquet file, or lacks a column.
    """
    names = _SCORES + (_ESTIMATES if _ESTIMATES[0] in stored_schema(path).names else [])
    worst: list[ScoredRow] = []
    for batch in read_batches(path, ["image_id", *names], BATCH_ROWS):
        worst = heapq.nsmallest(count, [*worst, *batch.to_pylist()], key=_order)
    return names, worst


def worst_organ(row: ScoredRow) -> str:
    """Return ``lungs`` or ``heart``, whichever has the lower mean over the references; lungs if equal."""
    return "heart" if row["heart_mean"] is not None and row["heart_mean"] < row["lungs_mean"] else "lungs"


def _order(row: ScoredRow) -> tuple[float, str]:
    return row["dice_rca_mean"], row["image_id"]


def _write_list(rows: list[ScoredRow], names: list[str], path: Path) -> None:
    with text_file(path) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["rank", "image_id", "worst_organ", *names])
        for rank, row in enumerate(rows, 1):
            scores = ["" if row[name] is None else repr(row[name]) for name in names]
            table.writerow([rank, row["image_id"], worst_organ(row), *scores])


def _landmarks(path: Path, rows: list[ScoredRow]) -> dict[str, tuple[np.ndarray, int]]:
    """Return the points (x, y) in the preprocessed frame [nodes, 2] and the frame's side in pixels, by id."""
    return {
        image_id: (np.asarray(points, np.float32).reshape(-1, 2), size)
        for found in selected_rows(path, {row["image_id"] for row in rows}, ["landmarks_preprocessed", "size"])
        for image_id, points, size in found.itertuples(index=False)
    }


def _tile(image_id: str, png: bytes, found: tuple[np.ndarray, int], graph: LandmarkGraph, side: int) -> Picture:
    image, (points, size) = decode_png(png), found
    if image.shape != (size, size):
        raise CxrError(f"image '{image_id}': picture of {image.shape}, landmarks of a frame of {size} x {size} pixels")
    return overlay_tile(image, {organ: points[where] for organ, where in graph.slices.items()}, side)


def _framed(tile: Picture, caption: Picture) -> Picture:
    return np.pad(np.vstack([tile, caption]), ((0, GAP_PX), (0, GAP_PX), (0, 0)))


def _caption(rank: int, row: ScoredRow, summary: ChexmaskSummary, width: int) -> Picture:
    first = worst_organ(row)
    score = plain(f"RCA {row['dice_rca_mean']:.3f}: ")
    lines: list[Line] = [plain(f"{rank}. {shortened(row['image_id'], LONGEST_ID)}")]
    lines.append([*score, (f"{first} {row[f'{first}_mean']:.3f}", _WORST_COLOUR)])
    if row["heart_mean"] is not None:
        other = "lungs" if first == "heart" else "heart"
        lines[1] = [*lines[1], *plain(f", {other} {row[f'{other}_mean']:.3f}")]
    if row.get("dice_estimate") is not None:
        share = f"{1 - (summary.get('quality') or summary['calibration'])['alpha']:.0%}"
        interval = f"{row['dice_low']:.3f} to {row['dice_high']:.3f}"
        lines.append(plain(f"Dice estimate {row['dice_estimate']:.3f}, {share}: {interval}"))
    return text_strip(lines, width)


def _heading(summary: ChexmaskSummary, graph: LandmarkGraph, shown: int, width: int) -> Picture:
    title = f"{summary['release']}: "
    if shown:
        title += f"lowest Dice RCA (Mean), {shown} of {summary['kept']:,} images kept.   "
    else:
        title += "no image was kept.   "
    stages = {"rca": 0} | summary["rejected"]
    lost = ", ".join(f"{number:,} at {stage}" for stage, number in stages.items())
    lines = [[*plain(title), *organ_key(graph.organs)], plain(f"Not shown, because they were rejected: {lost}.")]
    return text_strip(lines, width)
