"""Places of some columns in the row groups of a Parquet file, in place of its whole footer, and rows read by them.

The parsed footer of a file with thousands of row groups takes 40 kB a group, most of it for columns that nobody reads.
Here each of the wanted columns takes 48 bytes a group. To read a row, the pages that hold it are copied into a small
Parquet file in memory, whose footer is written here in the encoding that the format prescribes (Apache Parquet,
``parquet.thrift``; Thrift compact protocol), and PyArrow reads that file. It verifies the checksums of these pages.

A column of lists of one length is often cut into many pages, and then one of them is enough: the number of values
before a page says which rows it holds.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int64

from cxrfactory.tables.thrift import list_head, read_struct, signed, unsigned

_TYPES = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"]
_CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]
_MAGIC = b"PAR1"
_NO_ROWS = b"\x16\x00\x19\x0c"  # num_rows = 0 and an empty list row_groups
_HEADER_BYTES = 128  # more than the header of a page of numbers without statistics takes
_DATA_PAGE, _DATA_PAGE_2 = 5, 8  # fields of PageHeader


class _Pages(NamedTuple):
    """Some pages of one leaf, as they lie in the file, and the rows that they hold."""

    data: bytes
    codec: int
    dictionary_bytes: int  # of the dictionary page before the first page of values; 0 for none
    values: int
    uncompressed: int
    first: int
    rows: int


class GroupPlaces:
    """Where some columns lie in each row group.

    Parameters
    ----------
    path
        The file.
    file
        The same file, opened; it is not needed afterwards.
    columns
        Columns that will be read; those that the file lacks are left out.
    equal_lists
        Columns of these whose lists of numbers all have one length.
    """

    def __init__(
        self, path: Path, file: pq.ParquetFile, columns: Sequence[str], equal_lists: Sequence[str] = ()
    ) -> None:
        self._path = path
        schema, metadata = file.schema_arrow, file.metadata
        self.schema = pa.schema([schema.field(name) for name in columns if name in schema.names])
        names = [metadata.schema.column(place).path for place in range(metadata.num_columns)]
        mine = [place for name in self.schema.names for place, path in enumerate(names) if _top(path) == name]
        self._paths = [names[place] for place in mine]
        self._tops = [_top(path) for path in self._paths]
        kinds = [_TYPES.index(metadata.schema.column(place).physical_type) for place in mine]
        self._heads = [_head_of_chunk(kind, path) for kind, path in zip(kinds, self._paths, strict=True)]
        self._equal = frozenset(equal_lists)
        self._ends: dict[tuple[str, ...], tuple[bytes, bytes]] = {}
        self.rows = np.zeros(metadata.num_row_groups, np.int64)
        self._numbers: Int64[np.ndarray, "groups leaves 6"]
        self._numbers = np.zeros((metadata.num_row_groups, len(mine), 6), np.int64)
        for group in range(metadata.num_row_groups):
            found = metadata.row_group(group)
            self.rows[group] = found.num_rows
            for leaf, place in enumerate(mine):
                self._numbers[group, leaf] = _numbers(found.column(place))

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Read some of the columns of one row group; the checksums of the pages are verified."""
        with self._path.open("rb", buffering=0) as stream:
            leaves = {leaf: self._whole(stream, group, leaf) for leaf in self._leaves(columns)}
        return self._table(leaves).select(list(columns))

    def row(self, group: int, row: int, columns: Sequence[str]) -> pa.Table:
        """Read some of the columns of one row of a row group; the checksums of the pages are verified."""
        windows: dict[tuple[int, int], dict[int, _Pages]] = {}
        with self._path.open("rb", buffering=0) as stream:
            for leaf in self._leaves(columns):
                pages = self._page(stream, group, leaf, row) if self._tops[leaf] in self._equal else None
                pages = pages or self._whole(stream, group, leaf)
                windows.setdefault((pages.first, pages.rows), {})[leaf] = pages
        found = {}
        for (first, rows), leaves in windows.items():
            table = self._table(leaves)
            if table.num_rows != rows:
                raise OSError(f"row group {group} has {table.num_rows} rows where {rows} are expected")
            table = table.slice(row - first, 1)
            found.update(zip(table.column_names, table.columns, strict=True))
        return pa.table({name: found[name] for name in columns})

    def _leaves(self, columns: Sequence[str]) -> list[int]:
        return [leaf for leaf, name in enumerate(self._tops) if name in columns]

    def _whole(self, stream: BinaryIO, group: int, leaf: int) -> _Pages:
        """Return all pages of a leaf in one row group."""
        codec, values, uncompressed, compressed, start, dictionary = self._numbers[group, leaf].tolist()
        rows = int(self.rows[group])
        return _Pages(_bytes(stream, start, compressed), codec, dictionary, values, uncompressed, 0, rows)

    def _page(self, stream: BinaryIO, group: int, leaf: int, row: int) -> _Pages | None:
        """Return the one page that holds a row of a column of lists of one length; None if it cannot be told."""
        codec, values, _, compressed, start, dictionary = self._numbers[group, leaf].tolist()
        length, odd = divmod(values, int(self.rows[group]))
        place, first = start, 0
        while not dictionary and not odd and length and place < start + compressed:
            found = _header(_bytes(stream, place, min(_HEADER_BYTES, start + compressed - place)))
            if found is None or found.values % length:
                return None
            rows, size = found.values // length, found.head + found.compressed
            if row < first + rows:
                data = _bytes(stream, place, size)
                return _Pages(data, codec, 0, found.values, found.head + found.uncompressed, first, rows)
            place, first = place + size, first + rows
        return None

    def _table(self, leaves: dict[int, _Pages]) -> pa.Table:
        """Read pages by a Parquet file in memory that holds nothing else."""
        names = tuple(dict.fromkeys(self._tops[leaf] for leaf in leaves))
        if names not in self._ends:
            self._ends[names] = _ends_of_footer(pa.schema([self.schema.field(name) for name in names]))
        before, after = self._ends[names]
        place, chunks = len(_MAGIC), []
        for leaf, pages in leaves.items():
            chunks.append(self._heads[leaf] + _rest_of_chunk(pages, place))
            place += len(pages.data)
        rows, size = next(iter(leaves.values())).rows, sum(pages.uncompressed for pages in leaves.values())
        group = b"\x19" + list_head(12, len(leaves)) + b"".join(chunks) + b"\x16" + signed(size)
        group += b"\x16" + signed(rows) + b"\0"
        footer = before + b"\x16" + signed(rows) + b"\x19" + list_head(12, 1) + group + after
        pieces = [_MAGIC, *(pages.data for pages in leaves.values())]
        pieces += [footer, len(footer).to_bytes(4, "little"), _MAGIC]
        with pq.ParquetFile(pa.BufferReader(b"".join(pieces)), page_checksum_verification=True) as file:
            return file.read_row_group(0, use_threads=False)


