import pandas as pd
import pyarrow as pa
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table, write_table

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
