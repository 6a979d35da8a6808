"""A product as the browser sees it: columns of all rows in memory, and one row with its masks on request.

Each product defines in its own module ``browsing`` how its files become such rows: a function ``belongs`` that
recognises the product's folder, and a class ``Browsing``. No other module names a product.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Integer, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.products.browsed_meshes import BrowsedMeshes
from cxrfactory.tables.arrow_values import word_array

Polygon = list[list[int]]  # points [x, y], pixels
Masks = dict[str, UInt8[np.ndarray, "height width"]]


@dataclass(frozen=True)
class NumberColumn:
    """A number of every row.

    Attributes
    ----------
    name, label
        Name of the column, and the words that a reader sees.
    values
        float32 [rows], because memory holds all rows; NaN where the row has no value.
    """

    name: str
    label: str
    values: Float[np.ndarray, "rows"]
    kind = "number"

    def cell(self, row: int) -> float | int | None:
        """Return the value of one row; whole numbers are ints, and an empty value is None."""
        value = self.values[row]
        if not np.isfinite(value):
            return None
        # The shortest text that gives the same number of single precision.
        return int(value) if float(value).is_integer() and abs(value) < 2**24 else float(str(value))


class ArrowWords(Sequence[str]):
    """Many words in the memory of one Arrow array.

    Parameters
    ----------
    words
        The words.
    """

    def __init__(self, words: pa.Array) -> None:
        self._words = words

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, place: Any) -> Any:
        return self._words[place].as_py()


@dataclass(frozen=True)
class TextColumn:
    """One of a number of words for every row.

    Attributes
    ----------
    name, label
        Name of the column, and the words that a reader sees.
    codes
        int8, int16 or int32 [rows]: index of the row's word, -1 where the row has none.
    words
        The different words; booleans for a flag; an Arrow array behind :class:`ArrowWords` where there are many.
    facet
        Whether the words are few enough to choose among.
    """

    name: str
    label: str
    codes: Integer[np.ndarray, "rows"]
    words: Sequence[str] | Sequence[bool]
    facet: bool = True

    @property
    def kind(self) -> str:
        """``flag`` or ``text``."""
        return "flag" if self.words and isinstance(self.words[0], bool) else "text"

    def cell(self, row: int) -> str | bool | None:
        """Return the word of one row, or None."""
        code = int(self.codes[row])
        return None if code < 0 else self.words[code]


@dataclass(frozen=True)
class ListColumn:
    """Any number of words for every row, such as findings.

    Attributes
    ----------
    name, label
        Name of the column, and the words that a reader sees.
    starts
        int32 [rows + 1]: the words of row ``i`` are ``codes[starts[i] : starts[i + 1]]``.
    codes
        int8, int16 or int32: indices of the words.
    words
        The different words.
    """

    name: str
    label: str
    starts: Integer[np.ndarray, "rows_plus_1"]
    codes: Integer[np.ndarray, "entries"]
    words: Sequence[str]
    facet = True
    kind = "list"

    def cell(self, row: int) -> list[str]:
        """Return the words of one row."""
        return [self.words[code] for code in self.codes[self.starts[row] : self.starts[row + 1]]]


Column = NumberColumn | TextColumn | ListColumn


@dataclass(frozen=True)
class Index:
    """The small columns of all rows, in memory; a row's key is its place here.

    Attributes
    ----------
    ids
        Image id of every row.
    datasets
        Name of every row's dataset, as the config of the run names it.
    columns
        The columns by name, in the order in which a reader sees them.
    """

    ids: pa.Array
    datasets: TextColumn
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.ids)

    def image_id(self, key: int) -> str:
        """Return the image id of a row."""
        return self.ids[key].as_py()

    def dataset(self, key: int) -> str:
        """Return the dataset of a row."""
        return str(self.datasets.cell(key))


@dataclass(frozen=True)
class Organ:
    """A mask that rows may have.

    Attributes
    ----------
    name, label
        Name of the mask, and the words that a reader sees.
    colour
        RGB, 0 to 255.
    parent
        Name of the group that it belongs to, or None.
    """

    name: str
    label: str
    colour: tuple[int, int, int]
    parent: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the organ as the page takes it."""
        return {"name": self.name, "label": self.label, "color": list(self.colour), "parent": self.parent}


@dataclass(frozen=True)
class Detail:
    """Everything about one row.

    Attributes
    ----------
    height, width
        Shape of the masks, pixels.
    masks
        RLE of each mask, in the notation of :mod:`cxrfactory.tables.rle`.
    landmarks, spread
        Contour points and their standard deviations, float [nodes, 2], (x, y) pixels of the masks' frame; or None.
    node_organs
        Organ of each point; or None.
    values
        Further cells of the row, which are not in the index.
    flags
        Reasons why the row is one to look at.
    text
        Title and body of texts, such as the sections of a report.
    related
        Words and keys of related rows, such as the other view of a study.
    pair
        Key of the other view of the same study, which is shown beside this one; or None.
    segmented
        Whether there is a second picture of the row, of the kind ``segmented``.
    """

    height: int
    width: int
    masks: Mapping[str, str]
    landmarks: Float[np.ndarray, "nodes 2"] | None = None
    spread: Float[np.ndarray, "nodes 2"] | None = None
    node_organs: Sequence[str] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    flags: Sequence[str] = ()
    text: Sequence[tuple[str, str]] = ()
    related: Sequence[tuple[str, int]] = ()
    pair: int | None = None
    segmented: bool = False


