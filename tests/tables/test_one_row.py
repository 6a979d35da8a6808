import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.one_row import RowReader
from cxrfactory.tables.parquet import parquet_writer, single_row_writer


def test_rows_are_read_by_place_over_groups(tmp_path):
    table = pa.table({"id": [f"i{number:02d}" for number in range(10)], "value": list(range(10))})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=3)
    reader = RowReader(tmp_path / "t.parquet")
    assert [reader.row(place, ["value", "absent"]) for place in range(10)] == [
        {"value": number} for number in range(10)
    ]
    assert reader.first_of_groups("id") == ["i00", "i03", "i06", "i09"]
    for place in (-1, 10):
        with pytest.raises(CxrError, match=f"no row {place}; it has 10"):
            reader.row(place, ["value"])
    reader.close()
    assert reader.row(4, ["id"]) == {"id": "i04"}  # opened again


@pytest.mark.parametrize("columns", [None, ["value"]])
def test_rows_that_follow_one_another_are_read_over_groups(tmp_path, columns):
    pq.write_table(pa.table({"value": list(range(10))}), tmp_path / "t.parquet", row_group_size=3)
    reader = RowReader(tmp_path / "t.parquet", columns)
    for first in range(11):
        for count in range(11 - first):
            assert reader.rows(first, count, ["value"])["value"].to_pylist() == list(range(first, first + count))
    for first, count in ((0, 11), (10, 1), (-1, 2), (3, -1)):
        with pytest.raises(CxrError, match="it has 10"):
            reader.rows(first, count, ["value"])


def test_faults_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no such file"):
        RowReader(tmp_path / "none.parquet").open()
    (tmp_path / "odd.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CxrError, match="not a readable Parquet file"):
        RowReader(tmp_path / "odd.parquet").open()


def test_a_reader_of_some_columns_reads_the_same_rows(tmp_path):
    rows = 40
    columns = {
        "image_id": pa.array([f"i{number:02d}" for number in range(rows)]),
        "unused": pa.array(range(rows)),
        "landmarks": pa.array([[number + 0.5] * number for number in range(rows)], pa.list_(pa.float32())),
        "evidence": pa.array(
            [[{"organ": "heart", "dice": number / 7}] if number % 3 else None for number in range(rows)],
            pa.list_(pa.struct([("organ", pa.string()), ("dice", pa.float64())])),
        ),
        "same": pa.array(["word", None] * (rows // 2)).dictionary_encode(),
        "flag": pa.array([number % 2 == 0 for number in range(rows)]),
        "small": pa.array(range(rows), pa.int8()),
    }
    path = tmp_path / "t.parquet"
    with parquet_writer(path, pa.table(columns).schema) as writer:
        writer.write_table(pa.table(columns), row_group_size=7)
    wanted = ["evidence", "small", "landmarks", "same", "flag", "image_id", "absent"]
    whole, some = RowReader(path), RowReader(path, wanted)
    assert [some.row(place, wanted) for place in range(rows)] == [whole.row(place, wanted) for place in range(rows)]
    assert some.group(5, wanted).equals(whole.group(5, wanted))
    assert some.names == wanted[:-1]
    with pytest.raises(CxrError, match="no row 40; it has 40"):
        some.row(rows, wanted)
    some.close()
    assert some.row(39, ["small"]) == {"small": 39}


def test_a_reader_of_some_columns_finds_damage(tmp_path):
    path = tmp_path / "t.parquet"
    table = pa.table({"value": np.random.default_rng(0).random(200)})
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table, row_group_size=100)
    reader = RowReader(path, ["value"])
    assert reader.row(0, ["value"]) == {"value": table["value"][0].as_py()}
    data = bytearray(path.read_bytes())
    data[500] ^= 1  # a byte of the first page
    path.write_bytes(data)
    with pytest.raises(CxrError, match=r"t\.parquet: not a readable Parquet file"):
        reader.row(0, ["value"])


def points(path, rows=300, length=240, group=128):
    """A table of lists of one length in several pages."""
    rng = np.random.default_rng(0)
    flat = pa.array(rng.random(rows * length, np.float32))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * length), flat)
    table = pa.table(
        {
            "image_id": [f"i{number:03d}" for number in range(rows)],
            "points": lists,
            "evidence": pa.array(
                [[{"organ": "heart", "dice": number / 7}] * (number % 3) for number in range(rows)],
                pa.list_(pa.struct([("organ", pa.string()), ("dice", pa.float64())])),
            ),
            "mask": [f"{number} {number + 1}" for number in range(rows)],
            "reasons": pa.array([["word"] * (number % 2) for number in range(rows)]),
        }
    )
    with single_row_writer(path, table.schema, ["mask"]) as writer:
        writer.write_table(table, row_group_size=group)
    return table


def test_one_page_of_lists_of_one_length_is_read(tmp_path):
    path = tmp_path / "t.parquet"
    table = points(path)
    assert pq.read_table(path).equals(table)
    reader = RowReader(path, table.column_names, ["points"])
    expected = table.to_pylist()
    assert [reader.row(place, table.column_names) for place in range(len(table))] == expected
    assert reader.group(2, ["points"]).equals(table.slice(256).select(["points"]))
    # Damage in the last page of a column touches its rows, and no others of the same group.
    chunk = pq.read_metadata(path).row_group(0).column(1)
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(data)
    assert reader.row(0, ["points"]) == {"points": expected[0]["points"]}
    with pytest.raises(CxrError, match=r"t\.parquet: not a readable Parquet file"):
        reader.row(127, ["points"])


@pytest.mark.parametrize(
    "options",
    [
        {},  # one page
        {"data_page_size": 1 << 12, "write_page_index": True, "compression": "none"},
        {"data_page_size": 1 << 12, "data_page_version": "2.0"},
        {"data_page_size": 1 << 12, "write_page_index": True, "use_dictionary": True},
        {"data_page_size": 1 << 12},  # pages that may begin within a row
    ],
    ids=str,
)
def test_lists_are_read_from_pages_of_any_kind(tmp_path, options):
    table = points(tmp_path / "ours.parquet", 100).select(["image_id", "points"])
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, row_group_size=64, **{"use_dictionary": False} | options)
    reader = RowReader(path, ["points"], ["points"])
    assert [reader.row(place, ["points"]) for place in range(100)] == table.select(["points"]).to_pylist()


def test_lists_of_several_lengths_are_read_whole(tmp_path):
    lists = [[0.5] * (1 + 2 * (number % 2)) for number in range(400)]
    table = pa.table({"points": pa.array(lists, pa.list_(pa.float32()))})
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, data_page_size=64, write_page_index=True, use_dictionary=False)
    right = RowReader(path, ["points"])
    assert [right.row(place, ["points"])["points"] for place in range(400)] == lists


def test_largest_row_group(tmp_path):
    points(tmp_path / "t.parquet")
    assert RowReader(tmp_path / "t.parquet").most_rows == 128
    assert RowReader(tmp_path / "t.parquet", ["image_id"]).most_rows == 128
