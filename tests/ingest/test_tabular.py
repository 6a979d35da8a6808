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
        (b"\x1f\x8bplain text", "t.csv.gz", "not a whole gzip file"),
        (b"\n<!DOCTYPE html>\n<html>", "t.csv", "no table, but a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "t.csv.gz", "no table, but a pointer of Git LFS"),
        (b"PK\x03\x04" + bytes(99), "t.csv", "no table, but an Excel workbook"),
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


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_that_a_spreadsheet_saved_again_are_read(write, separator):
    root = write("t.csv", 'id|x|y\na|1,5|p\n"b|c"|2,0|q\n'.replace("|", separator))
    frame = read_columns(root / "t.csv", ["id", "x", "y"])
    assert frame["id"].tolist() == ["a", f"b{separator}c"]
    assert frame["x"].tolist() == ["1,5", "2,0"]
    with pytest.raises(CxrError, match="row 2 holds 2 cells, the header names 3"):
        read_columns(write("u.csv", "id|x|y\na|1|p\nb|2\n".replace("|", separator)) / "u.csv", ["id"])


@pytest.mark.parametrize("packed", [True, False])
def test_packed_tables_are_known_by_their_content(tmp_path, packed):
    """Servers may unpack a table on its way and leave its name, or pack it."""
    path = tmp_path / ("t.csv" if packed else "t.csv.gz")
    path.write_bytes(gzip.compress(b"id,x\na,1\n") if packed else b"id,x\na,1\n")
    assert read_columns(path, ["id"])["id"].tolist() == ["a"]
