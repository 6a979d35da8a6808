import os
import random
import resource

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import (
    check_whole,
    read_batches,
    read_table,
    stored_rows,
    stored_schema,
    table_writer,
    write_arrow,
    write_table,
)
from cxrfactory.tables.seal import MARK

SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("age", pa.float64()),
    ]
)


def test_rows_are_sorted_and_bytes_do_not_depend_on_their_order(tmp_path):
    frame = pd.DataFrame({"image_id": ["b", "a", "c"], "age": [2.0, None, 3.0]})
    write_table(frame, tmp_path / "1.parquet", SCHEMA)
    write_table(frame.iloc[::-1], tmp_path / "2.parquet", SCHEMA)
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    assert list(read_table(tmp_path / "1.parquet", SCHEMA)["image_id"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"image_id": ["a"]}), r"missing columns \['age'\]"),
        (pd.DataFrame({"image_id": ["a"], "age": [1.0], "name": ["x"]}), r"unexpected columns \['name'\]"),
        (pd.DataFrame({"image_id": ["a"], "age": ["old"]}), "age"),
        (pd.DataFrame({"image_id": [None], "age": [1.0]}), "column 'image_id' holds 1 empty cells"),
    ],
)
def test_a_table_that_does_not_fit_is_not_written(tmp_path, frame, message):
    with pytest.raises(CxrError, match=message):
        write_table(frame, tmp_path / "t.parquet", SCHEMA)
    assert not list(tmp_path.iterdir())


def test_reading_says_what_is_wrong(tmp_path):
    with pytest.raises(CxrError, match="no such file; run the stage"):
        read_table(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(CxrError, match="not a readable Parquet file"):
        read_table(tmp_path / "text.parquet")
    write_table(pd.DataFrame({"image_id": ["a"], "age": [1.0]}), tmp_path / "t.parquet", SCHEMA)
    with pytest.raises(CxrError, match=r"columns \['sex'\] are missing; found"):
        read_table(tmp_path / "t.parquet", columns=["sex"])


PICTURES = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("png", pa.binary(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
        pa.field("points", pa.list_(pa.float32())),
    ]
)


def shard(path, rows=24):
    """A shard as the stages write it: row groups, pictures stored as they are."""
    table = pa.table(
        {
            "image_id": [f"id{row:03d}" for row in range(rows)],
            "png": [bytes([row]) * 150 for row in range(rows)],
            "size": list(range(rows)),
            "points": [None if row % 5 == 0 else [row / 3, 1.0] for row in range(rows)],
        },
        schema=PICTURES,
    )
    with table_writer(path, PICTURES) as writer:
        writer.write_table(table, row_group_size=8)
    return table


def test_every_reader_gives_what_was_written(tmp_path):
    path = tmp_path / "s.parquet"
    table = shard(path)
    assert pa.Table.from_batches(read_batches(path, PICTURES.names, 5, PICTURES)).equals(table)
    assert read_table(path, PICTURES)["png"].tolist() == table["png"].to_pylist()
    assert read_table(path, columns=["size", "image_id"]).columns.tolist() == ["size", "image_id"]
    assert stored_rows(path) == check_whole(path) == 24
    assert stored_schema(path).equals(PICTURES)
    # Other programs read it too: the checksums stand where none of them looks.
    assert pq.read_table(path).equals(table)
    with pq.ParquetFile(path, memory_map=True) as file:
        assert file.read_row_group(2).num_rows == 8


def test_an_arrow_table_keeps_its_metadata(tmp_path):
    table = pa.table({"a": [1]}).replace_schema_metadata({"unit": "mm"})
    write_arrow(table, tmp_path / "a.parquet")
    assert stored_schema(tmp_path / "a.parquet").metadata == {b"unit": b"mm"}
    assert check_whole(tmp_path / "a.parquet") == 1


def damage(kind, data, rng):
    middle = len(data) // 2
    changed = bytearray(data)
    if kind == "half":
        return data[:middle]
    if kind == "empty":
        return b""
    if kind == "zeros":
        changed[middle - 200 : middle + 200] = bytes(400)
    if kind == "bits":
        for _ in range(8):
            changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    if kind == "end lost":
        return data[:-1]
    if kind == "front lost":
        return data[1:]
    if kind == "other":
        return b"image_id,size\na,1\n" * 20
    return bytes(changed)


@pytest.mark.parametrize("kind", ["half", "empty", "zeros", "bits", "end lost", "front lost", "other"])
def test_damage_is_one_line_that_says_what_to_do(tmp_path, kind):
    path = tmp_path / "s.parquet"
    shard(path)
    path.write_bytes(damage(kind, path.read_bytes(), random.Random(kind)))
    for read in (lambda: read_table(path, PICTURES), lambda: list(read_batches(path, PICTURES.names, 8))):
        with pytest.raises(CxrError, match="delete it and run the workflow again") as error:
            read()
        assert str(error.value).startswith(f"{path}: not a readable Parquet file: damaged or of another format")
        assert "\n" not in str(error.value)


def test_no_flipped_bit_goes_unnoticed_by_a_whole_check_and_hardly_any_on_reading(tmp_path):
    """One bit of every byte: what reading lets pass stands in a page's header, which only the whole check covers."""
    path = tmp_path / "s.parquet"
    table = shard(path, rows=10)
    data = path.read_bytes()
    mark = range(data.index(MARK), data.index(MARK) + len(MARK))
    rng = random.Random(0)
    wrong = 0
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            check_whole(path)
            assert place in mark, place  # which makes it a file without the block: nothing that is read has changed
        except CxrError:
            assert place not in mark, place
        try:
            found = pa.Table.from_batches(read_batches(path, PICTURES.names, 100))
        except CxrError:
            continue
        wrong += not found.equals(table)
    assert wrong <= len(data) // 1000


def test_a_table_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image_id": ["a"], "age": ["old"]}), path)
    with pytest.raises(CxrError, match="column 'age' is of type string; expected double"):
        read_table(path, SCHEMA)
    pq.write_table(pa.table({"image_id": pa.array(["a"]).dictionary_encode(), "age": [40]}), path)
    assert read_table(path, SCHEMA)["age"].tolist() == [40]  # other programs' widths and encodings are fine


def test_an_optional_column_may_be_absent_and_has_its_usual_value_then(tmp_path):
    path = tmp_path / "t.parquet"
    schema = pa.schema([*SCHEMA, pa.field("orientation", pa.int8())])
    frame = pd.DataFrame({"image_id": ["a"], "age": [1.0]})
    write_table(frame, path, schema)
    assert read_table(path, schema)["orientation"].tolist() == [1]
    write_table(frame, path, SCHEMA)  # a table of an earlier version
    assert read_table(path, columns=["orientation", "image_id"]).to_dict("list") == {
        "orientation": [1],
        "image_id": ["a"],
    }
    assert pa.Table.from_batches(read_batches(path, schema.names, 10, schema)).column_names == schema.names


def test_a_file_that_the_machine_cannot_open_is_not_called_damaged(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(pd.DataFrame({"image_id": ["a"], "age": [1.0]}), path, SCHEMA)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(path, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(CxrError, match=r"cannot be read \(Too many open files\)"):
            read_table(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), table_writer(tmp_path / "s.parquet", PICTURES):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
