"""The CheXmask table: reading of all published variants and of our Parquet; the names to write one are here too.

Columns have the names that CheXmask publishes (``Dice RCA (Mean)``, ``Left Lung``, ...). The id column is an exception:
its published name depends on the release, and here it is always ``image_id``. See docs/chexmask-format.md.
"""

import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.tables.chexmask_columns import (
    DICE_COLUMNS,
    ESTIMATE_COLUMNS,
    KNOWN_COLUMNS,
    LANDMARK_COLUMNS,
    PARQUET_NAMES,
    PREPROCESSED_SIDE,
    PUBLISHED_COLUMNS,
    PUBLISHED_IDS,
    RLE_COLUMNS,
    SIZE_COLUMNS,
)
from cxrfactory.tables.chexmask_frame import fill_sizes, states_no_size
from cxrfactory.tables.chexmask_text import header_text, quoted, row_text, write_chexmask
from cxrfactory.tables.csv_dialect import separator_of
from cxrfactory.tables.landmark_text import NODE_COUNTS, parse_landmarks
from cxrfactory.tables.parquet import open_parquet

T = TypeVar("T")

log = get_logger(__name__)

LARGEST_SIDE = 1_000_000  # pixels
_ROWS_AT_A_TIME = 4096  # CSV rows per piece; a row has about 15 kB
_NO_NAME = "Unnamed: "  # pandas gives this name to the unnamed first column of some files, which is an index
_PARQUET_POINTS = ("landmarks", "landmarks_preprocessed", "landmarks_mean", "landmarks_std")
_CSV_ERRORS = (
    pd.errors.ParserError,
    pd.errors.EmptyDataError,
    UnicodeDecodeError,
    OSError,
    EOFError,
    zlib.error,
)
_DECIMAL_COMMA = re.compile(r"([01]),(\d+)")
# Lower-case column names that identify images, in any release.
_ID_NAME = re.compile(r"(?:image|dicom|sop|instance|file|[ _-])*(?:id|uid|index|path|file|name)")


def read_chexmask(
    path: str | Path,
    columns: Sequence[str] | None = None,
    chunksize: int | None = None,
    id_column: str | None = None,
    faults: dict[int, str] | None = None,
) -> pd.DataFrame | Iterator[pd.DataFrame]:
    """Read a CheXmask table, published or ours.

    Parameters
    ----------
    path
        CSV (also ``.csv.gz``) of CheXmask, CheXmask-U or the physicians' annotations, or our Parquet.
    columns
        Published names of the columns to read, e.g. ``["Dice RCA (Mean)", "Landmarks"]``; the id is always included.
        Without it, all columns are read. Leaving out the RLE columns saves most of the memory.
    chunksize
        Number of rows per piece; if it is given, the result is an iterator of frames.
    id_column
        Name of the id column of a CSV. If it is not given, it is the column whose name identifies images
        (``dicom_id``, ``Image Index``, ``Path``, ...). If there is no such name, it is the first column if that is not
        in :data:`KNOWN_COLUMNS`, or else the only column that is not in :data:`KNOWN_COLUMNS`.
    faults
        Takes what is wrong with a row of a CSV, by its number from 1. The cell is then NaN, 0 pixels or without points.
        Without it, the first such row is an error.

    Returns
    -------
    One row per image, in the order of the file. The first column is ``image_id`` (text). Then come those of the
    following columns that the table holds: ``Dice RCA (Mean)``, ``Dice RCA (Max)`` (float64, NaN for empty cells);
    ``Landmarks``, ``Landmarks (Mean)``, ``Landmarks (Std)`` (float32 arrays [nodes, 2], (x, y) in pixels of the frame
    of ``Height`` x ``Width``); ``Left Lung``, ``Right Lung``, ``Heart`` (RLE text, empty for empty cells); ``Height``,
    ``Width`` (int64 pixels; 1024 where both cells are empty, as in published subsets of the preprocessed resolution, if
    masks and landmarks fit that frame); and other columns as text (from Parquet, as stored). A Parquet made with a
    calibration also has ``Dice estimate``, ``Dice low`` and ``Dice high`` (float64). ``frame.attrs["id_column"]`` is
    the name of the id column in the file.

    Raises
    ------
    CxrError
        If the file cannot be read, has no id or landmark column, or a cell cannot be parsed; the message names the
        file, the row (1 is the first after the header) and the column.

    Warns
    -----
    UserWarning
        If the mean exceeds the maximum in some rows. In some published tables the two columns are exchanged; the
        values are not changed.

    Notes
    -----
    CheXmask: Gaggion et al. (2024), table 1.

    Examples
    --------
    >>> table = cxr.read_chexmask(chexmask_csv)
    >>> table["Landmarks"][0].shape, table["Landmarks"][0].dtype
    ((120, 2), dtype('float32'))
    >>> heart = cxr.rle_decode(table["Heart"][0], table["Height"][0], table["Width"][0])
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a CheXmask table (CSV or Parquet)")
    if chunksize is not None and chunksize < 1:
        raise CxrError(f"chunksize is {chunksize}; expected 1 or more")
    if path.suffix == ".parquet":
        pieces = _parquet_pieces(path, columns, chunksize)
    else:
        pieces = _csv_pieces(path, columns, chunksize, id_column, faults)
    return pieces if chunksize is not None else next(pieces)


def table_columns(path: str | Path) -> tuple[str, list[str]]:
    """Return the name of the id column of a table and the names of its other columns, by its header alone.

    Raises
    ------
    CxrError
        If the file cannot be read, or has no id column.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a CheXmask table (CSV or Parquet)")
    if path.suffix == ".parquet":
        with open_parquet(path) as file:
            stored = file.schema_arrow.names
        if "image_id" not in stored:
            raise CxrError(f"{path}: column 'image_id' is missing; found {stored}")
        return "image_id", [PARQUET_NAMES.get(name, name) for name in stored if name != "image_id"]
    with _csv_errors(path):
        header = _csv_header(path, _options(path))
    id_column = _find_id(path, header, None)
    return id_column, [name for name in header if name != id_column and not name.startswith(_NO_NAME)]


