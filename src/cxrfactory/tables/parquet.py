"""Reading and writing of Parquet files, with checked schemas, reproducible bytes and detection of damage.

All Parquet files of the factory are written and read here. Each page has a checksum, and so have the footer and the
pages as a whole (:mod:`cxrfactory.tables.seal`). Opening a file verifies the footer, reading verifies the pages that
are read, and :func:`check_whole` verifies everything.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.schemas import OPTIONAL_COLUMNS, OPTIONAL_PERSON_COLUMNS, optional_columns
from cxrfactory.tables.seal import fault_of, seal

if TYPE_CHECKING:
    import pandas as pd

GRAPH_KEY = "graph"
_PAGE_BYTES = 1 << 16  # it affects the bytes of the products


def write_table(
    frame: "pd.DataFrame",
    path: str | Path,
    schema: pa.Schema,
    sort: bool = True,
    graph: str | None = None,
    facts: Mapping[str, str] | None = None,
    rows_per_group: int | None = None,
) -> None:
    """Write a frame as a Parquet file, atomically and with rows sorted by ``image_id``.

    Parameters
    ----------
    frame
        Frame with exactly the columns of ``schema``, in any order; it may lack the optional ones.
    path
        File to write.
    schema
        Schema of the table, such as those of :mod:`cxrfactory.tables.schemas`.
    sort
        Whether to sort the rows by ``image_id`` first, so that the bytes do not depend on the order of processing.
    graph
        Name of the graph of the table's landmarks, stored in the file's metadata (:func:`stored_graph`).
    facts
        Other entries of the file's metadata.
    rows_per_group
        Number of rows per row group; None for the default of PyArrow. A reader of many tables at once holds one group
        of each table in memory.

    Raises
    ------
    CxrError
        If columns are missing, unexpected or of another type, or a column that is not nullable has empty cells.
    """
    optional = optional_columns(schema)
    absent = [name for name in optional if name in schema.names and name not in frame.columns]
    frame = frame.assign(**{name: optional[name][0] for name in absent}) if absent else frame
    missing = [name for name in schema.names if name not in frame.columns]
    extra = [name for name in frame.columns if name not in schema.names]
    if missing or extra:
        raise CxrError(f"{path}: missing columns {missing}, unexpected columns {extra}; expected {schema.names}")
    frame = frame[schema.names]
    for field in schema:  # pandas marks the missing cells of lists by NaN, which Arrow refuses in lists of records
        if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
            cells = [None if isinstance(each, float) else each for each in frame[field.name]]
            column = type(frame[field.name])(cells, index=frame.index, dtype=object)
            frame = frame.assign(**{field.name: column})
    if sort and "image_id" in schema.names:
        frame = frame.sort_values("image_id", kind="stable")
    for field in schema:
        if not field.nullable and (empty := int(frame[field.name].isna().sum())):
            raise CxrError(f"{path}: column '{field.name}' holds {empty} empty cells")
    try:
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise CxrError(f"{path}: {error}") from error
    stored = dict(facts or {}) | ({} if graph is None else {GRAPH_KEY: graph})
    write_arrow(table.replace_schema_metadata(stored or None), path, rows_per_group)


def write_arrow(table: pa.Table, path: str | Path, rows_per_group: int | None = None) -> None:
    """Write an Arrow table unchanged, with its metadata, atomically."""
    with atomic_path(path) as temporary, parquet_writer(temporary, table.schema) as writer:
        writer.write_table(table, row_group_size=rows_per_group)


def stored_graph(path: str | Path) -> str | None:
    """Return the name of the graph of a table's landmarks, or None if :func:`write_table` was not given one.

    The name is stored because node counts do not distinguish two definitions of the lungs. Tables of landmarks without
    a name have the definition ``jsrt``, because tables of other definitions have always been written with a name.

    Raises
    ------
    CxrError
        If the file is missing or is not a Parquet file.
    """
    facts = stored_schema(path).metadata or {}
    name = facts.get(GRAPH_KEY.encode())
    return None if name is None else name.decode()


@contextmanager
def table_writer(path: str | Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file for atomic writing in row groups.

    Binary columns (pictures) are stored without compression, because they do not compress further.
    """
    compression = {field.name: "NONE" if pa.types.is_binary(field.type) else "ZSTD" for field in schema}
    with atomic_path(path) as temporary, parquet_writer(temporary, schema, compression, dictionary=False) as writer:
        yield writer


