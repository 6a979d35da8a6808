"""Open the product for the browser: scores in memory, masks from the rows of the published CSV."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import landmark_graph, slices_within
from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.products.browsed import Detail, Index, Organ, Outlines
from cxrfactory.products.browsed_columns import (
    StoredColumns,
    column_of,
    constant_column,
    fact_columns,
    read_columns,
    related_rows,
    text_column,
    whole_array,
)
from cxrfactory.products.browsed_releases import BrowsedReleases
from cxrfactory.products.chexmask.reading import Opened, belongs
from cxrfactory.products.film_files import read_film
from cxrfactory.tables.arrow_values import numbers
from cxrfactory.tables.csv_rows import row_starts
from cxrfactory.tables.one_row import RowReader
from cxrfactory.tables.parquet import stored_rows, stored_schema
from cxrfactory.tables.published_lines import PublishedLines, PublishedMasks
from cxrfactory.tables.schemas import GEOMETRY_FIELDS

_INDEX = "index.parquet"
_CSV_START = "csv_start"
_LISTS = ("flag_reasons",)
_THREADS = 2  # of reading columns; each holds one of them in memory
_GEOMETRY = [field.name for field in GEOMETRY_FIELDS]
_SQUARE = "landmarks_preprocessed"
_LISTS_OF_POINTS = ["landmarks", "landmarks_std", _SQUARE]  # of as many numbers in each row
_POINTS = ["landmarks", "landmarks_std", "evidence", _SQUARE, *_GEOMETRY]
_HIDDEN = {"image_id", "release", _CSV_START, "crop_top", "crop_left", "crop_height", "crop_width", "size"}

_WHOSE = {"": "", "lungs_": ", lungs", "heart_": ", heart", "right_lung_": ", right lung", "left_lung_": ", left lung"}
LABELS = {
    "dice_rca_mean": "Dice by RCA, mean",
    "dice_rca_max": "Dice by RCA, maximum",
    "lungs_mean": "RCA mean, lungs",
    "lungs_max": "RCA maximum, lungs",
    "heart_mean": "RCA mean, heart",
    "heart_max": "RCA maximum, heart",
    "typicality": "typicality",
    "mirrored": "probability of a mirrored film",
    "flagged": "flagged",
    "flag_reasons": "reason of the flag",
    "latent_norm": "latent norm",
    "uncertainty": "uncertainty, px",
    "cardiothoracic_ratio": "cardiothoracic ratio",
    "original_height": "height, px",
    "original_width": "width, px",
    "orientation": "orientation",
    "interval_width": "width of the interval",
} | {
    f"{organ}dice_{end}": f"Dice, {words}{whose}"
    for organ, whose in _WHOSE.items()
    for end, words in {"estimate": "estimate", "low": "low end", "high": "high end"}.items()
}  # fmt: skip
# In this order before all others.
_FIRST = ["dice_estimate", "interval_width", "dice_rca_mean", "cardiothoracic_ratio", "uncertainty", "typicality"]
_WORST = [("dice_estimate", True), ("dice_rca_mean", True), ("image_id", True)]

__all__ = ["Browsing", "belongs"]


class Browsing(BrowsedReleases):
    """Lungs and heart of frontal radiographs: one row for each image of each release.

    Parameters
    ----------
    product
        The product, with the locations of the radiographs.
    folders
        Folder of each release's radiographs, named after their ids, by release; the key ``""`` is for all others.
    """

    kind = Opened.kind

    def __init__(self, product: Opened, folders: Mapping[str, Path]) -> None:
        table, counts = _light_columns(product)
        self._hold(product, counts)
        self._points = {release: RowReader(path, _POINTS, _LISTS_OF_POINTS) for release, path in product.tables.items()}
        ids = whole_array(table["image_id"])
        with ThreadPoolExecutor(_THREADS) as pool:
            opened = pool.submit(self._open_films, ids, folders)
            scores = _ordered(table, pool)
            pool.submit(self._open_points)
            facts = opened.result()
        datasets = [product.dataset_of(release) for release in counts]
        columns = {"release": constant_column("release", "release", list(counts), list(counts.values()))}
        columns |= scores | fact_columns(facts)
        self.index = Index(ids, constant_column("dataset", "dataset", datasets, list(counts.values())), columns)
        self.worst = next(each for each in _WORST if each[0] in columns or each[0] == "image_id")
        self._lines = self._csv_lines(table)
        self.organs = [Organ(name, name.replace("_", " "), ORGAN_COLOURS[name]) for name in ORGANS]

    def detail(self, key: int) -> Detail:
        """Return the masks of a row from the CSV, and its points with their deviations from the Parquet."""
        release, place = self._place(key)
        published = self._published(key, points=False)
        stored = self._points[release].row(place, [name for name in _POINTS if name != _SQUARE])
        points = np.asarray(stored["landmarks"], np.float32).reshape(-1, 2)
        geometry = Geometry.from_row(stored)
        spread = geometry.inverse_spread(np.asarray(stored["landmarks_std"], np.float32).reshape(-1, 2))
        slices = slices_within(len(points))
        nodes = [organ for organ, where in slices.items() for _ in range(where.start, where.stop)]
        reasons = self.index.columns.get("flag_reasons")
        return Detail(
            height=published.height,
            width=published.width,
            masks=published.rles,
            landmarks=points,
            spread=spread,
            node_organs=nodes,
            values=_evidence(stored.get("evidence")),
            flags=[] if reasons is None else reasons.cell(key),
            related=[(self._label(other), other) for other in related_rows(self.index.columns, key)],
        )

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the published landmarks of a row, by organ."""
        published = self._published(key)
        points = published.landmarks
        return Outlines(
            published.height,
            published.width,
            {
                name: [points[where]]
                for name, where in slices_within(len(points)).items()
                if organs is None or name in organs
            },
        )

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the radiograph of a row."""
        if kind != "image":
            raise CxrError("this product has no picture of its own")
        release, place = self._place(key)
        films = self._films[release]
        path = films.path_of(self.index.image_id(key), place)
        columns = self.index.columns
        height, width = (int(columns[name].cell(key)) for name in ("original_height", "original_width"))
        return read_film(path, height, width, exact=films.source is not None)

    def csv_rows(self, keys: Sequence[int]) -> Iterator[bytes]:
        """Return the lines of the CSV in the original resolution; the id column of several releases is ``image_id``."""
        used = sorted({self._place(key)[0] for key in keys} or set(self._releases[:1]))
        headers = {self._lines[release].header_line for release in used}
        first = self._lines[used[0]].header_line
        yield first if len(headers) == 1 else b"image_id," + first.split(b",", 1)[1]
        for key in keys:
            release, place = self._place(key)
            yield self._lines[release].line(place)

    @property
    def has_tasks(self) -> bool:
        """Whether landmarks and radiographs are there to be corrected."""
        return self.images_known

    def square(self, key: int) -> tuple[UInt8[np.ndarray, "size size"], np.ndarray, str]:
        """Return the square picture that the model saw, its landmarks (x, y) in that frame, and the graph's name."""
        release, place = self._place(key)
        stored = self._points[release].row(place, [_SQUARE, *_GEOMETRY])
        points = np.asarray(stored[_SQUARE], np.float64).reshape(-1, 2)
        graph = landmark_graph("lungs" if len(points) == landmark_graph("lungs").nodes else "lungs-heart")
        geometry, pixels = Geometry.from_row(stored), self.picture(key, "image")
        shape = geometry.original_height, geometry.original_width
        if pixels.shape != shape:  # a picture of the same proportions, from a folder
            pixels = cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_AREA)
        square = geometry.forward_image(pixels)
        return square, points[: graph.nodes], graph.name

    def close(self) -> None:
        """Close the tables."""
        for each in (*self._points.values(), *self._lines.values()):
            each.close()

    def _label(self, key: int) -> str:
        view = self.index.columns.get("view")
        word = None if view is None else view.cell(key)
        return " ".join(filter(None, [word, self.index.image_id(key)]))

    def _published(self, key: int, points: bool = True) -> PublishedMasks:
        release, place = self._place(key)
        return self._lines[release].published(place, self.index.image_id(key), points)

    def _open_points(self) -> None:
        for reader in self._points.values():
            with suppress(CxrError):  # the request that needs the file says what is wrong with it
                reader.open()

    def _csv_lines(self, table: pa.Table | StoredColumns) -> dict[str, PublishedLines]:
        found = {}
        known = numbers(table[_CSV_START]) if _CSV_START in table.column_names else None
        for number, release in enumerate(self._releases):
            path = self._product.folder / "OriginalResolution" / f"{release}.csv"
            if not path.is_file():
                raise CxrError(f"{path}: no such file; the browser reads masks from it")
            first, last = int(self._starts[number]), int(self._starts[number + 1])
            starts = row_starts(path) if known is None else np.append(known[first:last], path.stat().st_size)
            if len(starts) - 1 != last - first:
                raise CxrError(f"{path}: {len(starts) - 1} rows; Parquet/{release}.parquet has {last - first}")
            found[release] = PublishedLines(path, starts)
        return found