def _options(path: Path) -> dict[str, Any]:
    return {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "sep": separator_of(path)}


def _csv_header(path: Path, options: dict[str, Any]) -> list[str]:
    header = [str(name) for name in pd.read_csv(path, nrows=0, **options).columns]
    written = pd.read_csv(path, nrows=1, header=None, **options).iloc[0].tolist()
    twice = sorted({name for name in written if name and written.count(name) > 1})
    if twice:
        raise CxrError(f"{path}: columns {twice} occur twice; expected each once")
    return header


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
    """Turn the errors of a CSV that cannot be read into errors of one line."""
    try:
        yield
    except _CSV_ERRORS as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error


def _csv_pieces(
    path: Path,
    columns: Sequence[str] | None,
    chunksize: int | None,
    id_column: str | None,
    faults: dict[int, str] | None,
) -> Iterator[pd.DataFrame]:
    with _csv_errors(path):
        options = _options(path)
        header = _csv_header(path, options)
        id_column = _find_id(path, header, id_column)
        wanted = _wanted(path, [name for name in header if name != id_column], columns)
        # All columns are read, piece by piece, because with ``usecols`` pandas does not detect rows with surplus cells.
        reader = pd.read_csv(path, chunksize=chunksize or _ROWS_AT_A_TIME, **options)
        first_row = 1
        with reader:
            pieces = _sized(path, reader, [id_column, *wanted], header, faults)
            if chunksize is None and (all_pieces := list(pieces)):
                pieces = iter([pd.concat(all_pieces)])
            for raw in pieces:
                yield _parsed(path, raw, id_column, wanted, first_row, faults)
                first_row += len(raw)
        if first_row == 1:
            yield _parsed(path, pd.DataFrame(columns=[id_column, *wanted], dtype=str), id_column, wanted, 1, faults)


