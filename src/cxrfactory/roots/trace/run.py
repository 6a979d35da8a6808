"""Trace the roots in single pictures: each becomes an RSML file, an overlay and rows of the tables of traits."""

import csv
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.config.roots import RootsGraphConfig, RootsReadConfig, RootsSegmentConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.root_masks import read_root_mask
from cxrfactory.logs import get_logger
from cxrfactory.roots.graphs.files import write_files
from cxrfactory.roots.graphs.scenes import Moment, scene_of_plate
from cxrfactory.roots.graphs.shard import GraphOutputs, write_graphs
from cxrfactory.roots.reading.folder import single_plates
from cxrfactory.roots.reading.given import plant_rows, read_plants
from cxrfactory.roots.reading.plate import read_plate
from cxrfactory.tables.file_names import file_stem
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.parquet import read_table, write_arrow
from cxrfactory.tables.rle import rle_decode, rle_encode
from cxrfactory.tables.roots import (
    ROOT_EDGES,
    ROOT_FRAMES,
    ROOT_LATERALS,
    ROOT_MASKS,
    ROOT_PLANTS,
    ROOT_TRAITS,
)
from cxrfactory.tables.rsml.write import rsml_text

log = get_logger(__name__)

_NO_TIME = ["group", "frame", "hours"]  # columns that say nothing of a single picture
_NO_EMERGENCE = ["group", "emergence_frame", "emergence_hours"]


@dataclass(frozen=True)
class TraceSettings:
    """Settings of the steps.

    Attributes
    ----------
    reading
        Scale; the rules of series do not apply.
    segment
        Threshold and device of the networks.
    graph
        Main roots and least lateral.
    """

    reading: RootsReadConfig
    segment: RootsSegmentConfig
    graph: RootsGraphConfig


def trace_pictures(
    pictures: Sequence[Path],
    output: Path,
    settings: TraceSettings,
    masks: Sequence[Path] = (),
    weights: Sequence[Path] = (),
    plants_table: Path | None = None,
) -> list[dict[str, Any]]:
    """Trace the roots of the plants in single pictures.

    For each picture NAME, the folder gets ``NAME.rsml`` (all plants), ``NAME.jpg`` (the graphs over the picture) and
    ``NAME.mask.png``; ``traits.csv``, ``laterals.csv`` and ``plants.csv`` hold all pictures.

    Parameters
    ----------
    pictures
        JPEG, PNG or TIFF; each is a plate of its own.
    output
        Folder to write; it must be new or empty.
    settings
        Scale, threshold, graphs.
    masks
        Masks of the roots, one for each picture and in their order
        (:func:`~cxrfactory.imaging.root_masks.read_root_mask`); empty to find the roots by networks. A mask may stand
        for its picture too, if there is none.
    weights
        Weights of networks, if there are no masks.
    plants_table
        Table of seeds (:func:`~cxrfactory.roots.reading.given.read_plants`), with the pictures' names without suffix as
        plates; None finds the plants.

    Returns
    -------
    Rows of ``traits.csv``.

    Raises
    ------
    CxrError
        If a picture, mask or table cannot be used, or neither masks nor weights are given.
    """
    _check(pictures, output, masks, weights)
    with tempfile.TemporaryDirectory(prefix="trace-") as name, replaced_folder(output) as new:
        work = Path(name)
        named = {path.resolve(): mask for path, mask in zip(pictures, masks, strict=bool(masks))}
        frames = _frames(pictures, named, settings.reading, work / "frames.parquet")
        _plants(frames, plants_table, work / "plants.parquet")
        if masks:
            _given_masks(frames, named, work / "masks.parquet")
        else:
            _found_masks(work, weights, settings.segment)
        tables = GraphOutputs(*(work / f"{each}.parquet" for each in ("nodes", "edges", "traits", "laterals", "found")))
        inputs = [work / f"{each}.parquet" for each in ("frames", "plants", "masks")]
        write_graphs(*inputs, tables, settings.graph, drop_edges=not masks)
        drawn = settings.graph.model_copy(update={"rsml": False, "overlays": True})
        write_files(work / "frames.parquet", tables.nodes, tables.edges, work / "files", drawn)
        _write_pictures(new, work, frames, tables)
        rows = _write_tables(new, tables)
    for path, plate in frames:
        if not any(row["picture"] == plate["plate"] and row["total_length_px"] > 0 for row in rows):
            log.warning("%s: no plant with roots was found; look at its overlay and mask", path)
    log.info("%s: %d pictures, %d plants", output, len(frames), len(rows))
    return rows


Frames = list[tuple[Path, dict[str, Any]]]


def _check(pictures: Sequence[Path], output: Path, masks: Sequence[Path], weights: Sequence[Path]) -> None:
    if masks and weights:
        raise CxrError("--mask and --weights are both given; a mask needs no network, so give one of them")
    if not masks and not weights:
        raise CxrError(
            f"{pictures[0]}: nothing tells its roots; give --mask with a mask of them, or --weights of a network that "
            "finds them (docs/roots.md)"
        )
    if masks and len(masks) != len(pictures):
        raise CxrError(f"{len(pictures)} pictures and {len(masks)} masks; expected a --mask for each, in their order")
    if output.is_dir() and any(output.iterdir()):
        raise CxrError(f"{output}: the folder is not empty; give a new folder as --output, or empty it")


