"""Stage: from the masks of plates to labelled graphs over time and traits, plate by plate.

The masks of a plate are read twice, one by one: first for the picture in which each pixel became root, from which the
roots are traced, and then for the flags of each picture. So the memory does not depend on the number of pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from cxrfactory.config.roots import RootsGraphConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import open_parquet, parquet_writer, read_batches, read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.roots import (
    ROOT_EDGES,
    ROOT_FRAMES,
    ROOT_LATERALS,
    ROOT_MASKS,
    ROOT_NODES,
    ROOT_PLANTS,
    ROOT_TRAITS,
)

if TYPE_CHECKING:
    import pandas as pd

    from cxrfactory.geometry.roots.growing import GrownRoot
    from cxrfactory.geometry.roots.regions import PlateRegions
    from cxrfactory.roots.graphs.plant import PlantOverTime
    from cxrfactory.roots.reading.given import Groups

log = get_logger(__name__)

LEAST_LATERAL = 8.0  # units (geometry/roots/lengths.py); the same where the scale is unknown
LEAST_PX = 4.0  # a lateral that counts is at least so long; what is shorter cannot be told from a bulge
MOST_LOOSE = 0.1  # share of the roots' pixels that belong to no plant; above it, the log warns
BORDER_PX = 2.0  # and a unit: a tip so near to the border has reached it
MASKS_AT_ONCE = 16
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class GraphOutputs:
    """Tables to write.

    Attributes
    ----------
    nodes, edges, traits, laterals
        Schemas ``ROOT_NODES``, ``ROOT_EDGES``, ``ROOT_TRAITS`` and ``ROOT_LATERALS``; by plate, picture and plant.
    plants
        ``ROOT_PLANTS`` of the shard's plates, given or found.
    """

    nodes: Path
    edges: Path
    traits: Path
    laterals: Path
    plants: Path


class _Tables:
    """The open tables; rows are written in large groups."""

    def __init__(self, outputs: GraphOutputs, stack: ExitStack) -> None:
        schemas = {
            "nodes": ROOT_NODES,
            "edges": ROOT_EDGES,
            "traits": ROOT_TRAITS,
            "laterals": ROOT_LATERALS,
            "plants": ROOT_PLANTS,
        }
        self.schemas = schemas
        self.waiting: dict[str, list[dict[str, Any]]] = {name: [] for name in schemas}
        self.writers = {}
        for name, schema in schemas.items():
            path = stack.enter_context(atomic_path(getattr(outputs, name)))
            self.writers[name] = stack.enter_context(parquet_writer(path, schema))

    def add(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        self.waiting[name].extend(rows)
        if len(self.waiting[name]) >= ROWS_AT_ONCE:
            self._write(name)

    def finish(self) -> None:
        for name in self.schemas:
            if self.waiting[name]:
                self._write(name)

    def _write(self, name: str) -> None:
        self.writers[name].write_table(pa.Table.from_pylist(self.waiting[name], schema=self.schemas[name]))
        self.waiting[name] = []


def write_graphs(
    frames: Path,
    plants: Path,
    masks: Path,
    outputs: GraphOutputs,
    settings: RootsGraphConfig,
    shard: int = 0,
    shards: int = 1,
    groups: Sequence[Path] = (),
    drop_edges: bool = True,
) -> None:
    """Write the graphs and traits of the plates of a shard.

    Parameters
    ----------
    frames, plants
        Tables ``ROOT_FRAMES`` and ``ROOT_PLANTS`` of all plates. The plants of a plate without rows in ``plants`` are
        found in its masks.
    masks
        Table ``ROOT_MASKS`` with the masks of at least the shard's plates, in the frame of each plate's first picture;
        the masks of a plate follow one another in the order of time. Pictures without a mask get no rows.
    outputs
        Tables to write.
    settings
        Settings of the graphs.
    shard, shards
        Number of this shard from 0, and number of all shards.
    groups
        Tables of groups (CSV) for plants that are found.
    drop_edges
        Whether straight parts along the sides of the picture are taken for edges of the plate, as a network may find;
        masks that people made hold roots alone.

    Raises
    ------
    CxrError
        If a table cannot be read, the masks do not fit the pictures, or a table of groups names a plant that is not
        found on its plate.
    """
    from cxrfactory.roots.reading.given import read_groups

    if not 0 <= shard < shards:
        raise CxrError(f"shard {shard} of {shards}; expected a shard from 0 and below the number of shards")
    pictures = read_table(frames, ROOT_FRAMES)
    given = read_table(plants, ROOT_PLANTS)
    group_of = read_groups(*groups)
    mine = [plate for plate in sorted(set(pictures["plate"])) if shard_of(plate, shards) == shard]
    spans = _spans(masks, set(mine))
    with ExitStack() as stack:
        tables = _Tables(outputs, stack)
        for plate in progress(mine, "graphs", len(mine)):
            if plate not in spans:
                log.warning("%s: no picture has a mask; the plate gets no graphs", plate)
                continue
            rows = pictures[pictures["plate"] == plate].sort_values("frame")
            mine_given = given[given["plate"] == plate]
            _write_plate(plate, rows, mine_given, masks, spans[plate], tables, settings, group_of, drop_edges)
        tables.finish()
    log.info("%s: graphs of %d plates", outputs.traits, len(mine))


@dataclass(frozen=True)
class _Span:
    """The masks of one plate in the table: the first row, and the frames in their order."""

    start: int
    frames: list[int]


def _spans(masks: Path, plates: set[str]) -> dict[str, _Span]:
    """Find the masks of each plate."""
    found: dict[str, _Span] = {}
    row, before = 0, None
    for batch in read_batches(masks, ["plate", "frame"], ROWS_AT_ONCE, ROOT_MASKS):
        for plate, frame in zip(batch["plate"].to_pylist(), batch["frame"].to_pylist(), strict=True):
            if plate in plates:
                if plate != before and plate in found:
                    raise CxrError(f"{masks}: the masks of plate {plate} do not follow one another; sort them by plate")
                span = found.setdefault(plate, _Span(row, []))
                if span.frames and frame <= span.frames[-1]:
                    raise CxrError(f"{masks}: frame {frame} of plate {plate} comes after {span.frames[-1]}; sort them")
                span.frames.append(frame)
            row, before = row + 1, plate
    return found


def _masks(masks: Path, span: _Span, shape: tuple[int, int], plate: str) -> Iterator[np.ndarray]:
    """Yield the masks of a plate one by one."""
    start, stop = span.start, span.start + len(span.frames)
    columns = ["frame", "height", "width", "rle"]
    with open_parquet(masks) as file:
        end = 0
        for group in range(file.num_row_groups):
            row, end = end, end + file.metadata.row_group(group).num_rows
            if end <= start or row >= stop:
                continue
            for batch in file.iter_batches(MASKS_AT_ONCE, row_groups=[group], columns=columns):
                first, last = max(start - row, 0), min(stop - row, batch.num_rows)
                row += batch.num_rows
                for each in batch.slice(first, last - first).to_pylist() if last > first else ():
                    if (each["height"], each["width"]) != shape:
                        raise CxrError(
                            f"{masks}: the mask of plate {plate}, frame {each['frame']} has {each['height']} x "
                            f"{each['width']} pixels; expected {shape[0]} x {shape[1]}, as the plate's first picture"
                        )
                    yield rle_decode(each["rle"], *shape)


def _write_plate(
    plate: str,
    pictures: pd.DataFrame,
    given: pd.DataFrame,
    masks: Path,
    span: _Span,
    tables: _Tables,
    settings: RootsGraphConfig,
    group_of: Groups,
    drop_edges: bool,
) -> None:
    from cxrfactory.geometry.roots.arrival import ArrivalMap
    from cxrfactory.geometry.roots.edges import edges_in
    from cxrfactory.geometry.roots.lengths import length_unit
    from cxrfactory.geometry.roots.lying import lies

    hours = dict(zip(pictures["frame"].tolist(), pictures["hours"].tolist(), strict=True))
    if unknown := [frame for frame in span.frames if frame not in hours]:
        raise CxrError(f"{masks}: plate {plate} has a mask of frame {unknown[0]}, which the table of pictures lacks")
    shape = (int(pictures["height"].iloc[0]), int(pictures["width"].iloc[0]))
    scales = pictures["mm_per_pixel"].dropna()
    scale = float(np.median(scales)) if len(scales) else None
    arrivals = ArrivalMap(*shape)
    for mask in _masks(masks, span, shape, plate):
        arrivals.add(mask)
    arrival = arrivals.finish()
    seen = arrival >= 0
    if drop_edges:
        arrival[edges_in(arrival)] = -1
    unit = length_unit(arrival >= 0)
    lying = lies(arrival)
    if lying is not None:
        log.warning(
            "%s: the roots %s, not down; graphs and traits of such a plate are wrong, so turn its pictures until the "
            "seeds are above the roots",
            plate,
            {"aside": "lie on their side", "up": "grow up"}.get(lying, f"grow to the {lying}"),
        )
    rows = _plants(plate, given, arrival, len(span.frames), group_of, unit)
    tables.add("plants", rows)
    times_h = [hours[frame] for frame in span.frames]
    found, owned = _grown(rows, arrival, scale, times_h, settings, unit, lying is not None)
    _tell_loose(plate, len(rows), seen, seen & ~owned)
    times = [(frame, hours[frame]) for frame in span.frames]
    for picture, mask in enumerate(_masks(masks, span, shape, plate)):
        for plant in found:
            nodes, edges, traits = plant.rows(picture, *times[picture], mask)
            tables.add("nodes", nodes)
            tables.add("edges", edges)
            tables.add("traits", [traits])
    for plant in found:
        tables.add("laterals", plant.laterals(times))


def _plants(
    plate: str, given: pd.DataFrame, arrival: np.ndarray, pictures: int, group_of: Groups, unit: float
) -> list[dict[str, Any]]:
    """Return the plants of a plate as rows: those given, or else those found in the masks."""
    from cxrfactory.geometry.roots.emergence import emerged_at
    from cxrfactory.geometry.roots.rows import find_plants_in_rows

    if len(given):
        return given.astype({"group": object}).where(given.notna(), None).to_dict("records")
    early = (arrival >= 0) & (arrival <= pictures // 4) if pictures > 1 else None
    rows = []
    for number, plant in enumerate(find_plants_in_rows(arrival >= 0, early), 1):
        seed_x, seed_y = emerged_at(arrival, np.array([plant.seed_x, plant.seed_y]), unit).tolist()
        key = {"plate": plate, "plant": str(number), "group": group_of(plate, str(number))}
        rows.append(key | plant._replace(seed_x=seed_x, seed_y=seed_y)._asdict() | {"source": "found"})
    group_of.check_found(plate, {row["plant"]: row["seed_x"] for row in rows})
    return rows


def _grown(
    rows: list[dict[str, Any]],
    arrival: np.ndarray,
    scale: float | None,
    hours: Sequence[float],
    settings: RootsGraphConfig,
    unit: float,
    lying: bool,
) -> tuple[list[PlantOverTime], np.ndarray]:
    """Trace the roots of the plants of a plate; return also the pixels that belong to a plant, [row, column]."""
    from cxrfactory.geometry.roots.growing import grow_plants
    from cxrfactory.geometry.roots.lengths import gap_unit
    from cxrfactory.geometry.roots.regions import border_of, plate_regions
    from cxrfactory.geometry.roots.system import EMERGED_MM
    from cxrfactory.roots.graphs.plant import PlantOverTime, most_steps

    seeds = np.array([(row["seed_x"], row["seed_y"]) for row in rows], float).reshape(-1, 2)
    boxes = [(row["left"], row["top"], row["right"], row["bottom"]) for row in rows]
    regions: PlateRegions = plate_regions(arrival, seeds, boxes, unit, max(unit, gap_unit(arrival.shape, scale)))
    least = settings.least_lateral_px if scale is None else max(EMERGED_MM / scale, LEAST_PX)
    if least is None:
        least = LEAST_LATERAL * unit
    roots: list[list[GrownRoot]] = [[] for _ in rows]
    for part in sorted(set(regions.part_of) - {0}):
        plants = [plant for plant, its in enumerate(regions.part_of) if its == part]
        grown = grow_plants(
            regions.parts == part,
            regions.arrival,
            regions.bridged,
            seeds[plants],
            len(hours),
            least,
            unit,
            settings.main_roots == "one",
        )
        for plant, each in zip(plants, grown, strict=True):
            roots[plant] = each
    steps = most_steps(hours, settings.most_tip_px_per_hour)
    border = border_of(arrival.shape, boxes, BORDER_PX + unit)
    plants = [
        PlantOverTime(row, its, touching, scale, steps, border, unit, lying)
        for row, its, touching in zip(rows, roots, regions.touching, strict=True)
    ]
    owned = [part for part, its in zip(regions.part_of, roots, strict=True) if part and its]
    return plants, np.isin(regions.parts, owned)


def _tell_loose(plate: str, plants: int, seen: np.ndarray, loose: np.ndarray) -> None:
    """Warn of a plate without roots, or with much root that belongs to no plant: a plant may have been missed."""
    if not seen.any():
        log.warning("%s: no root in any picture", plate)
        return
    share = np.count_nonzero(loose) / np.count_nonzero(seen)
    if share <= MOST_LOOSE:
        return
    _, _, boxes, _ = cv2.connectedComponentsWithStats(loose.astype(np.uint8), connectivity=8)
    left, top, across, down, _ = (int(each) for each in max(boxes[1:], key=lambda box: box[cv2.CC_STAT_AREA]))
    log.warning(
        "%s: %.0f %% of the roots belong to none of its %d plants, or were taken for edges of the plate; the largest "
        "such part is at x = %d to %d, y = %d to %d; look at the overlay, and give the seeds if a plant was missed "
        "(roots.plants_table)",
        plate,
        100 * share,
        plants,
        left,
        left + across,
        top,
        top + down,
    )