def _find_id(path: Path, header: list[str], id_column: str | None) -> str:
    if id_column is not None:
        if id_column not in header:
            raise CxrError(f"{path}: no id column '{id_column}'; found {header}")
        return id_column
    named = [name for name in header if not name.startswith(_NO_NAME)]
    others = [name for name in named if name not in KNOWN_COLUMNS]
    likely = [name for name in others if _ID_NAME.fullmatch(name.lower())]
    if len(likely) > 1:  # a saved index, or a path beside the id
        likely = [name for name in likely if name in PUBLISHED_IDS] or likely
    found = likely or (others[:1] if named[:1] == others[:1] else others)
    if len(found) != 1 or len(others) == len(named):
        raise CxrError(
            f"{path}: id columns {found} among {header}; expected one beside CheXmask's columns, such as 'image_id'; "
            "rename it in the file, or name it in Python: read_chexmask(..., id_column=NAME)"
        )
    return found[0]


def _wanted(path: Path, header: list[str], columns: Sequence[str] | None) -> list[str]:
    if columns is not None:
        missing = [name for name in columns if name not in header and name != "image_id"]
        if missing:
            raise CxrError(f"{path}: columns {missing} are missing; found {header}")
        return [name for name in columns if name != "image_id"]
    if not any(name in header for name in LANDMARK_COLUMNS[:2]):
        raise CxrError(f"{path}: column 'Landmarks' is missing; found {header}")
    order = (*DICE_COLUMNS, *LANDMARK_COLUMNS, *RLE_COLUMNS, *SIZE_COLUMNS)
    known = [name for name in order if name in header]
    return known + [name for name in header if name not in known and not name.startswith(_NO_NAME)]


def _sized(
    path: Path,
    pieces: Iterator[pd.DataFrame],
    names: list[str],
    header: list[str],
    faults: dict[int, str] | None,
) -> Iterator[pd.DataFrame]:
    """Yield the named columns of pieces, with the size of rows that state none; it is logged once."""
    first_row, before = 1, 0
    sizes = bool(set(SIZE_COLUMNS) & set(names))
    for raw in pieces:
        chosen = _only(path, raw, names, header)
        if first_row == 1:
            # Where the first row states its size, a row without one is the end of a file that was cut.
            sizes = sizes and states_no_size(raw)
        if sizes:
            filled, count = fill_sizes(path, raw, RLE_COLUMNS, first_row, faults)
            if count and not before:
                log.warning("%s: rows without Height and Width are read in the frame of %d x %d pixels of preprocessed "
                            "images", path, PREPROCESSED_SIDE, PREPROCESSED_SIDE)  # fmt: skip
            chosen, before = filled[names] if count else chosen, before + count
        yield chosen
        first_row += len(raw)


def _only(path: Path, raw: pd.DataFrame, names: list[str], header: list[str]) -> pd.DataFrame:
    if not isinstance(raw.index, pd.RangeIndex):  # with surplus cells pandas uses the first ones as row names
        raise CxrError(f"{path}: row 1 has more than {len(header)} cells; expected as many as the header names")
    return raw[names]


def _parsed(
    path: Path, raw: pd.DataFrame, id_column: str, wanted: list[str], first_row: int, faults: dict[int, str] | None
) -> pd.DataFrame:
    data: dict[str, object] = {"image_id": raw[id_column]}
    empty = np.flatnonzero(raw[id_column] == "")
    if empty.size:
        raise CxrError(f"{path}: row {first_row + int(empty[0])}: column '{id_column}' is empty")
    for name in wanted:
        cells = _Cells(path, name, raw[name].tolist(), first_row, faults)
        if name in LANDMARK_COLUMNS:
            data[name] = _column_of_arrays(cells.parsed(parse_landmarks, np.zeros((0, 2), np.float32)))
        elif name in DICE_COLUMNS:
            data[name] = np.array(cells.parsed(_score, float("nan")), dtype=np.float64)
        elif name in SIZE_COLUMNS:
            data[name] = np.array(cells.parsed(_size, 0), dtype=np.int64)
        else:
            data[name] = raw[name]
    frame = pd.DataFrame(data, index=pd.RangeIndex(first_row - 1, first_row - 1 + len(raw)))
    return _finished(path, frame, id_column)


