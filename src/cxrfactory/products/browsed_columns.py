"""Columns of the browser's index, made from Arrow tables: numbers, words, flags and lists of words."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxrfactory.products.browsed import ArrowWords, Column, ListColumn, NumberColumn, TextColumn
from cxrfactory.tables.arrow_values import numbers, word_array
from cxrfactory.tables.parquet import open_parquet, stored_schema

FACET_WORDS = 200  # a column of more different words is no facet

# Columns of a manifest that the index takes, with the words that a reader sees.
FACTS = {
    "patient_id": "patient",
    "study_id": "study",
    "view": "view",
    "sex": "sex",
    "age": "age, years",
    "findings": "finding",
}
_PATIENT = ("patient_id", "study_id")  # many words, and no use as a facet


def column_of(name: str, label: str, values: pa.ChunkedArray, facet: bool = True) -> Column | None:
    """Return the column of an Arrow array by its type; None if the array has no values at all or no such type."""
    if not len(values) or values.null_count == len(values):
        return None
    kind = values.type
    if pa.types.is_boolean(kind):
        codes = numbers(pc.cast(values, pa.int8()), -1)
        return TextColumn(name, label, codes, [False, True])
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return NumberColumn(name, label, _single(values))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return text_column(name, label, values, facet)
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return list_column(name, label, values)
    return None


def text_column(name: str, label: str, values: pa.ChunkedArray | pa.Array, facet: bool = True) -> TextColumn:
    """Return a column of words; an empty word counts as none."""
    words, codes = _coded(values)
    many = len(words) > FACET_WORDS
    return TextColumn(name, label, codes, ArrowWords(words) if many else words.to_pylist(), facet and not many)


def list_column(name: str, label: str, values: pa.ChunkedArray | pa.Array) -> ListColumn:
    """Return a column of lists of words."""
    whole = _combined(values)
    lengths = numbers(pc.list_value_length(whole), 0).astype(np.int64)
    words, codes = _coded(whole.flatten(), empty_is_none=False)
    return ListColumn(name, label, _starts(lengths), codes, words.to_pylist())


def split_column(name: str, label: str, values: pa.ChunkedArray | pa.Array, mark: str = "|") -> ListColumn:
    """Return a column of lists from texts of words with a mark between them; few texts are those of many rows."""
    texts, codes = _coded(values)
    lists = [[] if not text else text.split(mark) for text in [*texts.to_pylist(), None]]  # -1 is the last
    words = {word: place for place, word in enumerate(dict.fromkeys(word for each in lists for word in each))}
    lengths = np.array([len(each) for each in lists])
    firsts = np.cumsum(lengths) - lengths
    flat = np.array([words[word] for each in lists for word in each], _narrow(len(words)))
    starts = _starts(lengths[codes])
    places = np.repeat((firsts[codes] - starts[:-1]).astype(np.int32), lengths[codes])
    places += np.arange(starts[-1], dtype=np.int32)
    return ListColumn(name, label, starts, flat[places], list(words))


def constant_column(name: str, label: str, words: Sequence[str], counts: Sequence[int]) -> TextColumn:
    """Return a column in which the first ``counts[0]`` rows have ``words[0]``, the next ``counts[1]`` ``words[1]``."""
    codes = np.arange(len(words), dtype=_narrow(len(words)))
    return TextColumn(name, label, np.repeat(codes, counts), list(words))


def csv_line(cells: Sequence[Any]) -> bytes:
    """Return a line of a CSV; None is an empty cell."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(["" if cell is None else cell for cell in cells])
    return stream.getvalue().encode("utf-8")


def read_columns(path: Path, wanted: Iterable[str] | None = None) -> pa.Table:
    """Read whole columns of a Parquet file that it has; None for all."""
    with open_parquet(path) as file:
        names = file.schema_arrow.names
        return file.read(columns=None if wanted is None else [name for name in wanted if name in names])


