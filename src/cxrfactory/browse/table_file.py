"""A CheXmask CSV of any published variant for the browser: one pass over it for the small columns, then single rows."""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import landmark_graph, slices_within
from cxrfactory.anatomy.organs import ORGAN_COLUMNS, ORGANS
from cxrfactory.browse.segment_files import ESTIMATE, Deviations, quality_columns, read_left_out, reasons_of
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS
from cxrfactory.imaging.mask_outlines import mask_outlines
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.browsed import Browsed, Column, Detail, Index, LeftOut, Organ, Outlines
from cxrfactory.products.browsed_columns import column_of, constant_column, whole_array
from cxrfactory.products.film_files import FilmFolder, ReleaseFilms, read_film
from cxrfactory.tables.beside import table_name
from cxrfactory.tables.chexmask import DICE_COLUMNS, LANDMARK_COLUMNS, RLE_COLUMNS, SIZE_COLUMNS, table_columns
from cxrfactory.tables.csv_dialect import is_gzip, separator_of, unpacked
from cxrfactory.tables.csv_rows import row_starts
from cxrfactory.tables.parquet import read_table, write_arrow
from cxrfactory.tables.published_lines import PublishedLines

log = get_logger(__name__)

LARGE_BYTES = 200 << 20  # the index of a larger file is kept for the next time
KEPT_INDICES = 20
_BLOCK_BYTES = 1 << 25  # a row must fit into it
_START = "csv_start"
_VERSION = b"1"


class TableFile(Browsed):
    """A CheXmask CSV: one row for each row of the file.

    Parameters
    ----------
    path
        The CSV.
    images
        Folder of radiographs whose names are the ids, or None.

    Raises
    ------
    CxrError
        If the file is no such table.
    """

    kind = "table"

    def __init__(self, path: Path, images: Path | None) -> None:
        if not path.name.endswith((".csv", ".csv.gz")):
            raise CxrError(
                f"{path}: {path.suffix or 'no'} ending; expected a folder of a product, or a CheXmask table as .csv or "
                ".csv.gz"
            )
        self.title, self._path = path.name, path
        id_column, separator = _id_of(path), separator_of(path)
        with TemporaryDirectory() as folder:
            # The file stays open for its rows after its name is gone.
            plain = unpacked(path, Path(folder)) if is_gzip(path) else path
            table = _indexed(plain, id_column, separator, _kept_path(path))
            starts = np.append(table[_START].to_numpy(), plain.stat().st_size)
            self._lines = PublishedLines(plain, starts, id_column, separator)
        if not set(self._lines.header).intersection((*SIZE_COLUMNS, *LANDMARK_COLUMNS)):
            # CheXmask's tables without sizes have landmarks, in a square of 1024 pixels.
            raise CxrError(f"{path}: columns {list(SIZE_COLUMNS)} are missing; expected the size of the masks")
        ids = whole_array(table["image_id"])
        self._quality = quality_columns(path, ids)
        self._deviations = Deviations(path, len(ids))
        columns = self._quality | _columns(table)
        self.index = Index(ids, constant_column("dataset", "dataset", [table_name(path)], [len(ids)]), columns)
        scores = [each for each in (ESTIMATE, DICE_COLUMNS[0]) if each in columns]
        self.worst = (scores[0] if scores else "image_id", True)
        self._films = ReleaseFilms(folder=None if images is None else FilmFolder(images, ids))
        present = [organ for organ in ORGANS if ORGAN_COLUMNS[organ] in self._lines.header]
        self.organs = [Organ(name, name.replace("_", " "), ORGAN_COLOURS[name]) for name in present]

    @property
    def images_known(self) -> bool:
        """Whether a folder of radiographs was named."""
        return self._films.known

    def detail(self, key: int) -> Detail:
        """Return the masks and landmarks of one row."""
        row = self._lines.published(key, self.index.image_id(key))
        points = row.landmarks if len(row.landmarks) else None
        nodes = None if points is None else _organs_of(len(points))
        spread = row.spread if row.spread is not None else self._deviations.of(key, self.index.image_id(key))
        flags = reasons_of(self._quality, key)
        return Detail(row.height, row.width, row.rles, points, spread, nodes, flags=flags)

    def left_out(self) -> LeftOut:
        """Return the images that ``segment`` rejected, by the file beside the table."""
        return read_left_out(self._path)

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the landmarks of one row by organ, or the outlines of its masks where it has no landmarks."""
        row = self._lines.published(key, self.index.image_id(key))
        if len(row.landmarks):
            slices = {
                name: where
                for name, where in slices_within(len(row.landmarks)).items()
                if organs is None or name in organs
            }
            return Outlines(row.height, row.width, {name: [row.landmarks[where]] for name, where in slices.items()})
        from cxrfactory.tables.rle import rle_decode  # late, because it compiles

        masks = {
            organ: rle_decode(rle, row.height, row.width)
            for organ, rle in row.rles.items()
            if organs is None or organ in organs
        }
        return Outlines(row.height, row.width, {organ: mask_outlines(mask) for organ, mask in masks.items()})

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the radiograph of one row; it may have another size of the same proportions."""
        if kind != "image":
            raise CxrError("a table has no pictures of its own")
        image_id = self.index.image_id(key)
        path = self._films.path_of(image_id, key)
        row = self._lines.published(key, image_id)
        return read_film(path, row.height, row.width, exact=False)

    def csv_rows(self, keys: Sequence[int]) -> Iterator[bytes]:
        """Return the header and the lines of the file, unchanged."""
        yield self._lines.header_line
        for key in keys:
            line = self._lines.line(key)
            yield line if line.endswith(b"\n") else line + b"\n"

    @property
    def has_tasks(self) -> bool:
        """Whether landmarks and radiographs are there to be corrected."""
        return self.images_known and any(name in self._lines.header for name in LANDMARK_COLUMNS[:2])

    def square(self, key: int) -> tuple[UInt8[np.ndarray, "size size"], np.ndarray, str]:
        """Return the picture filled up to a square at its right or lower edge, its landmarks, and the graph's name."""
        row = self._lines.published(key, self.index.image_id(key))
        pixels = self.picture(key, "image")
        side = max(pixels.shape)
        square = np.zeros((side, side), np.uint8)
        square[: pixels.shape[0], : pixels.shape[1]] = pixels
        graph = landmark_graph("lungs" if len(row.landmarks) == landmark_graph("lungs").nodes else "lungs-heart")
        points = (row.landmarks[: graph.nodes].astype(np.float64) + 0.5) * (side / max(row.height, row.width)) - 0.5
        return square, points, graph.name

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        self._deviations.close()