@contextmanager
def parquet_writer(
    path: str | Path,
    schema: pa.Schema,
    compression: str | dict[str, str] = "zstd",
    dictionary: bool | list[str] = True,
    **options: Any,
) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file for writing with checksums; the caller moves the finished file into place.

    ``options`` are those of :class:`pyarrow.parquet.ParquetWriter`.
    """
    with pq.ParquetWriter(
        path, schema, compression=compression, use_dictionary=dictionary, write_page_checksum=True, **options
    ) as writer:
        yield writer
    seal(path)


@contextmanager
def single_row_writer(path: str | Path, schema: pa.Schema, large: Collection[str]) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file for writing whose rows are also read one by one.

    Lists are cut into pages of 64 KiB, each of which begins with a row (:mod:`cxrfactory.tables.group_places` reads one
    of them), and the file has an index of its pages for readers that use one. Lists of numbers and large texts are
    stored as they are: a dictionary of values that seldom repeat costs time and space.

    Parameters
    ----------
    path
        File to write.
    schema
        Its columns.
    large
        Columns of large texts that all differ, such as masks.
    """
    small = [name for field in schema if field.name not in large for name in _leaves_of_words(field)]
    with parquet_writer(
        path, schema, dictionary=small, write_statistics=small, data_page_size=_PAGE_BYTES, write_page_index=True
    ) as writer:
        yield writer


def _leaves_of_words(field: pa.Field) -> list[str]:
    """Return the paths of the values of a column, without numbers in lists."""
    if not pa.types.is_nested(field.type):
        return [field.name]
    inner = field.type.value_type if pa.types.is_list(field.type) else None
    if inner is not None and pa.types.is_struct(inner):
        return [f"{field.name}.list.element.{each.name}" for each in inner if pa.types.is_string(each.type)]
    return [f"{field.name}.list.element"] if inner is not None and pa.types.is_string(inner) else []


