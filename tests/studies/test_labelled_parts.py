from cxrfactory.studies.labelled_parts import by_hash, lungs_only
from cxrfactory.studies.labelled_tables import read_tables
from tests.studies.labelled import write_people


def test_lungs_only_cuts_hearts_and_leaves_out_whole_lungs(tmp_path):
    rows = [("a", "p", "LH", "train", "F"), ("b", "q", "L", "val", "M"), ("w", "r", "W", "val", "M")]
    found = lungs_only(read_tables([write_people(tmp_path / "a.parquet", rows)]))
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
