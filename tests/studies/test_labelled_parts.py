import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.studies.labelled_parts import by_hash, lungs_only, read_labelled, write_labelled
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.studies.labelled import write_people


def test_tables_are_joined_with_people_where_they_are_known(tmp_path):
    one = write_people(tmp_path / "a.parquet", [("a", "p", "LH", "train", "F")])
    other = write_people(tmp_path / "b.parquet", [("b", "q", "L", "val", None)], people=False)
    table = read_labelled([one, other]).set_index("image_id")
    assert table.loc["a", "sex"] == "F"
    assert pd.isna(table.loc["b", "sex"])
    with pytest.raises(CxrError, match="image 'a' occurs twice"):
        read_labelled([one, one])


def test_what_is_written_reads_back_with_other_splits(tmp_path):
    table = read_labelled([write_people(tmp_path / "a.parquet", [("a", "p", "LHC", "train", "F")])])
    write_labelled(table, tmp_path / "out.parquet", "val")
    found = read_table(tmp_path / "out.parquet", LABELLED_IMAGES)
    assert found["split"].tolist() == ["val"]
    assert list(found["landmarks"][0]) == list(range(332))


def test_lungs_only_cuts_hearts_and_leaves_out_whole_lungs(tmp_path):
    rows = [("a", "p", "LH", "train", "F"), ("b", "q", "L", "val", "M"), ("w", "r", "W", "val", "M")]
    found = lungs_only(read_labelled([write_people(tmp_path / "a.parquet", rows)]))
    assert found["image_id"].tolist() == ["a", "b"]
    assert found["labels"].tolist() == ["L", "L"]
    assert [list(each) for each in found["landmarks"]] == [list(range(188))] * 2


def test_patients_come_once_in_an_order_of_purpose_and_seed():
    names = [f"p{number}" for number in range(20)]
    first = by_hash([*names, *names], "x", 0)
    assert sorted(first) == sorted(names)
    assert first == by_hash(names[::-1], "x", 0)
    assert first != by_hash(names, "x", 1)
    assert first != by_hash(names, "y", 0)
