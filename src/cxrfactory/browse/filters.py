"""The filter that the page sends: checked, and as one boolean array for each of its criteria."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc
from jaxtyping import Bool

from cxrfactory.browse.faults import BadRequest
from cxrfactory.products.browsed import Index, ListColumn, NumberColumn, TextColumn
from cxrfactory.tables.arrow_values import numbers

VERDICTS = ("good", "bad", "flag", "none")
LONGEST_FILTER = 200_000  # characters of JSON
LONGEST_SEARCH = 200  # characters
MOST_VALUES = 1_000  # chosen words of one column
MOST_KEYS = 100_000
_PARTS = ("ranges", "values", "search", "verdicts", "keys")

Mask = Bool[np.ndarray, "rows"]


@dataclass(frozen=True)
class Filter:
    """Which rows are chosen.

    Attributes
    ----------
    ranges
        Lowest and highest value of a column, both included; None for no limit. Rows without a value are not chosen.
    values
        Words of a column of which a row must have one; None stands for rows without a word.
    search
        Text that the image id must contain; case does not matter.
    verdicts
        The user's verdicts of which the row must have one; empty for all.
    keys
        Keys of the only rows to choose; None for all.
    """

    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    search: str = ""
    verdicts: Sequence[str] = ()
    keys: Sequence[int] | None = None

    @classmethod
    def parse(cls, given: Any, index: Index) -> "Filter":
        """Check a filter from the page, as JSON text or as its content; an empty text is no filter.

        Raises
        ------
        BadRequest
            If a part is unknown, or of another form than expected.
        """
        if isinstance(given, str):
            if len(given) > LONGEST_FILTER:
                raise BadRequest(f"filter: {len(given)} characters; expected at most {LONGEST_FILTER}")
            try:
                given = json.loads(given) if given.strip() else {}
            except (ValueError, RecursionError):
                raise BadRequest("filter: no JSON") from None
        if given is None:
            return cls()
        if not isinstance(given, dict):
            raise BadRequest(f"filter: a {type(given).__name__}; expected an object")
        if unknown := [name for name in given if name not in _PARTS]:
            raise BadRequest(f"filter: unknown part {shown(unknown[0])}; expected one of {', '.join(_PARTS)}")
        given = {name: part for name, part in given.items() if part is not None}
        return cls(
            _ranges(given.get("ranges", {}), index),
            _values(given.get("values", {}), index),
            _search(given.get("search", "")),
            _verdicts(given.get("verdicts", [])),
            _keys(given.get("keys"), len(index)),
        )


@dataclass(frozen=True)
class Criterion:
    """One criterion of a filter: what it is about, and the rows that meet it.

    ``about`` is ``range:COLUMN``, ``values:COLUMN``, ``search``, ``verdicts`` or ``keys``.
    """

    about: str
    rows: Mask


def criteria(chosen: Filter, index: Index, verdicts: np.ndarray) -> list[Criterion]:
    """Return the criteria of a filter.

    Parameters
    ----------
    chosen
        The filter.
    index
        The rows.
    verdicts
        uint8 [rows]: place of each row's verdict in :data:`VERDICTS`.
    """
    found = []
    for name, (low, high) in chosen.ranges.items():
        found.append(Criterion(f"range:{name}", _within(index.columns[name], low, high)))
    for name, words in chosen.values.items():
        found.append(Criterion(f"values:{name}", _has_word(index.columns[name], words)))
    if chosen.search:
        rows = pc.match_substring(index.ids, chosen.search, ignore_case=True)
        found.append(Criterion("search", numbers(rows)))
    if chosen.verdicts:
        wanted = np.zeros(256, bool)
        wanted[[VERDICTS.index(each) for each in chosen.verdicts]] = True
        found.append(Criterion("verdicts", wanted[verdicts]))
    if chosen.keys is not None:
        rows = np.zeros(len(index), bool)
        rows[list(chosen.keys)] = True
        found.append(Criterion("keys", rows))
    return found


def shown(value: Any) -> str:
    """Return a value of a request as it may stand in a message: ASCII, short, on one line."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _within(column: Any, low: float | None, high: float | None) -> Mask:
    values, kind = column.values, column.values.dtype.type
    low, high = (None if end is None else kind(end) for end in (low, high))  # a limit equals the value that it names
    if low is None and high is None:
        return ~np.isnan(values)
    rows = values >= low if low is not None else values <= high
    if low is not None and high is not None:
        rows &= values <= high
    return rows  # comparisons with NaN are false


