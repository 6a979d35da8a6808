"""Read the table of a folder of one's own: CSV in the dialects of spreadsheets, or Parquet, as columns of text."""

import csv
import io
import re
import zlib
from pathlib import Path
from typing import Any

import pandas as pd

from cxrfactory.config import TableColumnsConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.rows import printable
from cxrfactory.logs import get_logger
from cxrfactory.tables.csv_dialect import commonest_separator

COLUMNS = tuple(TableColumnsConfig.model_fields)
_IMAGES = {"image_id", "path"}
_IDS = ("image_id", "patient_id", "study_id")
_SEPARATORS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_FORMULA = re.compile(r'="([^"]*)"')  # text that a spreadsheet must not read as a number
_SHOWN_COLUMNS = 15
_LARGEST_BYTES = 1 << 31
_LONGEST_CELL = 1 << 24
_MARKS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old format",
    b"{\\rtf": "a text document",
    b"%PDF": "a PDF",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

log = get_logger(__name__)


def read_table(path: Path, columns: TableColumnsConfig | None, label: str, quote: bool) -> pd.DataFrame:
    """Read the columns of a table that the config names, or that have the names of its keys.

    Parameters
    ----------
    path
        CSV file (separated by comma, semicolon, tab or vertical bar; plain or gzip; UTF-8), or Parquet.
    columns
        Names of the columns.
    label
        How messages call the table.
    quote
        Whether messages may quote the header line, which holds patients' data if the table has no header.

    Returns
    -------
    DataFrame
        Text columns named like the keys of ``columns`` (missing cells are empty), and ``row``: the number of the data
        row from 1.

    Raises
    ------
    CxrError
        If the table is missing, of another format or encoding, damaged, or lacks a column that the config names.
    """
    if not path.is_file():
        raise CxrError(f"{label}: no such file; expected a table of the images (CSV or Parquet), relative to the root")
    data = _bytes(path, label)
    cells = _parquet_cells(data, label) if data.startswith(b"PAR1") else _csv_cells(data, label)
    named = _named(list(cells.columns), columns or TableColumnsConfig(), label, quote)
    frame = pd.DataFrame({key: cells[name] for key, name in named.items()}, index=cells.index)
    frame = frame.map(_text).astype(object)
    empty = (frame == "").all(axis=1)
    if empty.any():
        log.warning("%s: %d empty rows are skipped", label, int(empty.sum()))
    frame = frame.assign(row=range(1, len(frame) + 1))[~empty].reset_index(drop=True)
    if frame.empty:
        raise CxrError(f"{label}: no row names an image; expected one row for each")
    for key in _IDS:
        if key in frame:
            frame[key] = _whole(frame[key])
    if "age" in frame:
        frame["age"] = frame["age"].str.replace(r"^(\d+),(\d+)$", r"\1.\2", regex=True)
    return frame


