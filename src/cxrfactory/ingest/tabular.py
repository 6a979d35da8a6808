"""Read the tables of a release: requested columns as text cells, and every fault of a file as a one-line error."""

import gzip
import io
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from cxrfactory.errors import CxrError
from cxrfactory.ingest.layout import ReleaseLayout, TableSlot
from cxrfactory.ingest.places import folder_above, table_folder
from cxrfactory.tables.csv_dialect import is_gzip, resaved_separator
from cxrfactory.tables.foreign_content import HEAD_BYTES, stand_in

_SHOWN_COLUMNS = 15
_SHOWN_SIGNS = 200
_SHOWN_NAMES = 12
_WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_WORKBOOK = "an Excel workbook or a ZIP archive; save the table as CSV in UTF-8"
_LONGEST_HEADER = 1 << 20  # bytes
_LARGEST_ROW_BYTES = 1 << 24
# Limits on the size of decompressed tables. The ratio of the original tables is below 30. The second number of bytes is
# always allowed in addition.
_LARGEST_RATIO, _ALWAYS_ALLOWED_BYTES = 100, 1 << 26


@dataclass(frozen=True)
class SourceTable:
    """A table file of a release: its role, its path, and its name in messages."""

    role: str
    path: Path
    name: str

    def read(self, required: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
        """Read the named columns as text, in file order; see :func:`read_columns`."""
        return read_columns(self.path, required, optional)

    def columns(self) -> list[str]:
        """Return the column names in the header line; columns without a name are omitted."""
        return [name for name in _parse(self.path, nrows=0).columns if not name.startswith("Unnamed: ")]


def find_tables(layout: ReleaseLayout, root: Path) -> dict[str, SourceTable]:
    """Find the tables of a release under its root, by role.

    The tables are in the root or in one folder below it (:func:`cxrfactory.ingest.places.table_folder`). The name of a
    table is its path relative to the root.

    Raises
    ------
    CxrError
        If the root is not a folder, contains no table that lists images, or contains them in several folders.
    """
    if not root.is_dir():
        raise CxrError(f"{root}: no such folder; --root must be the folder of the {layout.name} release")
    folder = table_folder(layout, root)
    if folder is None:
        raise CxrError(_no_table(layout, root))
    return {slot.role: table for slot in layout.slots if (table := _find(slot, root, folder))}


def _no_table(layout: ReleaseLayout, root: Path) -> str:
    above = folder_above(layout, root)
    if above is not None:
        return f"{root}: no table of {layout.name} here; there is one in {above}: point the root at {above}"
    # The form of a name without .gz, or with it, is not listed beside the other.
    names = dict.fromkeys(
        name.removesuffix(".gz") for slot in layout.slots if slot.lists_images for name in slot.alternatives
    )
    shown = ", ".join(list(names)[:_SHOWN_NAMES]) + (" ..." if len(names) > _SHOWN_NAMES else "")
    return (
        f"{root}: no table of {layout.name} here; looked for {shown} (also with .gz, and in folders below); put "
        "the release's own table there, or point --root at the folder that holds it"
    )


def _find(slot: TableSlot, root: Path, folder: Path) -> SourceTable | None:
    for name in slot.alternatives:
        if (folder / name).is_file():
            return SourceTable(slot.role, folder / name, (folder / name).relative_to(root).as_posix())
    return None


def read_columns(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read columns of a CSV file, plain or gzip by its content, as text; an empty cell is the empty string.

    Quoted cells may contain line breaks. Text that is not UTF-8 is refused only in the columns that are read, because
    releases may have free text in other encodings beside clean ids. Semicolons or tabs separate the cells if the header
    has no comma.

    Parameters
    ----------
    path
        CSV file.
    required, optional
        Column names. Optional columns that are absent are missing in the result.

    Raises
    ------
    CxrError
        If the file is empty or unreadable, if its rows differ in length, if it is implausibly large after
        decompression, or if a column is missing or occurs twice.
    """
    _refuse_stand_in(path)
    header = list(_parse(path, nrows=0).columns)
    if any("\0" in name for name in header):
        raise CxrError(f"{path}: the header holds zero bytes (UTF-16?); expected a CSV table in UTF-8")
    missing = [name for name in required if name not in header]
    if missing:
        raise CxrError(
            f"{path}: column {_quoted(missing)} is missing; found {_quoted(header[:_SHOWN_COLUMNS])}"
            f"{' ...' if len(header) > _SHOWN_COLUMNS else ''}; expected the table as the release has it"
        )
    wanted = [*required, *(name for name in optional if name in header)]
    written = _parse(path, header=None, nrows=1).iloc[0].tolist()
    twice = [name for name in wanted if written.count(name) > 1]
    if twice:
        raise CxrError(f"{path}: column {_quoted(twice)} occurs twice; expected it once")
    # All columns are parsed, because only then does pandas count the cells of a row.
    frame = _parse(path)[wanted].fillna("")
    _refuse_uneven_rows(path)
    for name in wanted:
        bad = frame[name].str.contains("\N{REPLACEMENT CHARACTER}", regex=False)
        if bad.any():
            raise CxrError(f"{path}: row {int(bad.to_numpy().argmax()) + 1}, column '{name}': not UTF-8 text")
    return frame


def _refuse_uneven_rows(path: Path) -> None:
    """Refuse rows with fewer or more cells than the header.

    A truncated file may end with a short row, which pandas would fill with missing values.
    """
    uneven: list[str] = []

    def note(row: pa_csv.InvalidRow) -> str:
        at = "a row" if row.number is None else f"row {row.number - 1}"
        uneven.append(f"{at} holds {row.actual_columns} cells, the header names {row.expected_columns}")
        return "error"

    reading = pa_csv.ReadOptions(use_threads=False, block_size=_LARGEST_ROW_BYTES, autogenerate_column_names=True)
    parsing = pa_csv.ParseOptions(delimiter=_separator(path), newlines_in_values=True, invalid_row_handler=note)
    converting = pa_csv.ConvertOptions(include_columns=["f0"], column_types={"f0": pa.binary()})
    try:
        with _opened(path) as source, pa_csv.open_csv(source, reading, parsing, converting) as rows:
            for _ in rows:
                pass
    except pa.ArrowInvalid as error:
        fault = uneven[0] if uneven else f"a row of more than {_LARGEST_ROW_BYTES >> 20} MiB, or no row"
        raise CxrError(f"{path}: {fault}; download the table again") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with open(path, "rb") if not is_gzip(path) else io.BufferedReader(_Inflated(path), 1 << 18) as stream:
        yield stream


class _Inflated(io.RawIOBase):
    """Stream of the content of a gzip file, limited relative to the file's size.

    The limit protects against files that are made to exhaust the memory when they are decompressed.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file, self._read = path, gzip.GzipFile(path), 0
        self._largest = path.stat().st_size * _LARGEST_RATIO + _ALWAYS_ALLOWED_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        found = self._file.readinto(target)
        self._read += found
        if self._read > self._largest:
            raise CxrError(f"{self._path}: inflates to more than {self._largest >> 20} MiB; expected a table")
        return found

    def close(self) -> None:
        self._file.close()
        super().close()


def _parse(path: Path, **options: object) -> pd.DataFrame:
    if path.stat().st_size == 0:
        raise CxrError(f"{path}: the file is empty (0 bytes); download the table again")
    try:
        with warnings.catch_warnings(), ExitStack() as stack:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            source = stack.enter_context(_opened(path))
            # With index_col=False, a row with one cell too many does not turn the first column into an index.
            return pd.read_csv(
                source,
                dtype=str,
                keep_default_na=False,
                index_col=False,
                sep=_separator(path),
                encoding="utf-8-sig",
                encoding_errors="replace",
                **options,
            )
    except pd.errors.ParserWarning as error:
        raise CxrError(f"{path}: rows hold more cells than the header names; download the table again") from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CxrError(f"{path}: not a whole gzip file ({error}); download the table again") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CxrError(f"{path}: not a readable CSV table ({reason}); download the table again") from error


def _separator(path: Path) -> str:
    with _opened(path) as stream:
        return resaved_separator(stream.readline(_LONGEST_HEADER).decode("utf-8", "replace"))


def _refuse_stand_in(path: Path) -> None:
    """Refuse a file that is no table by its first bytes, such as a web page or a workbook."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    found = _WORKBOOK if head.startswith(_WORKBOOK_MARKS) else stand_in(head)
    if found is not None:
        raise CxrError(f"{path}: no table, but {found}")


def _quoted(names: Sequence[str]) -> str:
    # The names are escaped and shortened, because the "header" of a binary file can contain any bytes.
    text = ", ".join(f"'{name.encode('unicode_escape').decode()[:40]}'" for name in names)
    return text if len(text) <= _SHOWN_SIGNS else f"{text[:_SHOWN_SIGNS]} ..."


def with_position(frame: pd.DataFrame, table: SourceTable) -> pd.DataFrame:
    """Add the columns ``table`` and ``row`` (number of the data row, from 1), with which messages identify a row."""
    return frame.assign(table=table.name, row=range(1, len(frame) + 1))


def listing_tables(tables: Mapping[str, SourceTable], roles: Sequence[str]) -> list[SourceTable]:
    """Return the tables that exist among the given roles, in the order of the roles."""
    return [tables[role] for role in roles if role in tables]