def _has_word(column: Any, words: Sequence[Any]) -> Mask:
    place = {word: number for number, word in enumerate(column.words)}
    wanted = np.zeros(len(column.words) + 1, bool)  # the last is for rows without a word
    for word in words:
        found = len(column.words) if word is None else place.get(word)
        if found is not None:
            wanted[found] = True
    if isinstance(column, TextColumn):
        return wanted[column.codes]  # -1 is the last
    lengths = np.diff(column.starts)
    met = np.zeros(len(lengths), bool)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    met[owners[wanted[column.codes]]] = True
    return met | (lengths == 0) if wanted[-1] else met


def _ranges(given: Any, index: Index) -> dict[str, tuple[float | None, float | None]]:
    if not isinstance(given, dict):
        raise BadRequest("filter: ranges is no object of column to [lowest, highest]")
    found = {}
    for name, ends in given.items():
        if not isinstance(index.columns.get(name), NumberColumn):
            raise BadRequest(f"filter: no number column {shown(name)}")
        if not isinstance(ends, list) or len(ends) != 2 or not all(_is_end(end) for end in ends):
            raise BadRequest(f"filter: range of {shown(name)} is {shown(ends)}; expected [lowest, highest] or null")
        found[name] = (ends[0], ends[1])
    return found


def _is_end(end: Any) -> bool:
    if end is None:
        return True
    return isinstance(end, int | float) and not isinstance(end, bool) and abs(end) < 1e300 and math.isfinite(end)


def _values(given: Any, index: Index) -> dict[str, list[Any]]:
    if not isinstance(given, dict):
        raise BadRequest("filter: values is no object of column to a list of words")
    found = {}
    for name, words in given.items():
        column = index.columns.get(name)
        if not isinstance(column, TextColumn | ListColumn):
            raise BadRequest(f"filter: no column of words {shown(name)}")
        if not isinstance(words, list) or len(words) > MOST_VALUES:
            raise BadRequest(f"filter: values of {shown(name)} are no list of at most {MOST_VALUES} words")
        if wrong := [word for word in words if not (word is None or isinstance(word, str | bool))]:
            raise BadRequest(f"filter: value {shown(wrong[0])} of {shown(name)}; expected a word, true, false or null")
        flags = {"true": True, "false": False, "yes": True, "no": False}
        is_flag = column.kind == "flag"
        found[name] = [flags.get(word, word) if is_flag and isinstance(word, str) else word for word in words]
    return found


def _search(given: Any) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_SEARCH:
        raise BadRequest(f"filter: search is no text of at most {LONGEST_SEARCH} characters")
    return given


def _verdicts(given: Any) -> list[str]:
    if not isinstance(given, list) or any(each not in VERDICTS for each in given):
        raise BadRequest(f"filter: verdicts are no list of {', '.join(VERDICTS)}")
    return given


def _keys(given: Any, rows: int) -> list[int] | None:
    if given is None:
        return None
    if not isinstance(given, list) or len(given) > MOST_KEYS:
        raise BadRequest(f"filter: keys are no list of at most {MOST_KEYS} whole numbers")
    for each in given:
        if isinstance(each, bool) or not isinstance(each, int) or not 0 <= each < rows:
            raise BadRequest(f"filter: key {shown(each)}; expected a whole number below {rows}")
    return given
