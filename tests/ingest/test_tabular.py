import gzip
import os

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.ingest.tabular import read_columns


def test_cells_stay_text_and_line_breaks_survive(write):
    root = write("t.csv.gz", 'id,report,n\n007,"two\nlines, ""quoted""",1.0\n008,,nan\n')
    frame = read_columns(root / "t.csv.gz", ["n", "id", "report"])
    assert frame.to_dict("list") == {
        "n": ["1.0", "nan"],
        "id": ["007", "008"],
        "report": ['two\nlines, "quoted"', ""],
    }


def test_a_byte_order_mark_is_no_part_of_the_first_column(write):
    root = write("t.csv", "\N{ZERO WIDTH NO-BREAK SPACE}id\na\n")
    assert read_columns(root / "t.csv", ["id"])["id"].tolist() == ["a"]


def test_missing_column_names_table_column_and_what_is_there(write):
    root = write("t.csv", "id,View\na,PA\n")
    with pytest.raises(CxrError, match=r"t\.csv: column 'ViewPosition' is missing; found 'id', 'View'"):
        read_columns(root / "t.csv", ["id", "ViewPosition"])


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "t.csv", "0 bytes"),
        (b"plain text", "t.csv.gz", "not a whole gzip file"),
        (gzip.compress(b"id,x\n" + os.urandom(4000))[:-900], "t.csv.gz", "not a whole gzip file"),
        (b"\n\n", "t.csv", "not a readable CSV"),
        (b"id\n1\n", "t.csv", "column 'x' is missing"),
        (bytes(range(256)) * 4, "t.csv", "the header holds zero bytes"),
        (b'id,x\n1,2\n3,"4\n', "t.csv", "not a readable CSV"),
    ],
)
def test_an_unreadable_table_is_one_clear_line(tmp_path, data, name, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CxrError, match=message) as caught:
        read_columns(tmp_path / name, ["id", "x"])
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_row_with_a_cell_too_many_does_not_shift_columns(write):
    root = write("t.csv", "id,x\na,1\nb,2,3\n")
    with pytest.raises(CxrError, match="line 3"):
        read_columns(root / "t.csv", ["id", "x"])
    root = write("u.csv", "id,x\na,1,9\nb,2,3\n")
    with pytest.raises(CxrError, match="more cells than the header"):
        read_columns(root / "u.csv", ["id", "x"])


def test_text_in_another_encoding_is_refused_only_where_it_is_read(write):
    root = write("t.csv", "id,note\na,caf\xe9\n", encoding="latin-1")
    assert read_columns(root / "t.csv", ["id"])["id"].tolist() == ["a"]
    with pytest.raises(CxrError, match=r"row 1, column 'note': not UTF-8"):
        read_columns(root / "t.csv", ["note"])
