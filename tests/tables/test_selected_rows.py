import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.tables.selected_rows import selected_rows

IDS = [f"i{number}" for number in range(10)]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "t.parquet"
    rows = pa.table({"png": [name.encode() for name in IDS], "image_id": IDS, "size": list(range(10))})
    pq.write_table(rows, path, row_group_size=3)
    return path


@given(st.sets(st.sampled_from([*IDS, "none", "i"])))
@settings(max_examples=30, deadline=None)
def test_equals_reading_all_and_choosing(table, wanted):
    everything = pq.read_table(table).to_pandas()[["image_id", "png"]]
    expected = everything[everything["image_id"].isin(wanted)].reset_index(drop=True)
    parts = list(selected_rows(table, wanted, ["png"]))
    assert all(len(part) for part in parts)
    found = pd.concat(parts, ignore_index=True) if parts else expected.iloc[:0]
    pd.testing.assert_frame_equal(found, expected)


def test_pictures_of_other_row_groups_are_not_read(table, monkeypatch):
    read = []
    true_read = pq.ParquetFile.read_row_group

    def spy(self, group, columns=None, **options):
        read.append((group, tuple(columns)))
        return true_read(self, group, columns=columns, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spy)
    assert [part["png"].tolist() for part in selected_rows(table, {"i4"}, ["png"])] == [[b"i4"]]
    assert [group for group, columns in read if "png" in columns] == [1]


def test_an_optional_column_may_be_absent(table):
    assert [part["orientation"].tolist() for part in selected_rows(table, {"i4", "i5"}, ["orientation", "png"])] == [
        [1, 1]
    ]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), (b"no parquet", "not a readable Parquet file")]
)
def test_files_at_fault_are_named(tmp_path, content, message):
    path = tmp_path / "x.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CxrError, match=rf"x\.parquet: {message}"):
        list(selected_rows(path, {"i1"}, ["png"]))


def test_missing_columns_are_named(table):
    with pytest.raises(CxrError, match=r"columns \['latent'\] are missing"):
        list(selected_rows(table, {"i1"}, ["latent"]))