def _light_columns(product: Opened) -> tuple[pa.Table | StoredColumns, dict[str, int]]:
    """Return the columns that are neither masks nor landmarks, of all releases one after another; count the rows."""
    path = product.folder / _INDEX
    if path.is_file():
        table = StoredColumns(path)
        found = text_column("release", "release", table.coded("release"))
        counted = dict(zip(found.words, np.bincount(found.codes, minlength=len(found.words)).tolist(), strict=True))
        if not set(counted) <= set(product.tables) or (np.diff(found.codes) < 0).any():
            raise CxrError(f"{path}: its releases are not those of the tables in Parquet/; the product is not whole")
        return table, counted | {name: 0 for name in product.tables if name not in counted}
    counts = {release: stored_rows(table) for release, table in product.tables.items()}
    tables = [read_columns(table, _light(stored_schema(table))) for table in product.tables.values()]
    return pa.concat_tables(tables, promote_options="permissive"), counts


def _light(schema: pa.Schema) -> list[str]:
    return [
        field.name
        for field in schema
        if field.name not in ORGANS and (field.name in _LISTS or not pa.types.is_nested(field.type))
    ]


def _ordered(table: pa.Table | StoredColumns, pool: Executor) -> dict[str, Any]:
    present = list(table.column_names)
    if {"dice_low", "dice_high"} <= set(present):
        present.append("interval_width")
    names = [name for name in _FIRST if name in present]
    names += [name for name in present if name not in names and name not in _HIDDEN]

    def made(name: str) -> Any:
        width = name == "interval_width"
        values = pc.subtract(table["dice_high"], table["dice_low"]) if width else table[name]
        return column_of(name, LABELS.get(name, name.replace("_", " ")), values)

    return {name: column for name, column in zip(names, pool.map(made, names), strict=True) if column is not None}


def _evidence(records: Sequence[Mapping[str, Any]] | None) -> dict[str, float]:
    return {
        f"{signal.replace('_', ' ')}, {record['organ'].replace('_', ' ')}": value
        for record in records or ()
        for signal, value in record.items()
        if signal != "organ" and value is not None
    }
