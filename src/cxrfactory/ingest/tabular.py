"""A release's tables in: text cells, only the columns asked for, every fault of a file as one line."""

import gzip
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.ingest.layout import ReleaseLayout, TableSlot

_SHOWN_COLUMNS = 15


@dataclass(frozen=True)
class SourceTable:
    """A table file of a release: where it was found, and how a message names it."""

    role: str
    path: Path
    name: str

    def read(self, required: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
        """Read the named columns as text, in file order; see :func:`read_columns`."""
        return read_columns(self.path, required, optional)

    def columns(self) -> list[str]:
        """Return the names in the header line, without columns that have none."""
        return [name for name in _parse(self.path, nrows=0).columns if not name.startswith("Unnamed: ")]


def find_tables(layout: ReleaseLayout, root: Path) -> dict[str, SourceTable]:
    """Find the tables of a release under its root, by role.

    Raises
    ------
    CxrError
        If the root is no folder or holds no table that lists images.
    """
    if not root.is_dir():
        raise CxrError(f"{root}: no such folder; --root must be the folder of the {layout.slug} release")
    found = {slot.role: table for slot in layout.slots if (table := _find(slot, root))}
    if not any(slot.role in found for slot in layout.slots if slot.lists_images):
        names = [name for slot in layout.slots if slot.lists_images for name in slot.alternatives]
        raise CxrError(
            f"{root}: no table of {layout.slug} here; looked for {', '.join(names)}; put the release's own "
            "table there, or point --root at the folder that holds it"
        )
    return found


def _find(slot: TableSlot, root: Path) -> SourceTable | None:
    for name in slot.alternatives:
        if (root / name).is_file():
            return SourceTable(slot.role, root / name, name)
    return None


def read_columns(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read columns of a CSV file, plain or gzip, as text; an empty cell is the empty string.

    Quoted cells may hold line breaks. Text that is not UTF-8 is refused only where it stands in a column that
    is read: releases carry free text in other encodings beside clean ids.

    Parameters
    ----------
    path
        The file.
    required, optional
        Column names; optional ones that are absent are left out of the result.

    Raises
    ------
    CxrError
        If the file is empty, unreadable, of uneven rows, or lacks a required column.
    """
    header = list(_parse(path, nrows=0).columns)
    missing = [name for name in required if name not in header]
    if missing:
        raise CxrError(
            f"{path}: column {_quoted(missing)} is missing; found {_quoted(header[:_SHOWN_COLUMNS])}"
            f"{' ...' if len(header) > _SHOWN_COLUMNS else ''}; expected the table as the release has it"
        )
    wanted = [*required, *(name for name in optional if name in header)]
    # All columns are parsed, for pandas counts the cells of a row only then.
    frame = _parse(path)[wanted].fillna("")
    for name in wanted:
        bad = frame[name].str.contains("\N{REPLACEMENT CHARACTER}", regex=False)
        if bad.any():
            raise CxrError(f"{path}: row {int(bad.to_numpy().argmax()) + 1}, column '{name}': not UTF-8 text")
    return frame


def _parse(path: Path, **options: object) -> pd.DataFrame:
    if path.stat().st_size == 0:
        raise CxrError(f"{path}: the file is empty (0 bytes); download the table again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # index_col=False: a row with one cell too many must not turn the first column into an index.
            return pd.read_csv(
                path,
                dtype=str,
                keep_default_na=False,
                index_col=False,
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


def _quoted(names: Sequence[str]) -> str:
    # Escaped and cut, because a binary file's "header" can be anything.
    return ", ".join(f"'{name.encode('unicode_escape').decode()[:40]}'" for name in names)


def fold_flags(frame: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """Join the names of the columns that hold 1, per row, with ``|``; empty where none does."""
    flags = np.column_stack([frame[name].isin(("1", "1.0")).to_numpy() for name in names])
    clean = [name.replace("|", "/") for name in names]
    # A few hundred distinct rows stand for hundreds of thousands: join each once.
    keys = flags @ (1 << np.arange(len(names), dtype=np.int64))
    _, first, where = np.unique(keys, return_index=True, return_inverse=True)
    joined = ["|".join(name for name, on in zip(clean, flags[row], strict=True) if on) for row in first]
    return pd.Series(np.array(joined, dtype=object)[where], index=frame.index)


def with_position(frame: pd.DataFrame, table: SourceTable) -> pd.DataFrame:
    """Add the columns ``table`` and ``row`` (data rows, from 1), by which messages name a row."""
    return frame.assign(table=table.name, row=range(1, len(frame) + 1))


def listing_tables(tables: Mapping[str, SourceTable], roles: Sequence[str]) -> list[SourceTable]:
    """Return the tables found among the roles, in that order."""
    return [tables[role] for role in roles if role in tables]