@dataclass(frozen=True)
class Outlines:
    """Contours of one row: organ to closed polygons, (x, y) pixels of the masks' frame."""

    height: int
    width: int
    organs: Mapping[str, Sequence[Float[np.ndarray, "n 2"]]]


class Browsed(ABC):
    """A product, or a table of masks, that the browser shows.

    Attributes
    ----------
    kind, title
        Kind of product, and its name for a reader.
    index
        The small columns of all rows.
    organs
        All masks that rows may have.
    tree
        The organs as a tree of ``name``, ``label`` and ``children``, or None.
    shown
        Names of the organs that a reader sees first; None for all.
    worst
        Column to sort by so that the rows to look at come first, and whether in ascending order.
    meshes
        Meshes of the rows; None for a product without any.
    """

    kind: str
    title: str
    index: Index
    organs: Sequence[Organ]
    tree: list[dict[str, Any]] | None = None
    shown: Sequence[str] | None = None
    worst: tuple[str, bool]
    section = "datasets"  # of the config, where ``NAME.exclude`` takes the user's verdicts
    counted = "rows"  # what the accounts count
    folder: Path | None = None  # of the product; None for a table
    meshes: BrowsedMeshes | None = None
    roots: Sequence[str] = ()  # NAME=FOLDER of releases that the user named

    @abstractmethod
    def detail(self, key: int) -> Detail:
        """Return everything about one row.

        Raises
        ------
        CxrError
            If a file of the product is missing or damaged.
        """

    @abstractmethod
    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the contours of one row: those of some organs, by default of the organs that a reader sees first."""

    @abstractmethod
    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return a picture of one row in 8 bits, uint8 [row, column].

        Parameters
        ----------
        key
            Key of the row.
        kind
            ``image`` for the radiograph in the frame of the masks, ``segmented`` for the product's own picture.

        Raises
        ------
        CxrError
            If the picture is not there; the message is the reason, in one line without a path of this computer.
        """

    @property
    def images_known(self) -> bool:
        """Whether a place of the pictures is known, for at least some of the rows."""
        return True

    def left_out(self) -> "LeftOut":
        """Return the rows that are not in the product."""
        return LeftOut({})

    def kept(self) -> dict[str, int]:
        """Return the number of rows of each release."""
        counts = np.bincount(self.index.datasets.codes, minlength=len(self.index.datasets.words))
        return {str(word): int(count) for word, count in zip(self.index.datasets.words, counts, strict=True)}

    def csv_rows(self, keys: Sequence[int]) -> Iterator[bytes] | None:
        """Return the published rows of some images as CSV with a header, or None if the product publishes no CSV."""
        return None

    def square(self, key: int) -> tuple[UInt8[np.ndarray, "size size"], Float[np.ndarray, "nodes 2"], str]:
        """Return a square picture of one row, its landmarks (x, y) in that frame, and the name of their graph.

        Raises
        ------
        CxrError
            If the product has no landmarks to correct, or the picture is not there.
        """
        raise CxrError("this product has no landmarks to correct")

    @property
    def has_tasks(self) -> bool:
        """Whether :meth:`square` returns pictures with landmarks."""
        return False

    def close(self) -> None:  # noqa: B027  (most products have nothing to close)
        """Close the files that are open."""


@dataclass(frozen=True)
class LeftOut:
    """Rows that a release has and the product does not.

    Attributes
    ----------
    parts
        Arrow table of ``excluded`` and of ``rejected``: ``release``, ``image_id``, ``stage`` and ``reason``.
    """

    parts: Mapping[str, pa.Table]

    def counts(self, part: str) -> dict[str, int]:
        """Return the number of rows of ``excluded`` or ``rejected``, by release."""
        return {str(name): count for name, count in _counted(self._table(part)["release"])}

    def page(
        self, part: str, release: str | None, reason: str | None, offset: int, limit: int
    ) -> tuple[int, list[tuple[str, int]], list[dict[str, str]]]:
        """Return some rows of a part.

        Parameters
        ----------
        part
            ``excluded`` or ``rejected``.
        release, reason
            Only rows of this release, and of this reason; None for all.
        offset, limit
            Number of rows to skip, and to return.

        Returns
        -------
        The number of rows chosen, the reasons of the release's rows with their counts (most frequent first), and the
        rows.
        """
        table = self._table(part)
        if release is not None:
            table = table.filter(_is(table["release"], release))
        reasons = _counted(table["reason"])
        if reason is not None:
            table = table.filter(_is(table["reason"], reason))
        return len(table), reasons, table.slice(offset, limit).to_pylist()

    def _table(self, part: str) -> pa.Table:
        empty = {name: word_array([]) for name in ("release", "image_id", "stage", "reason")}
        return self.parts.get(part) or pa.table(empty)


def _is(values: pa.ChunkedArray, word: str) -> pa.ChunkedArray:
    return pc.is_in(values, value_set=word_array([word]))


def _counted(values: pa.ChunkedArray) -> list[tuple[str, int]]:
    found = [(each["values"].as_py(), each["counts"].as_py()) for each in pc.value_counts(values)]
    return sorted(found, key=lambda pair: (-pair[1], str(pair[0])))
