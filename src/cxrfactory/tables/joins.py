"""Join tables by ids: match ids that tools rewrote, and count what matches."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from logging import Logger

import numpy as np
import pandas as pd

FEW = 0.5  # a join that matches a smaller share of the rows gives a warning

_QUOTES = "'\"`\u2018\u2019\u201c\u201d"
_WHOLE = re.compile(r"\d+")
_FLOAT = re.compile(r"(\d+)\.0+")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?:\.0+)?")
_POWER = re.compile(r"(\d)(?:\.(\d+)e\+?|e\+)(\d+)")  # without a point or a plus it may be a hexadecimal id
_FOLDER = re.compile(r"[ps](\d{8})")  # patients and studies of MIMIC-CXR, as its folders and files call them
_EXACT_DIGITS = 15  # every whole number of 15 digits is exact as a float64


@dataclass(frozen=True)
class Join:
    """How many rows of a table found a row of another table.

    Attributes
    ----------
    what
        What the other table adds, e.g. ``labels``.
    table
        Name of the other table.
    rows, matched
        Numbers of rows that looked for a partner, and that found one.
    rewritten
        Number of those rows that found it only after the ids' spelling was evened out.
    unused
        Number of rows of the other table that no row looked for.
    rounded
        Number of ids of the other table that a tool rounded, such as ``5.00E+07``, so that they name nothing.
    """

    what: str
    table: str
    rows: int
    matched: int
    rewritten: int = 0
    unused: int = 0
    rounded: int = 0

    @property
    def few(self) -> bool:
        """Whether the join found partners for fewer than half of the rows."""
        return self.matched < FEW * self.rows

    def sentence(self) -> str:
        """Return the counts in words."""
        text = f"{self.table} has {self.what} for {self.matched} of {self.rows} rows"
        if self.rewritten:
            text += f", {self.rewritten} of them by ids that are written in another way there"
        if self.rounded:
            text += f"; {self.rounded} ids there are rounded numbers (such as 5.00E+07), which name nothing"
        if self.few:
            text += f"; {self.unused} rows there belong to none; expected the table of the same release and ids"
        return text

    def log(self, log: Logger, name: str) -> None:
        """Write the counts to a log, as a warning if few rows found a partner or ids are rounded."""
        (log.warning if self.few or self.rounded else log.info)("%s: %s", name, self.sentence())


def plain_ids(cells: pd.Series) -> pd.Series:
    """Return ids without what tools add to them, if the original id follows exactly from the cell.

    Blanks and quotes around an id are removed, and so are the thousands separators and the decimals of whole numbers
    (``50000001.0``, ``5.0000001e7`` and ``50,000,001`` become ``50000001``). Other text stays, including numbers that
    were rounded.

    Parameters
    ----------
    cells
        Text cells.
    """
    odd = ~cells.str.fullmatch(r"[A-Za-z0-9_-]*").astype(bool)
    if not odd.any():
        return cells
    words = {cell: _plain(cell) for cell in cells[odd].unique()}
    return cells.where(~odd, cells.map(words))


def partners(ids: pd.Series, others: pd.Series, what: str, table: str) -> tuple[np.ndarray, Join]:
    """Return for each id the place of the same id in another table.

    Equal text matches first, then ids without what tools add (:func:`plain_ids`). Ids that remain on both sides match
    in lower case, without leading zeros of whole numbers, and without the letter of a folder of MIMIC-CXR
    (``p10000032``, ``s50414267``). An id that could match several ids matches none.

    Parameters
    ----------
    ids
        Ids (text), null where a row has none.
    others
        Ids of the other table, each once.
    what, table
        Words for the counts: what the other table adds, and its name.

    Returns
    -------
    places
        int64 [rows]: place in ``others``, or -1.
    join
        The counts; rows without an id are not counted.
    """
    places = np.full(len(ids), -1, np.int64)
    given = ids.notna().to_numpy(bool)
    everywhere = np.arange(len(others))
    _match(places, given, ids, _once(others, everywhere))
    exact = int((places >= 0).sum())
    left = given & (places < 0)
    if left.any():
        _match(places, left, plain_ids(ids[left]), _once(plain_ids(others), everywhere))
        left = given & (places < 0)
    if left.any():
        keys = _values(ids[left])
        spellings = pd.DataFrame({"key": keys, "id": ids[left]}).drop_duplicates()["key"]
        several = keys.isin(spellings[spellings.duplicated()])
        _match(places, left, keys.mask(several), _once(_values(others), everywhere))
    matched = int((places >= 0).sum())
    unused = len(others) - len(np.unique(places[places >= 0]))
    odd = others[others.str.contains(r"[.eE]", na=False)]
    rounded = sum(map(_is_rounded, odd.unique()))
    return places, Join(what, table, int(given.sum()), matched, matched - exact, unused, rounded)


def _match(places: np.ndarray, where: np.ndarray, keys: pd.Series, known: pd.Series) -> None:
    """Set the places of the rows in ``where`` whose key is known; ``keys`` are of all rows, or of these rows."""
    found = (keys if len(keys) != len(places) else keys[where]).map(known).to_numpy(dtype=np.float64)
    places[where] = np.where(np.isnan(found), -1, found).astype(np.int64)


def joined(ids: pd.Series, values: pd.Series, what: str, table: str) -> tuple[pd.Series, Join]:
    """Return the value of each id, null without a partner, and the counts.

    Parameters
    ----------
    ids
        Ids (text), null where a row has none.
    values
        Values with the ids of the other table as index, each once.
    what, table
        The same as for :func:`partners`.
    """
    places, join = partners(ids, pd.Series(values.index.to_numpy(dtype=object)), what, table)
    found = pd.Series(None, index=ids.index, dtype=object)
    has = places >= 0
    found[has] = values.astype(object).to_numpy()[places[has]]
    return found, join


def _plain(cell: str) -> str:
    text = cell.strip().strip(_QUOTES).strip()
    if (match := _FLOAT.fullmatch(text)) and len(match[1]) <= _EXACT_DIGITS:
        return match[1]
    if _THOUSANDS.fullmatch(text):
        return re.sub(r"\D", "", text.split(".")[0])
    if match := _POWER.fullmatch(text.lower()):
        digits, power = match[1] + (match[2] or ""), int(match[3])
        # A number with as many digits as its size needs was not rounded.
        if power < len(digits) <= _EXACT_DIGITS and not digits[power + 1 :].strip("0"):
            return digits[: power + 1]
    return text


def without_letter(text: str) -> str:
    """Return the number of a patient or study that is written like its folder in MIMIC-CXR; other text as it is.

    Examples
    --------
    >>> without_letter("s50414267"), without_letter("spine")
    ('50414267', 'spine')
    """
    folder = _FOLDER.fullmatch(text)
    return folder[1] if folder else text


def _values(ids: pd.Series) -> pd.Series:
    def value(cell: object) -> Hashable:
        text = without_letter(_plain(str(cell)).lower())
        return text.lstrip("0") or "0" if _WHOLE.fullmatch(text) else text

    return ids.map({cell: value(cell) for cell in ids.unique()})


def _once(ids: pd.Series, places: np.ndarray) -> pd.Series:
    """Return the places by id, without ids that occur several times."""
    once = ~ids.duplicated(keep=False).to_numpy()
    return pd.Series(places[once], index=ids.to_numpy(dtype=object)[once])


def _is_rounded(cell: object) -> bool:
    text = str(cell).strip().strip(_QUOTES).lower()
    number = _POWER.fullmatch(text) or _FLOAT.fullmatch(text)
    return bool(number) and _plain(str(cell)).lower() == text