def read_table(path: str | Path, schema: pa.Schema | None = None, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read a Parquet table; if a schema is given, check that its columns exist and have compatible types.

    Parameters
    ----------
    path
        File to read.
    schema
        Schema that the file must match; widths of numbers may differ.
    columns
        Columns to read; without them, the columns of the schema or else all columns.

    Raises
    ------
    CxrError
        If the file is missing, is not a Parquet file, is damaged, or lacks a column or has one of another type.
    """
    with open_parquet(path) as file:
        wanted = columns or (schema.names if schema is not None else file.schema_arrow.names)
        check_columns(path, file.schema_arrow, wanted, schema)
        return filled(file.read(columns=columns_of(file, wanted)), wanted).to_pandas()


def read_batches(
    path: str | Path, columns: Sequence[str], rows: int, schema: pa.Schema | None = None
) -> Iterator[pa.RecordBatch]:
    """Iterate over a table in batches of at most ``rows`` rows, with the columns in the given order.

    Raises
    ------
    CxrError
        Under the same conditions as :func:`read_table`.
    """
    with open_parquet(path) as file:
        check_columns(path, file.schema_arrow, columns, schema)
        for group in range(file.num_row_groups):  # one by one, because the reader would load all groups at once
            left = file.metadata.row_group(group).num_rows
            for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=columns_of(file, columns)):
                left -= batch.num_rows
                yield filled(batch, columns)
            if left:
                raise unreadable(path, f"row group {group} lacks {left} rows")


def columns_of(file: pq.ParquetFile, wanted: Sequence[str]) -> list[str]:
    """Return the wanted columns that a file has; only optional ones may be absent."""
    return [name for name in wanted if name in file.schema_arrow.names]


def filled(rows: pa.Table | pa.RecordBatch, wanted: Sequence[str]) -> pa.Table | pa.RecordBatch:
    """Return the wanted columns in their order, with the fixed value of optional columns that the file lacks."""
    fixed = OPTIONAL_COLUMNS | OPTIONAL_PERSON_COLUMNS
    for name in wanted:
        if name not in rows.schema.names:
            rows = rows.append_column(name, pa.repeat(pa.scalar(*fixed[name]), rows.num_rows))
    return rows.select(list(wanted))


def stored_schema(path: str | Path) -> pa.Schema:
    """Return the schema of a table, with its columns and metadata.

    Raises
    ------
    CxrError
        If the file is missing, is not a Parquet file, or its footer is damaged.
    """
    with open_parquet(path) as file:
        return file.schema_arrow


def stored_rows(path: str | Path) -> int:
    """Read a table's number of rows from its footer.

    Raises
    ------
    CxrError
        Under the same conditions as :func:`stored_schema`.
    """
    with open_parquet(path) as file:
        return file.metadata.num_rows


def check_whole(path: str | Path) -> int:
    """Read a whole file, verify all of its checksums, and return its number of rows.

    Raises
    ------
    CxrError
        If the file is missing, is not a Parquet file, or is damaged anywhere.
    """
    with open_parquet(path) as file:
        fault = fault_of(path, pages=True)
        if fault is not None:
            raise unreadable(path, fault)
        for group in range(file.num_row_groups):
            file.read_row_group(group)
        return file.metadata.num_rows


@contextmanager
def open_parquet(path: str | Path, coded: Collection[str] = ()) -> Iterator[pq.ParquetFile]:
    """Open a file for reading with verification of checksums; faults while it is open become errors of one line.

    Columns of words in ``coded`` are read as Arrow dictionaries.

    Raises
    ------
    CxrError
        If the file is missing, is not a Parquet file, or the parts that are read are damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; run the stage that makes it first")
    try:
        fault = fault_of(path)
        if fault is not None:
            raise unreadable(path, fault)
        with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=list(coded) or None) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # Errors of the system (too many open files, no permission) have an errno; errors of the content have none.
        if isinstance(error, OSError) and error.errno is not None:
            raise CxrError(f"{path}: cannot be read ({error.strerror or error})") from error
        raise unreadable(path, " ".join(str(error).split())) from error


def unreadable(path: str | Path, fault: str) -> CxrError:
    """Return the error for a file that is damaged or has another format."""
    return CxrError(
        f"{path}: not a readable Parquet file: damaged or of another format ({fault}); if the workflow made it, "
        "delete it and run the workflow again: its rule makes it anew"
    )


def check_columns(path: str | Path, stored: pa.Schema, wanted: Sequence[str], schema: pa.Schema | None = None) -> None:
    """Refuse a table that lacks wanted columns or has columns of another type than the schema.

    Parameters
    ----------
    path
        File of the table, for the error message.
    stored
        Schema of the file.
    wanted
        Names of the columns that the file must have.
    schema
        Schema that gives the types; None to check the names only.

    Raises
    ------
    CxrError
        If a column is missing or has another type; the message names the column.
    """
    missing = [name for name in wanted if name not in stored.names and name not in optional_columns(schema)]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; found {stored.names}")
    for name in wanted if schema is not None else ():
        if name not in schema.names or name not in stored.names:
            continue
        if not _same_kind(stored.field(name).type, schema.field(name).type):
            raise CxrError(
                f"{path}: column '{name}' is of type {stored.field(name).type}; expected {schema.field(name).type}"
            )


def _same_kind(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether two types are compatible: widths may differ, and integers and floats are interchangeable."""
    return pa.types.is_null(found) or _kind(found) == _kind(wanted)


def _kind(of: pa.DataType) -> str:
    if pa.types.is_dictionary(of):
        return _kind(of.value_type)
    if pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of):
        return f"list of {_kind(of.value_type)}"
    if pa.types.is_string(of) or pa.types.is_large_string(of):
        return "string"
    if pa.types.is_binary(of) or pa.types.is_large_binary(of):
        return "binary"
    return "number" if pa.types.is_integer(of) or pa.types.is_floating(of) else str(of)