class _Header(NamedTuple):
    """Sizes in the header of a page of values, and that of the header itself, bytes."""

    head: int
    compressed: int
    uncompressed: int
    values: int


def _header(data: bytes) -> _Header | None:
    """Read the header of a page of values; None for another page, and if it does not fit."""
    with suppress(ValueError, IndexError):
        found, head = read_struct(data)
        page = found.get(_DATA_PAGE) or found.get(_DATA_PAGE_2)
        if page:
            return _Header(head, found[3], found[2], page[1])
    return None


def _bytes(stream: BinaryIO, start: int, size: int) -> bytes:
    stream.seek(start)
    data = stream.read(size)
    if len(data) != size:
        raise OSError(f"it ends before byte {start + size}")
    return data


def _ends_of_footer(schema: pa.Schema) -> tuple[bytes, bytes]:
    """Return what a footer holds before and after the number of rows and the row groups."""
    stream = io.BytesIO()
    pq.write_metadata(schema, stream)
    before, _, after = stream.getvalue()[len(_MAGIC) : -len(_MAGIC) - 4].partition(_NO_ROWS)
    return before, after


def _top(path: str) -> str:
    return path.split(".", 1)[0]


def _numbers(chunk: pq.ColumnChunkMetaData) -> list[int]:
    """Return codec, number of values, sizes without and with compression, start, and bytes of the dictionary."""
    values = chunk.data_page_offset
    first = chunk.dictionary_page_offset if chunk.has_dictionary_page else values
    return [
        _CODECS.index(chunk.compression),
        chunk.num_values,
        chunk.total_uncompressed_size,
        chunk.total_compressed_size,
        first,
        values - first,
    ]


def _head_of_chunk(kind: int, path: str) -> bytes:
    """Return the start of a ``ColumnChunk``; its list of encodings is not read, because each page names its own."""
    parts = [part.encode() for part in path.split(".")]
    found = b"\x26\x00\x1c\x15" + signed(kind) + b"\x19\x15\x00\x19" + list_head(8, len(parts))
    return found + b"".join(unsigned(len(part)) + part for part in parts)


def _rest_of_chunk(pages: _Pages, start: int) -> bytes:
    found = b"\x15" + signed(pages.codec) + b"\x16" + signed(pages.values) + b"\x16" + signed(pages.uncompressed)
    found += b"\x16" + signed(len(pages.data)) + b"\x26" + signed(start + pages.dictionary_bytes)
    return found + (b"\x26" + signed(start) if pages.dictionary_bytes else b"") + b"\0\0"
