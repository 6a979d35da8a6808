"""Names of label values: tables of a release, and those of TotalSegmentator by name."""

import pytest

from cxrfactory.drr.label_tables import names_of, refuse_unnamed, unnamed
from cxrfactory.errors import CxrError, ImageError


@pytest.mark.parametrize(
    ("choice", "count", "some"),
    [
        ("totalsegmentator-v2", 117, {51: "heart", 92: "rib_left_1", 117: "costal_cartilages"}),
        ("TotalSegmentator_v1", 104, {44: "heart_myocardium", 58: "rib_left_1", 93: "face"}),
    ],
)  # fmt: skip
def test_the_tables_of_totalsegmentator_have_the_values_of_their_version(choice, count, some, tmp_path):
    names = names_of(choice, tmp_path)
    assert list(names) == list(range(1, count + 1))
    assert some.items() <= names.items()


def test_a_table_is_read_from_the_root_and_a_typo_names_the_choices(tmp_path):
    (tmp_path / "n.csv").write_text("id,name\n1,heart\n")
    assert names_of("n.csv", tmp_path) == names_of(tmp_path / "n.csv") == {1: "heart"}
    assert names_of(None) is None
    with pytest.raises(CxrError, match=r"totalsegmentator: no such file; expected .* totalsegmentator-v2 or totalseg"):
        names_of("totalsegmentator", tmp_path)


def test_labels_without_names_are_refused_with_what_to_do():
    assert unnamed(["label_1", "label_117"], [1, 117])
    assert not unnamed(["label_1", "heart"], [1, 2])
    assert not unnamed(["label_1"], [None])  # the name of a file in a folder
    assert not unnamed([], [])
    with pytest.raises(ImageError, match=r"set names to a table .* totalsegmentator-v2"):
        refuse_unnamed(["label_3"], [3])
