"""Columns of the browser's index, made from Arrow tables: numbers, words, flags and lists of words."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxrfactory.products.browsed import ArrowWords, Column, ListColumn, NumberColumn, TextColumn
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
        codes = pc.fill_null(pc.cast(values, pa.int32()), -1).to_numpy()
        return TextColumn(name, label, codes.astype(np.int8), [False, True])
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        numbers = pc.cast(values, pa.float32(), safe=False).to_numpy(zero_copy_only=False)
        return NumberColumn(name, label, np.where(np.isfinite(numbers), numbers, np.float32(np.nan)))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return text_column(name, label, values, facet)
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return list_column(name, label, values)
    return None


def text_column(name: str, label: str, values: pa.ChunkedArray | pa.Array, facet: bool = True) -> TextColumn:
    """Return a column of words; an empty word counts as none."""
    values = pc.if_else(pc.equal(values, ""), None, values) if not pa.types.is_dictionary(values.type) else values
    coded = _combined(values.dictionary_encode() if not pa.types.is_dictionary(values.type) else values)
    many = len(coded.dictionary) > FACET_WORDS
    words = ArrowWords(coded.dictionary) if many else coded.dictionary.to_pylist()
    kind = np.int8 if len(words) < 128 else np.int32
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(kind)
    return TextColumn(name, label, codes, words, facet and not many)


def list_column(name: str, label: str, values: pa.ChunkedArray | pa.Array) -> ListColumn:
    """Return a column of lists of words."""
    whole = _combined(values)
    lengths = pc.fill_null(pc.list_value_length(whole), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    flat = whole.flatten().dictionary_encode()
    codes = flat.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return ListColumn(name, label, starts, codes, flat.dictionary.to_pylist())


def split_column(name: str, label: str, values: pa.ChunkedArray | pa.Array, mark: str = "|") -> ListColumn:
    """Return a column of lists from texts of words with a mark between them."""
    filled = pc.if_else(pc.equal(values, ""), None, values)
    return list_column(name, label, pc.split_pattern(filled, mark))


def constant_column(name: str, label: str, words: Sequence[str], counts: Sequence[int]) -> TextColumn:
    """Return a column in which the first ``counts[0]`` rows have ``words[0]``, the next ``counts[1]`` ``words[1]``."""
    kind = np.int8 if len(words) < 128 else np.int32
    return TextColumn(name, label, np.repeat(np.arange(len(words), dtype=kind), counts), list(words))


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
        self._path = path
        self.column_names = stored_schema(path).names

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        return read_columns(self._path, [name])[name]


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
    taken = pa.table({name: stored[name].take(places) for name in FACTS if name in stored.column_names})
    return taken, pc.fill_null(places, -1).to_numpy(zero_copy_only=False).astype(np.int32)


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
