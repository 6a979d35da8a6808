import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.one_row import RowReader


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


def test_faults_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no such file"):
        RowReader(tmp_path / "none.parquet").open()
    (tmp_path / "odd.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CxrError, match="not a readable Parquet file"):
        RowReader(tmp_path / "odd.parquet").open()
