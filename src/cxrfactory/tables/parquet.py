"""Parquet in and out, with the schema checked and the bytes reproducible."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path

GRAPH_KEY = "graph"


def write_table(
    frame: pd.DataFrame,
    path: str | Path,
    schema: pa.Schema,
    sort: bool = True,
    graph: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write a frame as Parquet, atomically, rows sorted by ``image_id``.

    Parameters
    ----------
    frame
        Must hold every column of ``schema``; others are refused.
    path
        Where to write.
    schema
        One of :mod:`cxrfactory.tables.schemas`.
    sort
        Sort rows by ``image_id`` first, so that the bytes do not depend on the order of work.
    graph
        Name of the graph of the table's landmarks, kept in the file's metadata (:func:`stored_graph`).
    facts
        Other entries of the file's metadata.

    Raises
    ------
    CxrError
        If columns are missing, extra, or of another type.
    """
    missing = [name for name in schema.names if name not in frame.columns]
    extra = [name for name in frame.columns if name not in schema.names]
    if missing or extra:
        raise CxrError(f"{path}: missing columns {missing}, unexpected columns {extra}; expected {schema.names}")
    frame = frame[schema.names]
    if sort and "image_id" in schema.names:
        frame = frame.sort_values("image_id", kind="stable")
    for field in schema:
        if not field.nullable and (empty := int(frame[field.name].isna().sum())):
            raise CxrError(f"{path}: column '{field.name}' holds {empty} empty cells")
    try:
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise CxrError(f"{path}: {error}") from error
    with atomic_path(path) as temporary:
        stored = dict(facts or {}) | ({} if graph is None else {GRAPH_KEY: graph})
        pq.write_table(table.replace_schema_metadata(stored or None), temporary, compression="zstd")


def stored_graph(path: str | Path) -> str | None:
    """Name of the graph of a table's landmarks, where :func:`write_table` was given one.

    Node counts do not tell two definitions of the lungs apart. Tables of landmarks without a name are of the
    definition ``jsrt``: the others have never been written without.

    Raises
    ------
    CxrError
        If the file is missing or is no Parquet file.
    """
    facts = _read_schema(Path(path)).metadata or {}
    name = facts.get(GRAPH_KEY.encode())
    return None if name is None else name.decode()


@contextmanager
def table_writer(path: str | Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file for writing in row groups, atomically.

    Bytes columns (pictures) are stored as they are, because they do not compress further.
    """
    compression = {field.name: "NONE" if pa.types.is_binary(field.type) else "ZSTD" for field in schema}
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression=compression, use_dictionary=False) as writer,
    ):
        yield writer


def read_table(path: str | Path, schema: pa.Schema | None = None, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table; with a schema, check that its columns are there.

    Raises
    ------
    CxrError
        If the file is missing, is no Parquet file, or lacks a column.
    """
    path = Path(path)
    names = _read_schema(path).names
    wanted = columns or (schema.names if schema is not None else names)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; found {names}")
    return pq.read_table(path, columns=wanted).to_pandas()


def _read_schema(path: Path) -> pa.Schema:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; run the stage that makes it first")
    try:
        return pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise CxrError(f"{path}: not a readable Parquet file ({error})") from error
