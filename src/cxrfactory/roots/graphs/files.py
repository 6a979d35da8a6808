"""Files of the graphs that other programs open: RSML, GraphML, pictures and videos, plate by plate.

The table of edges is read once, picture by picture, so the memory does not depend on the number of pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxrfactory.config.roots import RootsGraphConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.file_names import file_stem
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_batches, read_table
from cxrfactory.tables.roots import ROOT_EDGES, ROOT_FRAMES, ROOT_NODES

if TYPE_CHECKING:
    from cxrfactory.roots.graphs.overlay import Canvas, Drawing
    from cxrfactory.roots.graphs.scenes import Growth, Moment

log = get_logger(__name__)

_ROWS = 1024
_EDGES = ["plate", "frame", "plant", "edge", "start", "end", "root", "length_px", "points"]
_NODES = ["plate", "frame", "plant", "node", "kind", "root", "x", "y"]

Row = Mapping[str, Any]
Plants = dict[str, list[Row]]  # name of a plant to the rows of its edges at one time


def write_files(
    frames: Path,
    nodes: Path,
    edges: Path,
    folder: Path,
    settings: RootsGraphConfig,
    shard: int = 0,
    shards: int = 1,
) -> None:
    """Write the files of the plates of a shard into a folder, which is replaced as a whole.

    The folder holds ``rsml/PLATE/PLANT/FRAME.rsml`` (one plant at one time, frames with five digits),
    ``rsml/PLATE/PLANT.rsml`` (the plant over time), ``graphml/PLATE/PLANT.graphml`` (the last time),
    ``overlays/PLATE.jpg`` (up to six times) and ``video/PLATE.mp4`` (all pictures, if there are several). A plant
    without roots at a time has no file for it. The same tables give the same bytes.

    Parameters
    ----------
    frames
        Table ``ROOT_FRAMES``; the pictures are read from its paths.
    nodes, edges
        Tables ``ROOT_NODES`` and ``ROOT_EDGES``, sorted by plate and frame; plates of other shards are passed over.
    folder
        Folder to write.
    settings
        ``rsml`` and ``overlays`` say whether RSML files, and pictures and videos, are written.
    shard, shards
        Number of this shard from 0, and number of all shards.

    Raises
    ------
    CxrError
        If a table cannot be read or is not sorted, a graph belongs to a picture that ``frames`` lacks, or a picture
        cannot be read.
    """
    if not 0 <= shard < shards:
        raise CxrError(f"shard {shard} of {shards}; expected a shard from 0 and below the number of shards")
    table = read_table(frames, ROOT_FRAMES)
    mine = {
        plate: rows.sort_values("frame").to_dict("records")
        for plate, rows in table.groupby("plate", sort=True)
        if shard_of(plate, shards) == shard
    }
    _check_plates(edges, set(table["plate"]), frames)
    last_nodes = _last_nodes(nodes, mine)
    with replaced_folder(folder) as new:
        for plate, pictures in progress(_plates(edges, mine), "files of graphs", len(mine)):
            _Plate(new, plate, settings, last_nodes).write(mine[plate], pictures, edges)
    log.info("%s: files of %d plates", folder, len(mine))


def _check_plates(edges: Path, known: set[str], frames: Path) -> None:
    for batch in read_batches(edges, ["plate"], 1 << 16, ROOT_EDGES):
        for plate in pc.unique(batch["plate"]).to_pylist():
            if plate not in known:
                raise CxrError(f"{edges}: plate {plate} is not in {frames}; take both tables from one run")


def _plates(edges: Path, mine: Mapping[str, Any]) -> Iterator[tuple[str, Iterator[tuple[int, Plants]]]]:
    """Yield each plate with its pictures' edges; plates without edges come last."""
    done: set[str] = set()
    for plate, rows in groupby(_rows(edges, _EDGES, ROOT_EDGES, mine), key=lambda row: row["plate"]):
        if plate in done:
            raise CxrError(f"{edges}: the rows of plate {plate} do not follow one another; sort them by plate")
        done.add(plate)
        yield plate, _pictures(rows)
    for plate in mine:
        if plate not in done:
            log.warning("%s: no graphs of plate %s", edges, plate)
            yield plate, iter(())


def _pictures(rows: Iterator[Row]) -> Iterator[tuple[int, Plants]]:
    for frame, group in groupby(rows, key=lambda row: row["frame"]):
        plants: Plants = {}
        for row in group:
            plants.setdefault(row["plant"], []).append(row)
        yield frame, plants


