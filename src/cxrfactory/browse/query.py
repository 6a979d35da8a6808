"""Pages of rows, histograms and facets of the rows that a filter chooses; all arrays are in memory."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxrfactory.browse.faults import BadRequest
from cxrfactory.browse.filters import Criterion, Filter, Mask, criteria, shown
from cxrfactory.products.browsed import Index, ListColumn, NumberColumn, TextColumn
from cxrfactory.tables.arrow_values import numbers

MOST_ROWS = 500  # of one page
MOST_BINS = 254
FACET_VALUES = 200
IMAGE_ID = "image_id"
_NO_BIN = 255


@dataclass(frozen=True)
class _Bins:
    """Bin of every row of a column, ``_NO_BIN`` where it has no value; the edges, and the counts of all rows."""

    codes: np.ndarray
    edges: np.ndarray
    all: np.ndarray


class Selection:
    """The rows that a filter chooses, and those that it chooses without one of its criteria.

    Parameters
    ----------
    found
        Criteria of the filter.
    rows
        Number of all rows.
    """

    def __init__(self, found: Sequence[Criterion], rows: int) -> None:
        self._missed = np.zeros(rows, np.uint8)  # how many criteria a row misses
        self._by_name = {each.about: each.rows for each in found}
        for each in found:
            self._missed += ~each.rows
        self.rows: Mask = self._missed == 0

    def without(self, about: str) -> Mask:
        """Return the rows chosen by all criteria but one."""
        own = self._by_name.get(about)
        return self.rows if own is None else self._missed == ~own


class Query:
    """Answers about the rows of one product.

    Parameters
    ----------
    index
        The rows.
    keep
        Function that returns an array as it is to be kept.
    """

    def __init__(self, index: Index, keep: Callable[[np.ndarray], np.ndarray] = np.asarray) -> None:
        self.index, self._keep = index, keep
        self._lock = threading.Lock()
        self._orders: dict[tuple[str, bool], np.ndarray] = {}
        self._bins: dict[str, _Bins] = {}

    def select(self, chosen: Filter, verdicts: np.ndarray) -> Selection:
        """Return the rows that a filter chooses; ``verdicts`` is that of :func:`cxrfactory.browse.filters.criteria`."""
        return Selection(criteria(chosen, self.index, verdicts), len(self.index))

    def ordered(self, rows: Mask, sort: str, ascending: bool) -> np.ndarray:
        """Return the keys of chosen rows in the order of a column; rows without a value come last.

        Raises
        ------
        BadRequest
            If there is no such column, or it holds lists.
        """
        order = self._order(sort, ascending)
        return order[rows[order]]

    def histogram(self, name: str, selection: Selection, bins: int) -> dict[str, Any]:
        """Return the histogram of a column over its whole range, as numpy counts it.

        The rows are those that the filter chooses without the column's own range, so that the shape stays while a
        range is drawn.

        Raises
        ------
        BadRequest
            If there is no such number column, or the number of bins is out of bounds.
        """
        column = self.index.columns.get(name)
        if not isinstance(column, NumberColumn):
            raise BadRequest(f"no number column {shown(name)}")
        if not 1 <= bins <= MOST_BINS:
            raise BadRequest(f"{bins} bins; expected 1 to {MOST_BINS}")
        found = self._binned(column, bins)
        counts = np.bincount(found.codes[selection.without(f"range:{name}")], minlength=_NO_BIN + 1)
        return {
            "edges": found.edges.tolist(),
            "counts": counts[:bins].tolist(),
            "all": found.all.tolist(),
            "empty": int(counts[_NO_BIN]),
        }

    def facet(self, name: str, selection: Selection) -> list[dict[str, Any]]:
        """Return the most frequent words of a column with their counts.

        ``count`` is of the rows that the filter chooses without the column's own words, ``all`` of all rows. A row
        without a word counts under the value None.
        """
        column = self.index.columns[name]
        counts, every = (_word_counts(column, rows) for rows in (selection.without(f"values:{name}"), None))
        words = [*column.words, None]
        present = [place for place in range(len(words)) if every[place]]
        present.sort(key=lambda place: (words[place] is None, -every[place], str(words[place])))
        return [
            {"value": words[place], "count": int(counts[place]), "all": int(every[place])}
            for place in present[:FACET_VALUES]
        ]

    def facets(self) -> list[str]:
        """Return the names of the columns that are facets."""
        return [name for name, each in self.index.columns.items() if not isinstance(each, NumberColumn) and each.facet]

    def _order(self, sort: str, ascending: bool) -> np.ndarray:
        column = self.index.columns.get(sort)
        if sort != IMAGE_ID and (column is None or isinstance(column, ListColumn)):
            raise BadRequest(f"no column {shown(sort)} to sort by")
        with self._lock:
            if (sort, ascending) not in self._orders:
                if len(self._orders) >= 8:  # each takes 4 bytes a row
                    self._orders.pop(next(iter(self._orders)))
                self._orders[sort, ascending] = self._keep(_order_of(self._ranks(sort), ascending))
            return self._orders[sort, ascending]

    def _ranks(self, sort: str) -> np.ndarray:
        """Return a number for every row in whose order the rows are sorted; NaN for rows that come last."""
        column = self.index.columns.get(sort)
        if isinstance(column, NumberColumn):
            return column.values.astype(np.float64)
        if isinstance(column, TextColumn):
            words = sorted(range(len(column.words)), key=lambda place: column.words[place])
            rank = np.full(len(words) + 1, np.nan)
            rank[words] = np.arange(len(words))
            return rank[column.codes]
        order = self.index.ids.dictionary_encode()
        rank = np.empty(len(order.dictionary))
        rank[np.argsort(np.array(order.dictionary.to_pylist(), object), kind="stable")] = np.arange(len(rank))
        return rank[numbers(order.indices)]

    def _binned(self, column: NumberColumn, bins: int) -> _Bins:
        with self._lock:
            found = self._bins.get(column.name)
            if found is None or len(found.all) != bins:
                found = self._bins[column.name] = _bins_of(column.values, bins, self._keep)
            return found


def _order_of(ranks: np.ndarray, ascending: bool) -> np.ndarray:
    return np.argsort(ranks if ascending else -ranks, kind="stable").astype(np.int32)


def _word_counts(column: TextColumn | ListColumn, rows: Mask | None) -> np.ndarray:
    """Return the number of rows of each word, and last the number of rows without one."""
    size = len(column.words) + 1
    if isinstance(column, TextColumn):
        codes = column.codes if rows is None else column.codes[rows]
        counts = np.bincount(codes.astype(np.int32) + 1, minlength=size)  # -1 comes first
        return np.append(counts[1:], counts[0])
    lengths = np.diff(column.starts)
    codes = column.codes if rows is None else column.codes[np.repeat(rows, lengths)]
    empty = lengths == 0 if rows is None else (lengths == 0) & rows
    return np.append(np.bincount(codes, minlength=size - 1), np.count_nonzero(empty))


def _bins_of(values: np.ndarray, bins: int, keep: Callable[[np.ndarray], np.ndarray]) -> _Bins:
    """Return the bin of every value, such that the counts equal those of :func:`numpy.histogram`."""
    values = values.astype(np.float64)  # edges are of double precision
    known = ~np.isnan(values)
    if not known.any():
        return _Bins(np.full(len(values), _NO_BIN, np.uint8), np.linspace(0, 1, bins + 1), np.zeros(bins, int))
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    counts, edges = np.histogram(values[known], bins, (low, high))
    low, high = edges[0], edges[-1]  # numpy widens a range of no width
    with np.errstate(invalid="ignore"):
        places = np.where(known, (values - low) * (bins / (high - low)), 0).astype(np.int32)
    np.clip(places, 0, bins - 1, out=places)
    # The division rounds, so that values beside an edge may be one bin off.
    places[values < edges[places]] -= 1
    places[(values >= edges[places + 1]) & (places < bins - 1)] += 1
    codes = places.astype(np.uint8)
    codes[~known] = _NO_BIN
    return _Bins(keep(codes), edges, counts)