class StoredColumns:
    """Columns of a Parquet file that are read one by one, so that memory holds one of them at a time.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._schema = path, stored_schema(path)
        self.column_names = self._schema.names

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        return read_columns(self._path, [name])[name]

    def coded(self, name: str) -> pa.ChunkedArray:
        """Return a column; words that many rows share are read as a dictionary, without a copy for each row."""
        with open_parquet(self._path, [name] if pa.types.is_string(self._schema.field(name).type) else []) as file:
            return file.read(columns=[name])[name]


def facts_of(manifest: Path, ids: pa.Array) -> tuple[pa.Table, np.ndarray]:
    """Read the facts of images from a manifest.

    Parameters
    ----------
    manifest
        Table of the ingest stage.
    ids
        Ids of the images.

    Returns
    -------
    The columns of :data:`FACTS` with one row for each id, null where the manifest lacks the image, and the place of
    each image in the manifest, -1 where it lacks it.
    """
    stored = StoredColumns(manifest)
    places = pc.index_in(ids, value_set=_combined(stored["image_id"]))
    taken = {}
    for name in FACTS:
        if name in stored.column_names:
            values = stored.coded(name)
            words = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
            taken[name] = _combined(values.dictionary_encode() if words else values).take(places)
    return pa.table(taken), numbers(places, -1).astype(np.int32)


def fact_columns(facts: pa.Table) -> dict[str, Column]:
    """Return the columns of :func:`facts_of` by name; columns without any value are left out."""
    found: dict[str, Column] = {}
    for name in facts.column_names:
        values = facts[name]
        if name == "findings":
            made = None if values.null_count == len(values) else split_column(name, FACTS[name], values)
            made = made if made is None or made.words else None
        else:
            made = column_of(name, FACTS[name], values, facet=name not in _PATIENT)
        if made is not None and not (isinstance(made, TextColumn) and not made.words):
            found[name] = made
    return found


def related_rows(columns: Mapping[str, Column], key: int, most: int = 20) -> list[int]:
    """Return the keys of the other rows of the same patient, or of the same study where no patient is known."""
    for name in _PATIENT:
        column = columns.get(name)
        if isinstance(column, TextColumn) and column.codes[key] >= 0:
            found = np.flatnonzero(column.codes == column.codes[key])
            return [int(each) for each in found if each != key][:most]
    return []


def _single(values: pa.ChunkedArray) -> np.ndarray:
    """Return numbers in single precision, NaN where there is none; the same number in all rows takes no memory."""
    found, first = np.empty(len(values), np.float32), 0
    for chunk in values.chunks:
        piece = found[first : first + len(chunk)]
        piece[:] = numbers(pc.cast(chunk, pa.float32(), safe=False), np.nan)
        piece[~np.isfinite(piece)] = np.nan
        first += len(chunk)
    return np.broadcast_to(found[0], found.shape) if (found == found[0]).all() else found


def _coded(values: pa.ChunkedArray | pa.Array, empty_is_none: bool = True) -> tuple[pa.Array, np.ndarray]:
    """Return the different words, and the place of each row's word among them, -1 for none and for the empty word."""
    coded = _combined(values if pa.types.is_dictionary(values.type) else values.dictionary_encode())
    words = coded.dictionary
    codes = numbers(coded.indices, -1).astype(_narrow(len(words)))
    empty = int(numbers(pc.index_in(word_array([""]), value_set=words), -1)[0]) if empty_is_none and len(words) else -1
    if empty < 0:
        return words, codes
    codes = np.where(codes == empty, -1, codes - (codes > empty)).astype(codes.dtype)
    return pa.concat_arrays([words.slice(0, empty), words.slice(empty + 1)]), codes


def _narrow(count: int) -> type[np.signedinteger]:
    """Return the narrowest type that holds the places of so many words, and -1."""
    return next(kind for kind in (np.int8, np.int16, np.int32) if count <= np.iinfo(kind).max)


def _starts(lengths: np.ndarray) -> np.ndarray:
    starts = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _combined(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    if not isinstance(values, pa.ChunkedArray):
        return values
    if pa.types.is_dictionary(values.type):
        values = values.unify_dictionaries()
    whole = values.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def whole_array(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return an Arrow column as one array."""
    return _combined(values)