def _bytes(path: Path, label: str) -> bytes:
    size = path.stat().st_size
    if size == 0:
        raise CxrError(f"{label}: the file is empty (0 bytes); expected a table")
    if size > _LARGEST_BYTES:
        raise CxrError(f"{label}: {size >> 20} MiB; expected a table of at most {_LARGEST_BYTES >> 20} MiB")
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            data = inflater.decompress(data, min(_LARGEST_BYTES, 100 * size + (1 << 26)))
            if not inflater.eof:
                raise CxrError(f"{label}: not a whole gzip file, or larger than a table; expected a CSV table")
    except (OSError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged gzip file"
        raise CxrError(f"{label}: cannot be read ({reason}); expected a CSV or Parquet table") from error
    return data


def _csv_cells(data: bytes, label: str) -> pd.DataFrame:
    kind = next((words for mark, words in _MARKS.items() if data.startswith(mark)), None)
    if kind is not None:
        raise CxrError(f"{label}: {kind}; save the table as CSV in UTF-8")
    if data.startswith(_UTF16) or b"\0" in data[:4096]:
        raise CxrError(f"{label}: text in UTF-16, or a binary file; save the table as CSV in UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CxrError(
            f"{label}: line {line} is not UTF-8 text (Latin-1 or Windows-1252?); save the table as CSV in UTF-8"
        ) from error
    said = _SEP_LINE.match(text)
    separator = said[1] if said else _separator(text)
    rows = _rows(text[said.end() :] if said else text, separator, label)
    header = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise CxrError(
                f"{label}: row {number} holds {len(row)} cells, the header names {len(header)}; expected as many "
                f"(separator {separator!r})"
            )
    cells = pd.DataFrame(rows[1:], columns=range(len(header)), dtype=object)
    return cells.set_axis(header, axis=1)


def _separator(text: str) -> str:
    """Return the separator of the header line."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return commonest_separator(header, _SEPARATORS)


def _rows(text: str, separator: str, label: str) -> list[list[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise CxrError(f"{label}: line {reader.line_num}: not a CSV table ({error}); save it as CSV again") from error
    if not rows:
        raise CxrError(f"{label}: no header line; expected a table")
    return rows


def _parquet_cells(data: bytes, label: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise CxrError(f"{label}: not readable as Parquet; write the table again") from error
    columns = [pd.Series(table.column(place).to_pylist(), dtype=object) for place in range(table.num_columns)]
    cells = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    return cells.set_axis([name.strip() for name in table.column_names], axis=1)


def _named(header: list[str], columns: TableColumnsConfig, label: str, quote: bool) -> dict[str, str]:
    """Return the name of each known column of the table by the config's key.

    Raises
    ------
    CxrError
        If a column that the config names is missing or occurs twice, or if no column says which image a row is about.
    """
    asked = {key: name.strip() for key in COLUMNS if (name := getattr(columns, key)) is not None}
    shown = [f"'{printable(name)}'" for name in header[:_SHOWN_COLUMNS]]
    more = " ..." if len(header) > _SHOWN_COLUMNS else ""
    found = f"found {', '.join(shown)}{more}" if quote else f"found {len(header)} others (not quoted: pseudonymise)"
    for key, name in asked.items():
        if name not in header:
            raise CxrError(f"{label}: column '{printable(name)}' (columns.{key}) is missing; {found}")
    named = {key: asked.get(key, key) for key in COLUMNS if asked.get(key, key) in header}
    named |= _respelt(header, named, label, quote)
    for key, name in named.items():
        if header.count(name) > 1:
            raise CxrError(f"{label}: column '{printable(name)}' (columns.{key}) occurs twice; expected it once")
    if not {"image_id", "path"} & named.keys():
        raise CxrError(
            f"{label}: no column names the images; {found}; expected columns: {{path: NAME}} or {{image_id: NAME}}"
        )
    return named


def _respelt(header: list[str], named: dict[str, str], label: str, quote: bool) -> dict[str, str]:
    """Return columns whose names differ from a key only by case, blanks, underscores and hyphens (``PatientID``).

    Columns of image ids and paths are taken in this way only where nothing else names the images.
    """
    found = {}
    for key in COLUMNS:
        if key in named or (key in _IMAGES and named.keys() & _IMAGES):
            continue
        alike = [name for name in header if _plain(name) == _plain(key) and name not in named.values()]
        if len(alike) == 1:
            found[key] = alike[0]
            log.warning("%s: column %s is read as %s", label, f"'{printable(alike[0])}'" if quote else "alike", key)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _text(cell: Any) -> str:
    if cell is None or cell != cell:  # NaN
        return ""
    if isinstance(cell, str):
        return _FORMULA.sub(r"\1", cell.strip())
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, list):
        return "|".join(_text(each) for each in cell)
    return str(cell)


def _whole(cells: pd.Series) -> pd.Series:
    """Return numbers without the fraction with which floats are written (``50000001.0``), if all cells are numbers."""
    filled = cells[cells != ""]
    if len(filled) and filled.str.fullmatch(r"\d+(\.0+)?").all():
        return cells.str.replace(r"\.0+$", "", regex=True)
    return cells