def _rows(path: Path, columns: list[str], schema: pa.Schema, mine: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the shard's plates; lists of numbers become arrays."""
    plates = pa.array(list(mine), pa.string())
    for whole in read_batches(path, columns, _ROWS, schema):
        batch = whole.filter(pc.is_in(whole["plate"], plates))
        named = {}
        for name in columns:
            column = batch[name]
            named[name] = _arrays(column) if pa.types.is_list(column.type) else column.to_pylist()
        for values in zip(*named.values(), strict=True):
            yield dict(zip(named, values, strict=True))


def _arrays(column: pa.ListArray) -> list[np.ndarray]:
    bounds, numbers = column.offsets.to_numpy(), column.values.to_numpy()
    return [numbers[start:end] for start, end in pairwise(bounds)]


def _last_nodes(nodes: Path, mine: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, list[Row]]]:
    """Return the last frame of each plant, and the rows of its nodes there."""
    found: dict[tuple[str, str], tuple[int, list[Row]]] = {}
    for row in _rows(nodes, _NODES, ROOT_NODES, mine):
        key = row["plate"], row["plant"]
        if key not in found or row["frame"] > found[key][0]:
            found[key] = (row["frame"], [])
        if row["frame"] == found[key][0]:
            found[key][1].append(row)
    return found


class _Plate:
    """Writes the files of one plate."""

    def __init__(
        self,
        folder: Path,
        plate: str,
        settings: RootsGraphConfig,
        last_nodes: Mapping[tuple[str, str], tuple[int, list[Row]]],
    ) -> None:
        self.folder, self.plate, self.settings, self.last_nodes = folder, plate, settings, last_nodes
        self.name = _stem(plate)
        self.growths: dict[str, dict[str, Growth]] = {}
        self.last: dict[str, tuple[Moment, list[Row]]] = {}
        self.parents: set[Path] = set()

    def write(self, rows: Sequence[Row], pictures: Iterator[tuple[int, Plants]], edges: Path) -> None:
        """Write all files of the plate, picture by picture, and then those over time."""
        from cxrfactory.roots.graphs.scenes import Moment

        with ExitStack() as stack:
            drawn = stack.enter_context(_Drawn(self.folder, self.name, rows)) if self.settings.overlays else None
            for row, plants in _joined(rows, pictures, edges):
                moment = Moment.of(row)
                for plant, lines in plants.items():
                    self.add(plant, moment, lines)
                if drawn is not None:
                    drawn.add(row, plants)
        for plant in self.growths:
            self.finish(plant)

    def add(self, plant: str, moment: Moment, lines: list[Row]) -> None:
        """Write a plant at one time."""
        from cxrfactory.geometry.roots.system import paths_of
        from cxrfactory.roots.graphs.scenes import Growth, scene_at
        from cxrfactory.tables.rsml.write import rsml_text

        roots = paths_of(lines)
        growths = self.growths.setdefault(plant, {})
        for root in roots:
            growths.setdefault(root.name, Growth(moment.frame)).add(moment.hours, root)
        self.last[plant] = (moment, lines)
        if self.settings.rsml:
            self.put(rsml_text(scene_at(plant, moment, roots)), "rsml", _stem(plant), f"{moment.frame:05d}.rsml")

    def finish(self, plant: str) -> None:
        """Write a plant over time, and its last graph."""
        from cxrfactory.roots.graphs.scenes import graph_of, scene_over_time
        from cxrfactory.tables.rsml.graphml import graphml_text
        from cxrfactory.tables.rsml.write import rsml_text

        moment, lines = self.last[plant]
        growths = self.growths[plant]
        if self.settings.rsml:
            self.put(rsml_text(scene_over_time(plant, moment, growths)), "rsml", f"{_stem(plant)}.rsml")
        frame, nodes = self.last_nodes.get((self.plate, plant), (None, []))
        if frame != moment.frame:
            raise CxrError(
                f"plate {self.plate}, plant {plant}: the last edges are of frame {moment.frame}, the last nodes of "
                f"frame {frame}; take both tables from one run"
            )
        firsts = {name: growth.first_frame for name, growth in growths.items()}
        self.put(graphml_text(*graph_of(moment, plant, nodes, lines, firsts)), "graphml", f"{_stem(plant)}.graphml")

    def put(self, text: str, kind: str, *names: str) -> None:
        """Write a text as a file of the plate; the whole folder is moved into place at the end."""
        path = self.folder.joinpath(kind, self.name, *names)
        if path.parent not in self.parents:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.parents.add(path.parent)
        path.write_bytes(text.encode("utf-8"))