def _frames(pictures: Sequence[Path], masks: Mapping[Path, Path], settings: RootsReadConfig, table: Path) -> Frames:
    found: Frames = []
    for plate in single_plates(pictures):
        path = plate.pictures[0]
        if (mask := masks.get(path.resolve())) is not None and mask.resolve() == path.resolve():
            found.append((path, _frame_of_mask(plate.name, path, settings.mm_per_pixel)))
            continue
        reading = read_plate(plate, settings, 1.0)
        if not reading.frames:
            path, reason = next(each for each in reading.rejected if each[0])
            raise CxrError(f"{path}: {reason}")
        for warning in reading.warned:
            log.warning("%s: %s", plate.name, warning)
        if reading.frames[0]["mm_per_pixel"] is None:
            log.warning("%s: no scale, so lengths are in pixels; give --mm-per-pixel if you know it", plate.name)
        found.append((path, reading.frames[0]))
    write_arrow(pa.Table.from_pylist([row for _, row in found], schema=ROOT_FRAMES), table)
    return found


def _frame_of_mask(name: str, path: Path, scale: float | None) -> dict[str, Any]:
    """Return the row of a mask that is given without a picture; it may be black almost everywhere."""
    height, width = _root(path).shape
    return {
        "plate": name,
        "frame": 0,
        "path": str(path),
        "hours": 0.0,
        "time_source": "interval",
        "height": height,
        "width": width,
        "mm_per_pixel": scale,
        "scale_source": "none" if scale is None else "given",
        "shift_x": 0.0,
        "shift_y": 0.0,
        "notes": [],
    }


def _root(mask: Path) -> np.ndarray:
    try:
        return read_root_mask(mask)
    except ImageError as error:
        raise CxrError(f"{mask}: {error}") from error


def _plants(frames: Frames, plants_table: Path | None, table: Path) -> None:
    rows: list[dict[str, Any]] = []
    if plants_table is not None:
        sizes = {row["plate"]: (row["height"], row["width"]) for _, row in frames}
        rows = plant_rows(plants_table, read_plants(plants_table), sizes, lambda _plate, _plant: None)
    write_arrow(pa.Table.from_pylist(rows, schema=ROOT_PLANTS), table)


def _given_masks(frames: Frames, masks: Mapping[Path, Path], table: Path) -> None:
    rows = []
    for path, row in frames:
        mask = masks[path.resolve()]
        root = _root(mask)
        if root.shape != (row["height"], row["width"]):
            raise CxrError(
                f"{mask}: {root.shape[1]} x {root.shape[0]} pixels; its picture {path.name} has {row['width']} x "
                f"{row['height']} as EXIF turns it; give a mask of that size"
            )
        rows.append({key: row[key] for key in ("plate", "frame", "height", "width")} | {"rle": rle_encode(root)})
    write_arrow(pa.Table.from_pylist(rows, schema=ROOT_MASKS), table)


def _found_masks(work: Path, weights: Sequence[Path], settings: RootsSegmentConfig) -> None:
    from cxrfactory.roots.segment.shard import segment_plates

    segment_plates(work / "frames.parquet", weights, work / "masks.parquet", work / "lost.parquet", settings)


def _write_pictures(folder: Path, work: Path, frames: Frames, tables: GraphOutputs) -> None:
    """Write RSML, overlay and mask of each picture."""
    from cxrfactory.geometry.roots.system import paths_of

    edges = read_table(tables.edges, ROOT_EDGES)
    masks = read_table(work / "masks.parquet", ROOT_MASKS).set_index("plate")
    for _, row in frames:
        name = row["plate"]
        stem = file_stem(name)
        plants = {
            plant: paths_of(rows.to_dict("records"))
            for plant, rows in edges[edges["plate"] == name].groupby("plant", sort=False)
        }
        if plants:  # RSML requires a plant
            text = rsml_text(scene_of_plate(Moment.of(row), plants))
            (folder / f"{stem}.rsml").write_bytes(text.encode("utf-8"))
        (folder / f"{stem}.jpg").write_bytes((work / "files" / "overlays" / f"{stem}.jpg").read_bytes())
        mask = rle_decode(masks.loc[name, "rle"], row["height"], row["width"])
        (folder / f"{stem}.mask.png").write_bytes(encode_png(mask * np.uint8(255)))


def _write_tables(folder: Path, tables: GraphOutputs) -> list[dict[str, Any]]:
    """Write the CSV tables, and return the rows of the traits."""
    traits = read_table(tables.traits, ROOT_TRAITS).drop(columns=_NO_TIME)
    traits["flags"] = [" ".join(flags) for flags in traits["flags"]]
    _csv(folder / "traits.csv", traits)
    _csv(folder / "laterals.csv", read_table(tables.laterals, ROOT_LATERALS).drop(columns=_NO_EMERGENCE))
    _csv(folder / "plants.csv", read_table(tables.plants, ROOT_PLANTS).drop(columns=["group"]))
    return traits.rename(columns={"plate": "picture"}).to_dict("records")


def _csv(path: Path, table: pd.DataFrame) -> None:
    named = table.rename(columns={"plate": "picture"})
    with path.open("w", encoding="utf-8", newline="") as stream:
        named.to_csv(stream, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
