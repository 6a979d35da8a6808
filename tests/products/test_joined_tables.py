import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products.joined_tables import join_tables, refuse_foreign, with_constant, write_csv
from cxrfactory.tables.parquet import table_writer

STORED = pa.schema(
    [pa.field("name", pa.string(), nullable=False), pa.field("points", pa.list_(pa.float64()), nullable=False)]
)
JOINED = STORED.append(pa.field("release", pa.string(), nullable=False))


def _write(path, rows):
    with table_writer(path, STORED) as writer:
        writer.write_table(pa.Table.from_pylist([{"name": str(row), "points": [row]} for row in rows], schema=STORED))
    return path


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_rows_keep_their_order_and_groups_have_one_size(tmp_path, size):
    paths = [_write(tmp_path / f"{at}.parquet", range(*span)) for at, span in enumerate([(0, 5), (5, 5), (5, 11)])]
    total = join_tables(paths, tmp_path / "all.parquet", STORED, JOINED, size,
                        lambda batch: with_constant(batch, "release", "own"))  # fmt: skip
    assert total == 11
    file = pq.ParquetFile(tmp_path / "all.parquet")
    assert file.read()["name"].to_pylist() == [str(row) for row in range(11)]
    assert file.read()["release"].to_pylist() == ["own"] * 11
    sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert sizes[:-1] == [size] * (len(sizes) - 1)
    assert sizes[-1] <= size


def test_tables_without_rows_give_a_table_without_rows(tmp_path):
    path = _write(tmp_path / "0.parquet", [])
    assert join_tables([path], tmp_path / "all.parquet", STORED, STORED, 4, lambda batch: batch) == 0
    assert pq.read_table(tmp_path / "all.parquet").num_rows == 0


def test_a_folder_with_other_names_is_refused(tmp_path):
    (tmp_path / "a.parquet").touch()
    refuse_foreign(tmp_path, {"a.parquet"})
    refuse_foreign(tmp_path / "none", set())
    with pytest.raises(CxrError, match=r"holds 'a\.parquet', which is no part of a product"):
        refuse_foreign(tmp_path, {"b.parquet"})


def test_small_tables_are_written_as_csv(tmp_path):
    write_csv(tmp_path / "t.csv", ("a", "b"), [("x, y", 1)])
    assert (tmp_path / "t.csv").read_text() == 'a,b\n"x, y",1\n'
