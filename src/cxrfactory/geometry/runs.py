"""Masks as runs of pixels: areas, widths, extents, centroids, unions and components without unpacking the mask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.tables.rle import rle_decode

_RLE_CHARACTERS = str.maketrans("", "", "0123456789 \t\n\r")


@dataclass(frozen=True, eq=False)
class Runs:
    """One mask as runs of foreground pixels, sorted by row and column.

    Runs of one row never touch or overlap, so equal masks have equal runs. Pixel centres lie on whole numbers; x is
    the column and y the row.

    Attributes
    ----------
    rows
        Row of each run, int32 ``[k]``, ascending.
    first, last
        First and last column of each run, both inside the mask, int32 ``[k]``.
    height, width
        Shape of the mask in pixels.

    Examples
    --------
    >>> from cxrfactory.geometry.runs import Runs
    >>> runs = Runs.from_rle("2 2 5 3", 3, 4)
    >>> runs.mask()
    array([[0, 1, 1, 0],
           [1, 1, 1, 0],
           [0, 0, 0, 0]], dtype=uint8)
    >>> runs.area, runs.widths_by_row().tolist()
    (5, [2, 3, 0])
    """

    rows: Int[np.ndarray, " k"]
    first: Int[np.ndarray, " k"]
    last: Int[np.ndarray, " k"]
    height: int
    width: int

    @classmethod
    def from_rle(cls, text: str | float | None, height: int, width: int) -> Runs:
        """Read a run-length text: pairs of a start, counted from 1, and a length, row by row.

        Parameters
        ----------
        text
            The pairs in ascending order; a run may go on into the next rows. An empty string, None and NaN are an
            empty mask.
        height, width
            Shape of the mask in pixels.

        Raises
        ------
        CxrError
            If the text is no valid run-length encoding of a mask of this shape.
        """
        if not isinstance(text, str) or text.translate(_RLE_CHARACTERS):
            return cls.from_mask(rle_decode(text, height, width))  # an empty cell, or a fault that is named there
        numbers = np.fromstring(text, np.int64, sep=" ") if text.strip() else np.empty(0, np.int64)
        starts, lengths = numbers[::2] - 1, numbers[1::2]
        sound = height > 0 and width > 0 and len(starts) == len(lengths)
        if sound and len(starts):
            ends = starts + lengths
            sound = starts[0] >= 0 and ends[-1] <= height * width and bool((lengths > 0).all())
            sound = sound and bool((starts[1:] >= ends[:-1]).all())
        if not sound:
            return cls.from_mask(rle_decode(text, height, width))
        return cls._from_flat(starts, starts + lengths, int(height), int(width))

    @classmethod
    def from_mask(cls, mask: UInt8[np.ndarray, "height width"] | Bool[np.ndarray, "height width"]) -> Runs:
        """Find the runs of a mask, indexed [row, column]; every pixel that is not 0 is foreground.

        Raises
        ------
        CxrError
            If the array is not two-dimensional.
        """
        mask = np.asarray(mask)
        if mask.ndim != 2:
            raise CxrError(f"mask of shape {mask.shape}; expected rows and columns")
        height, width = mask.shape
        padded = np.zeros((height, width + 2), np.int8)
        padded[:, 1:-1] = mask != 0
        steps = np.diff(padded, axis=1)
        rows, first = np.nonzero(steps == 1)
        last = np.nonzero(steps == -1)[1] - 1
        return cls(_int32(rows), _int32(first), _int32(last), height, width)

    @classmethod
    def _from_flat(cls, starts: np.ndarray, ends: np.ndarray, height: int, width: int) -> Runs:
        """Cut ascending runs of row-major pixels (``ends`` not included) at ends of rows, and join touching ones."""
        if not len(starts):
            return cls(*(np.empty(0, np.int32),) * 3, height, width)
        top, bottom = starts // width, (ends - 1) // width
        pieces = bottom - top + 1
        if pieces.max() > 1:
            source = np.repeat(np.arange(len(starts)), pieces)
            rows = np.arange(len(source)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + top[source]
            first = np.maximum(starts[source] - rows * width, 0)
            last = np.minimum(ends[source] - rows * width, width) - 1
        else:
            rows, first, last = top, starts - top * width, ends - 1 - top * width
        begins = np.ones(len(rows), bool)
        begins[1:] = (rows[1:] != rows[:-1]) | (first[1:] > last[:-1] + 1)
        if not begins.all():
            closes = np.append(begins[1:], True)
            rows, first, last = rows[begins], first[begins], last[closes]
        return cls(_int32(rows), _int32(first), _int32(last), height, width)

    def mask(self) -> UInt8[np.ndarray, "height width"]:
        """Return the mask as an array, 1 inside and 0 outside, indexed [row, column]."""
        steps = np.zeros((self.height, self.width + 1), np.int8)
        steps[self.rows, self.first] = 1
        steps[self.rows, self.last + 1] -= 1
        return np.cumsum(steps[:, :-1], axis=1, dtype=np.int8).astype(np.uint8)

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.rows)

    @property
    def empty(self) -> bool:
        """Whether no pixel belongs to the mask."""
        return not len(self.rows)

    @cached_property
    def lengths(self) -> Int[np.ndarray, " k"]:
        """Number of pixels of each run."""
        return self.last - self.first + 1

    @cached_property
    def area(self) -> int:
        """Number of pixels of the mask."""
        return int(self.lengths.sum(dtype=np.int64))

    @property
    def row_extent(self) -> tuple[int, int]:
        """First and last row with a pixel; the mask must not be empty."""
        return int(self.rows[0]), int(self.rows[-1])

    @property
    def column_extent(self) -> tuple[int, int]:
        """First and last column with a pixel; the mask must not be empty."""
        return int(self.first.min()), int(self.last.max())

    @cached_property
    def outermost(self) -> tuple[Int[np.ndarray, " r"], Int[np.ndarray, " r"], Int[np.ndarray, " r"]]:
        """Rows with a pixel, and the leftmost and the rightmost column of each."""
        begins = np.ones(len(self.rows), bool)
        begins[1:] = self.rows[1:] != self.rows[:-1]
        closes = np.append(begins[1:], True) if len(begins) else begins
        return self.rows[begins], self.first[begins], self.last[closes]

    def widths_by_row(self) -> Int[np.ndarray, " height"]:
        """Return the pixels from the leftmost to the rightmost pixel of each row, both counted; 0 in empty rows."""
        widths = np.zeros(self.height, np.int32)
        rows, left, right = self.outermost
        widths[rows] = right - left + 1
        return widths

    def widest_row(self) -> tuple[int, int, int]:
        """Return row, leftmost and rightmost column where these two are farthest apart; the uppermost such row.

        The mask must not be empty.
        """
        rows, left, right = self.outermost
        widest = int(np.argmax(right - left))
        return int(rows[widest]), int(left[widest]), int(right[widest])

    def centroid(self) -> tuple[float, float]:
        """Return the mean (x, y) of the pixels; the mask must not be empty."""
        x = float((self.lengths * (self.first + self.last)).sum(dtype=np.float64)) / 2
        y = float((self.lengths * self.rows.astype(np.float64)).sum())
        return x / self.area, y / self.area

    def rows_in_column(self, x: int) -> Int[np.ndarray, " n"]:
        """Return the rows where a column holds a pixel of the mask, ascending."""
        return self.rows[(self.first <= x) & (self.last >= x)]

    @cached_property
    def lower_border(self) -> Int[np.ndarray, " width"]:
        """Lowest row with a pixel for each column; -1 in empty columns."""
        border = np.full(self.width, -1, np.int32)
        for row, start, stop in zip(self.rows.tolist(), self.first.tolist(), (self.last + 1).tolist(), strict=True):
            border[start:stop] = row
        return border

    @cached_property
    def upper_border(self) -> Int[np.ndarray, " width"]:
        """Highest row with a pixel for each column; -1 in empty columns."""
        border = np.full(self.width, -1, np.int32)
        ends = (self.last + 1).tolist()
        for row, start, stop in zip(self.rows[::-1].tolist(), self.first[::-1].tolist(), ends[::-1], strict=True):
            border[start:stop] = row
        return border

    def touches_border(self) -> bool:
        """Return whether a pixel lies in the outermost rows or columns of the frame."""
        if self.empty:
            return False
        (top, bottom), (left, right) = self.row_extent, self.column_extent
        return top == 0 or left == 0 or bottom == self.height - 1 or right == self.width - 1

    def union(self, others: Iterable[Runs]) -> Runs:
        """Return the mask of the pixels that are in this mask or in one of the others.

        Raises
        ------
        CxrError
            If the shapes differ.
        """
        parts = [self, *others]
        for part in parts[1:]:
            self._check_frame(part)
        starts = np.concatenate([part._spread[0] for part in parts])
        ends = np.concatenate([part._spread[1] for part in parts])
        if not len(starts):
            return self
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        begins = np.append(True, starts[1:] > reach[:-1])
        starts, ends = starts[begins], reach[np.append(begins[1:], True)]
        return self._from_spread(starts, ends)

    def intersection(self, other: Runs) -> Runs:
        """Return the mask of the pixels that are in both masks.

        Raises
        ------
        CxrError
            If the shapes differ.
        """
        self._check_frame(other)
        starts, ends = self._spread
        their_starts, their_ends = other._spread
        low = np.searchsorted(their_ends, starts, side="right")
        high = np.searchsorted(their_starts, ends, side="left")
        mine, theirs = _pairs(low, high)
        return self._from_spread(
            np.maximum(starts[mine], their_starts[theirs]), np.minimum(ends[mine], their_ends[theirs])
        )

    def components(self) -> list[Runs]:
        """Return the connected components, the largest first; pixels that touch by a corner are connected."""
        if self.empty:
            return []
        stride = self.width + 2
        below = (self.rows.astype(np.int64) + 1) * stride
        starts, ends = self.rows.astype(np.int64) * stride + self.first, self.rows.astype(np.int64) * stride + self.last
        # A run of the next row touches where it begins at or before last + 1 and ends at or after first - 1.
        low = np.searchsorted(ends, below + self.first - 1, side="left")
        high = np.searchsorted(starts, below + self.last + 1, side="right")
        one, other = _pairs(low, high)
        linked = np.zeros(len(self), bool)
        linked[other] = True
        if np.count_nonzero(linked) == len(self) - 1:  # all runs but the first touch one above
            return [self]
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        links = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(self), len(self)))
        count, labels = connected_components(links, directed=False)
        if count == 1:
            return [self]
        areas = np.bincount(labels, weights=self.lengths)
        return [self._chosen(labels == label) for label in np.argsort(-areas, kind="stable")]

    def largest_component(self) -> Runs:
        """Return the largest connected component; the upper one of two of equal size."""
        found = self.components()
        return found[0] if found else self

    def _chosen(self, chosen: np.ndarray) -> Runs:
        return Runs(self.rows[chosen], self.first[chosen], self.last[chosen], self.height, self.width)

    @cached_property
    def _spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends (not included) on one axis where rows are one pixel apart, so that runs never join there."""
        base = self.rows.astype(np.int64) * (self.width + 1)
        return base + self.first, base + self.last + 1

    def _from_spread(self, starts: np.ndarray, ends: np.ndarray) -> Runs:
        rows = starts // (self.width + 1)
        base = rows * (self.width + 1)
        return Runs(_int32(rows), _int32(starts - base), _int32(ends - base - 1), self.height, self.width)

    def _check_frame(self, other: Runs) -> None:
        if (self.height, self.width) != (other.height, other.width):
            raise CxrError(
                f"masks of {self.height} x {self.width} and {other.height} x {other.width} pixels; "
                "expected masks of one frame"
            )


def _pairs(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return index pairs (i, j) with low[i] <= j < high[i]."""
    counts = np.maximum(high - low, 0)
    one = np.repeat(np.arange(len(counts)), counts)
    return one, np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts) + low[one]


def _int32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int32)
