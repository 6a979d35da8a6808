"""Places of some columns in the row groups of a Parquet file, in place of its whole footer.

The parsed footer of a file with thousands of row groups takes 40 kB a group, most of it for columns that nobody reads.
Here each of the wanted columns takes 48 bytes a group. To read a group, a footer of that group alone is written in
memory, in the encoding that the format prescribes (Apache Parquet, ``parquet.thrift``; Thrift compact protocol), and
PyArrow reads the file by it.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int64

_TYPES = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"]
_CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]
_MAGIC = b"PAR1"
_NO_ROWS = b"\x16\x00\x19\x0c"  # num_rows = 0 and an empty list row_groups
_NONE = -1


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
    """

    def __init__(self, path: Path, file: pq.ParquetFile, columns: Sequence[str]) -> None:
        self._path = path
        schema, metadata = file.schema_arrow, file.metadata
        self.schema = pa.schema([schema.field(name) for name in columns if name in schema.names])
        names = [metadata.schema.column(place).path for place in range(metadata.num_columns)]
        mine = [place for name in self.schema.names for place, path in enumerate(names) if _top(path) == name]
        self._paths = [names[place] for place in mine]
        self._kinds = [_TYPES.index(metadata.schema.column(place).physical_type) for place in mine]
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
        footer = pq.read_metadata(pa.BufferReader(self._footer(group)))
        with pq.ParquetFile(self._path, metadata=footer, page_checksum_verification=True) as file:
            return file.read_row_group(0, columns=list(columns), use_threads=False)

    def _footer(self, group: int) -> bytes:
        """Return a Parquet file without pages, whose footer describes one row group of the file."""
        stream = io.BytesIO()
        pq.write_metadata(self.schema, stream)
        before, _, after = stream.getvalue()[len(_MAGIC) : -len(_MAGIC) - 4].partition(_NO_ROWS)
        chunks = b"".join(map(_chunk, self._kinds, self._paths, self._numbers[group].tolist()))
        rows, size = int(self.rows[group]), int(self._numbers[group, :, 2].sum())
        one = b"\x19" + _list(12, len(self._paths)) + chunks + b"\x16" + _signed(size) + b"\x16" + _signed(rows) + b"\0"
        footer = before + b"\x16" + _signed(rows) + b"\x19" + _list(12, 1) + one + after
        return _MAGIC + footer + len(footer).to_bytes(4, "little") + _MAGIC


def _top(path: str) -> str:
    return path.split(".", 1)[0]


def _numbers(chunk: pq.ColumnChunkMetaData) -> list[int]:
    first = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
    return [
        _CODECS.index(chunk.compression),
        chunk.num_values,
        chunk.total_uncompressed_size,
        chunk.total_compressed_size,
        chunk.data_page_offset,
        _NONE if first is None else first,
    ]


def _chunk(kind: int, path: str, numbers: Sequence[int]) -> bytes:
    """Return one ``ColumnChunk``; its list of encodings is not read, because each page names its own."""
    codec, *sizes, dictionary = numbers
    parts = [part.encode() for part in path.split(".")]
    found = b"\x26\x00\x1c\x15" + _signed(kind) + b"\x19\x15\x00\x19" + _list(8, len(parts))
    found += b"".join(_unsigned(len(part)) + part for part in parts) + b"\x15" + _signed(codec)
    found += b"".join(
        head + _signed(size) for head, size in zip((b"\x16", b"\x16", b"\x16", b"\x26"), sizes, strict=True)
    )
    return found + (b"" if dictionary == _NONE else b"\x26" + _signed(dictionary)) + b"\0\0"


def _list(kind: int, size: int) -> bytes:
    return bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + _unsigned(size)


def _signed(value: int) -> bytes:
    return _unsigned(value << 1 if value >= 0 else (-value << 1) - 1)


def _unsigned(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(found + bytes([value]))