def _parquet_pieces(path: Path, columns: Sequence[str] | None, chunksize: int | None) -> Iterator[pd.DataFrame]:
    with open_parquet(path) as file:
        stored = file.schema_arrow.names
        if "image_id" not in stored:
            raise CxrError(f"{path}: column 'image_id' is missing; found {stored}")
        published = {PARQUET_NAMES.get(name, name): name for name in stored if name != "image_id"}
        wanted = _wanted(path, list(published), columns)
        batches = file.iter_batches(
            batch_size=chunksize or max(file.metadata.num_rows, 1),
            columns=["image_id", *(published[name] for name in wanted)],
        )
        start, none = 0, True
        for batch in batches:
            raw = batch.to_pandas()
            data: dict[str, object] = {"image_id": raw["image_id"]}
            for name in wanted:
                values = raw[published[name]]
                if published[name] in _PARQUET_POINTS:
                    points = [np.asarray(value, dtype=np.float32).reshape(-1, 2) for value in values]
                    data[name] = _column_of_arrays(points)
                else:
                    data[name] = values.astype(np.int64) if name in SIZE_COLUMNS else values
            index = pd.RangeIndex(start, start + len(raw))
            start, none = start + len(raw), False
            yield _finished(path, pd.DataFrame({k: np.asarray(v) for k, v in data.items()}, index=index), "image_id")
        if none:
            yield _finished(path, pd.DataFrame(columns=["image_id", *wanted]), "image_id")


def _finished(path: Path, frame: pd.DataFrame, id_column: str) -> pd.DataFrame:
    frame.attrs["id_column"] = id_column
    if set(DICE_COLUMNS) <= set(frame.columns):
        exchanged = frame[DICE_COLUMNS[0]] > frame[DICE_COLUMNS[1]]
        if exchanged.any():
            warnings.warn(
                f"{path}: '{DICE_COLUMNS[0]}' exceeds '{DICE_COLUMNS[1]}' in {int(exchanged.sum())} of "
                f"{len(frame)} rows, first '{frame.loc[exchanged.idxmax(), 'image_id']}'; some published tables "
                "have the two exchanged; the values are left as they stand",
                stacklevel=4,
            )
    return frame


def _column_of_arrays(arrays: list[np.ndarray]) -> np.ndarray:
    # The column is filled one by one, because numpy would stack arrays of equal shape into one 3D array.
    column = np.empty(len(arrays), dtype=object)
    for index, array in enumerate(arrays):
        column[index] = array
    return column


@dataclass(frozen=True)
class _Cells:
    """The texts of one column in some rows; a fault is an error, or is kept where there is a place for it."""

    path: Path
    column: str
    texts: list[str]
    first_row: int
    faults: dict[int, str] | None

    def parsed(self, parse: Callable[[str], T], otherwise: T) -> list[T]:
        return [self._one(parse, text, self.first_row + place, otherwise) for place, text in enumerate(self.texts)]

    def _one(self, parse: Callable[[str], T], text: str, row: int, otherwise: T) -> T:
        try:
            return parse(text)
        except CxrError as error:
            fault = f"row {row}, column '{self.column}': {error}"
        except ValueError:
            fault = f"row {row}, column '{self.column}' holds '{text[:24]}'; expected a number"
        if self.faults is None:
            raise CxrError(f"{self.path}: {fault}")
        self.faults.setdefault(row, fault)
        return otherwise


def _score(text: str) -> float:
    """Return a number from 0 to 1, also with the decimal comma of a spreadsheet; an empty cell is NaN."""
    return float(_DECIMAL_COMMA.sub(r"\1.\2", text)) if text else float("nan")


def _size(text: str) -> int:
    number = float(text)  # pandas writes "1024.0" if the column was float
    if not number.is_integer() or not 1 <= number <= LARGEST_SIDE:
        raise CxrError(f"holds '{text[:24]}'; expected a whole number of pixels, 1 to {LARGEST_SIDE}")
    return int(number)


__all__ = [
    "DICE_COLUMNS",
    "ESTIMATE_COLUMNS",
    "KNOWN_COLUMNS",
    "NODE_COUNTS",
    "PARQUET_NAMES",
    "PREPROCESSED_SIDE",
    "PUBLISHED_COLUMNS",
    "RLE_COLUMNS",
    "SIZE_COLUMNS",
    "header_text",
    "quoted",
    "read_chexmask",
    "row_text",
    "table_columns",
    "write_chexmask",
]
