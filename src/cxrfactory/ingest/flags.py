"""Findings of tables with a column of flags for each: which cells say yes, in the ways in which tools write them."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool

from cxrfactory.errors import CxrError
from cxrfactory.ingest.rows import printable
from cxrfactory.logs import get_logger

_YES = {"1", "true", "yes", "y", "positive"}
# 0 is negative, -1 uncertain, and an empty cell not mentioned (CheXpert); other labellers write -2 and -3 for the last.
_NO = {"", "0", "-1", "-2", "-3", "false", "no", "n", "negative", "uncertain", "nan", "na", "n/a", "null", "none"}
_NUMBER = re.compile(r"([+-]?\d+)[.,]0*")
_FLAGS_A_NUMBER = 31
_INDEX, _FEW_ROWS = {"index", "level_0", "row", "row_id"}, 2
_SHOWN_SIGNS = 40

log = get_logger(__name__)


def flags(cells: pd.Series, name: str, table: str) -> Bool[np.ndarray, "rows"]:
    """Return which cells of a column say yes.

    Numbers may be written as decimals (``1.0``, ``1,0``) and with blanks around them, truth values as words. A column
    without any flag, such as one of free text, says no and leaves a warning.

    Parameters
    ----------
    cells
        Text cells.
    name, table
        Names of the column and of its table, for messages.

    Raises
    ------
    CxrError
        If some cells are flags and others are not.
    """
    if name.strip().casefold() in _INDEX or (len(cells) > _FEW_ROWS and _is_running(cells)):
        log.warning("%s: column '%s' numbers the rows, and names no finding", table, printable(name))
        return np.zeros(len(cells), bool)
    codes, distinct = pd.factorize(cells)
    plain = [_plain(cell) for cell in distinct]
    odd = np.array([text not in _YES and text not in _NO for text in plain], bool)
    if odd.any():
        if all(text in _NO and not text for text, strange in zip(plain, odd, strict=True) if not strange):
            log.warning("%s: column '%s' holds no flags, and names no finding", table, printable(name))
            return np.zeros(len(cells), bool)
        place = int(odd[codes].argmax())
        raise CxrError(
            f"{table}: row {place + 1}, column '{printable(name)}': '{printable(cells.iloc[place])[:_SHOWN_SIGNS]}'; "
            "expected 1, 0, -1 or nothing in a column of a finding; correct it, or take out a column that is no finding"
        )
    return np.array([text in _YES for text in plain], bool)[codes]


def _is_running(cells: pd.Series) -> bool:
    """Return whether the cells number the rows from 0 or 1."""
    first = cells.iloc[0].strip()
    if first not in ("0", "1"):
        return False
    return bool((cells == pd.Series(range(int(first), int(first) + len(cells)), cells.index).astype(str)).all())


def fold_flags(frame: pd.DataFrame, names: Sequence[str], table: str) -> pd.Series:
    """Join for each row the names of the columns that say yes, separated by ``|``; the text may be empty.

    Raises
    ------
    CxrError
        If a column holds flags and other cells; see :func:`flags`.
    """
    said = np.column_stack([flags(frame[name], name, table) for name in names])
    clean = [name.replace("|", "/") for name in names]
    # Hundreds of thousands of rows have only a few hundred distinct values, so each value is joined once. Columns are
    # encoded in blocks, because one integer cannot hold more flags.
    codes = np.zeros(len(frame), np.int64)
    for start in range(0, len(names), _FLAGS_A_NUMBER):
        block = said[:, start : start + _FLAGS_A_NUMBER]
        codes = codes << _FLAGS_A_NUMBER | block @ (1 << np.arange(block.shape[1], dtype=np.int64))
        codes = np.unique(codes, return_inverse=True)[1]
    _, first, where = np.unique(codes, return_index=True, return_inverse=True)
    joined = ["|".join(name for name, on in zip(clean, said[row], strict=True) if on) for row in first]
    return pd.Series(np.array(joined, dtype=object)[where], index=frame.index)


def _plain(cell: str) -> str:
    text = cell.strip().casefold()
    number = _NUMBER.fullmatch(text)
    return (number[1] if number else text).lstrip("+")