def _joined(rows: Sequence[Row], pictures: Iterator[tuple[int, Plants]], edges: Path) -> Iterator[tuple[Row, Plants]]:
    """Yield each row of ``ROOT_FRAMES`` with the plants that its picture shows."""
    waiting = next(pictures, None)
    for row in rows:
        plants: Plants = {}
        if waiting is not None and waiting[0] == row["frame"]:
            plants = waiting[1]
            waiting = next(pictures, None)
        yield row, plants
    if waiting is not None:
        raise CxrError(
            f"{edges}: plate {rows[0]['plate']} has edges of frame {waiting[0]} that no picture takes; sort the table "
            "by plate and frame, and take the pictures from the same run"
        )


class _Drawn:
    """Draws the pictures of a plate, one after another, into its video and its sheet."""

    def __init__(self, folder: Path, name: str, rows: Sequence[Row]) -> None:
        from cxrfactory.roots.graphs import overlay

        self.folder, self.name, self.rows = folder, name, rows
        size = int(rows[0]["height"]), int(rows[0]["width"])
        self.canvas = overlay.Canvas.of(*size, overlay.PLATE_SIDE)
        self.tile_canvas = overlay.Canvas.of(*size, overlay.TILE_SIDE)
        self.chosen = set(overlay.times_of([int(row["frame"]) for row in rows]))
        self.tiles: list[np.ndarray] = []
        self.stack = ExitStack()

    def __enter__(self) -> _Drawn:
        from cxrfactory.roots.graphs.video import rate_for, video

        self.video = None
        if len(self.rows) > 1:
            path = self.folder / "video" / f"{self.name}.mp4"
            self.video = self.stack.enter_context(video(path, rate_for(len(self.rows))))
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        from cxrfactory.roots.graphs.overlay import plate_sheet
        from cxrfactory.tables.atomic import write_bytes

        self.stack.__exit__(kind, *_)
        if kind is None:
            write_bytes(self.folder / "overlays" / f"{self.name}.jpg", plate_sheet(self.tiles), durable=False)

    def add(self, row: Row, plants: Plants) -> None:
        """Draw one picture."""
        if self.video is None and row["frame"] not in self.chosen:
            return
        picture = _picture(row)
        if self.video is not None:
            self.video.add(_drawn(picture, row, plants, self.canvas))
        if row["frame"] in self.chosen:
            self.tiles.append(_drawn(picture, row, plants, self.tile_canvas))


def _drawn(picture: np.ndarray, row: Row, plants: Plants, canvas: Canvas) -> np.ndarray:
    from cxrfactory.roots.graphs.overlay import drawn_over, fitted, with_words

    size, shift = (int(row["height"]), int(row["width"])), (float(row["shift_x"]), float(row["shift_y"]))
    below = fitted(picture, canvas, size, shift)
    words = f"{row['plate']}   picture {row['frame']}   {row['hours']:.1f} h"
    return with_words(drawn_over(below, _drawing(plants, canvas)), words)


def _drawing(plants: Plants, canvas: Canvas) -> Drawing:
    from cxrfactory.geometry.roots.system import order_of
    from cxrfactory.roots.graphs.overlay import Drawing

    edges = [(row["root"], row["points"].reshape(-1, 2)) for rows in plants.values() for row in rows]
    ends = [points[[0, -1]] for _, points in edges]
    seeds = {plant: min(rows, key=lambda row: row["edge"])["points"][:2] for plant, rows in plants.items()}
    places = canvas.placed(np.array(list(seeds.values()), float).reshape(-1, 2)).tolist()
    return Drawing(
        [canvas.thinned(points) for _, points in edges],
        [order_of(root) > 0 for root, _ in edges],
        canvas.placed(np.unique(np.concatenate(ends), axis=0)) if ends else np.zeros((0, 2), np.float32),
        [(plant, (x, y)) for plant, (x, y) in zip(seeds, places, strict=True)],
    )


def _picture(row: Row) -> np.ndarray:
    from cxrfactory.errors import ImageError
    from cxrfactory.imaging.root_pictures import decode_picture
    from cxrfactory.roots.graphs.overlay import PLATE_SIDE

    path = Path(row["path"])
    try:
        return decode_picture(path.read_bytes(), path.suffix, PLATE_SIDE)
    except OSError as error:
        raise CxrError(f"{path}: cannot be read ({error.strerror}); the table of pictures names it") from error
    except ImageError as error:
        raise CxrError(f"{path}: {error}; the table of pictures names it") from error


def _stem(name: str) -> str:
    """Return a name as the name of a file or folder that is not hidden and lies where it is put."""
    stem = file_stem(name)
    return f"%2E{stem[1:]}" if stem.startswith(".") else stem