def _id_of(path: Path) -> str:
    """Return the id column of a table that has masks or landmarks."""
    id_column, names = table_columns(path)
    if not {*RLE_COLUMNS, *LANDMARK_COLUMNS[:2]} & set(names):
        raise CxrError(f"{path}: no column of masks or landmarks; found {names}; expected such as {RLE_COLUMNS[0]!r}")
    return id_column


def _indexed(path: Path, id_column: str, separator: str, kept: Path) -> pa.Table:
    """Return the small columns of the file and the offset of every row; those of a large file are kept."""
    large = path.stat().st_size >= LARGE_BYTES
    if large and kept.is_file():
        try:
            frame = read_table(kept)
            return pa.Table.from_pandas(frame, preserve_index=False)
        except CxrError as error:
            log.warning("the kept index is not used: %s", error)
    table = _read_index(path, id_column, separator)
    if large:
        try:
            write_arrow(table, kept)
            _tidy(kept.parent)
        except OSError as error:
            log.warning("%s: the index cannot be kept for the next time (%s)", kept.parent, error.strerror)
    return table


def _read_index(path: Path, id_column: str, separator: str) -> pa.Table:
    starts = row_starts(path)
    heavy = {*LANDMARK_COLUMNS, *RLE_COLUMNS}
    try:
        options = {
            "read_options": pa.csv.ReadOptions(block_size=_BLOCK_BYTES),
            "parse_options": pa.csv.ParseOptions(newlines_in_values=True, delimiter=separator),
        }
        with pa.csv.open_csv(path, **options) as probe:
            names = [name for name in probe.schema.names if name and name not in heavy]
        convert = pa.csv.ConvertOptions(include_columns=names, column_types={name: pa.string() for name in names})
        with pa.csv.open_csv(path, convert_options=convert, **options) as reader:
            blocks = -(-path.stat().st_size // _BLOCK_BYTES)
            batches = list(progress(reader, f"columns of {path.name}", blocks) if blocks > 8 else reader)
    except pa.ArrowInvalid as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    table = pa.Table.from_batches(batches) if batches else pa.table({name: pa.array([], pa.string()) for name in names})
    if len(table) != len(starts) - 1:
        raise CxrError(f"{path}: {len(starts) - 1} rows by their line ends, {len(table)} by their cells; mend the file")
    columns = {"image_id": table[id_column], _START: pa.array(starts[:-1])}
    empty = np.flatnonzero(pc.equal(table[id_column], "").to_numpy(zero_copy_only=False)) if len(table) else []
    if len(empty):
        raise CxrError(f"{path}: row {int(empty[0]) + 1}: column '{id_column}' is empty")
    for name in names:
        if name not in (id_column, "image_id", _START):
            columns[name] = _numbers(table[name], separator)
    return pa.table(columns)


def _numbers(texts: pa.ChunkedArray, separator: str) -> pa.ChunkedArray:
    """Return the numbers of a column of texts, or the texts if one is no number."""
    filled = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, pc.utf8_trim_whitespace(texts))
    decimal = filled if separator == "," else pc.replace_substring_regex(filled, r"^(\d+),(\d+)$", r"\1.\2")
    try:
        return pc.cast(decimal, pa.float64())
    except pa.ArrowInvalid:
        return filled


def _columns(table: pa.Table) -> dict[str, Column]:
    labels: Mapping[str, str] = {DICE_COLUMNS[0]: "Dice by RCA, mean", DICE_COLUMNS[1]: "Dice by RCA, maximum"} | {
        name: f"{name.lower()}, px" for name in SIZE_COLUMNS
    }
    found: dict[str, Column] = {}
    for name in table.column_names:
        if name in ("image_id", _START):
            continue
        made = column_of(name, labels.get(name, name), table[name])
        if made is not None:
            found[name] = made
    return found


def _kept_path(path: Path) -> Path:
    facts = path.stat()
    key = f"{path.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}".encode("utf-8", "surrogateescape")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cxrfactory" / "browse" / f"{hashlib.sha256(_VERSION + key).hexdigest()[:32]}.parquet"


def _tidy(folder: Path) -> None:
    """Remove the oldest kept indices."""
    found = sorted(folder.glob("*.parquet"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in found[KEPT_INDICES:]:
        old.unlink(missing_ok=True)


def _organs_of(nodes: int) -> list[str]:
    return [organ for organ, where in slices_within(nodes).items() for _ in range(where.start, where.stop)]
