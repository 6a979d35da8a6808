"""Labelled tables of studies: one of several, and written again."""

import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.studies.labelled_tables import read_image_words, read_tables, write_labelled
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.studies.films import film, table_of
from tests.studies.labelled import write_people


def test_tables_are_read_as_one_and_an_id_occurs_once(tmp_path):
    write_labelled(table_of([film("b"), film("a", age=40.0)]), tmp_path / "1.parquet")
    write_labelled(table_of([film("c", source="South")]), tmp_path / "2.parquet")
    both = read_tables([tmp_path / "1.parquet", tmp_path / "2.parquet"], by_id=True)
    assert both["image_id"].tolist() == ["a", "b", "c"]
    assert both["age"].tolist()[0] == 40.0
    write_labelled(both, tmp_path / "again.parquet")
    assert read_tables([tmp_path / "again.parquet"])["source"].tolist() == ["North", "North", "South"]
    with pytest.raises(CxrError, match="image 'c' occurs twice"):
        read_tables([tmp_path / "2.parquet", tmp_path / "2.parquet"])


def test_tables_are_joined_with_people_where_they_are_known(tmp_path):
    one = write_people(tmp_path / "a.parquet", [("a", "p", "LH", "train", "F")])
    other = write_people(tmp_path / "b.parquet", [("b", "q", "L", "val", None)], people=False)
    table = read_tables([one, other]).set_index("image_id")
    assert table.loc["a", "sex"] == "F"
    assert pd.isna(table.loc["b", "sex"])
    with pytest.raises(CxrError, match="image 'a' occurs twice"):
        read_tables([one, one])


def test_what_is_written_reads_back_with_other_splits(tmp_path):
    table = read_tables([write_people(tmp_path / "a.parquet", [("a", "p", "LHC", "train", "F")])])
    write_labelled(table, tmp_path / "out.parquet", "val")
    found = read_table(tmp_path / "out.parquet", LABELLED_IMAGES)
    assert found["split"].tolist() == ["val"]
    assert list(found["landmarks"][0]) == list(range(332))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id,kind\na,x\n", "column class is missing"),
        ("image_id,class\na,x\na,y\n", "image 'a' occurs twice"),
        ("", "not a readable CSV file"),
    ],
)
def test_words_of_images_are_read_or_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(CxrError, match=message):
        read_image_words([tmp_path / "w.csv"], "class")
    (tmp_path / "good.csv").write_text("note,class,image_id\n,normal,007\n,,008\n")
    assert read_image_words([tmp_path / "good.csv"], "class").to_dict() == {"007": "normal"}
