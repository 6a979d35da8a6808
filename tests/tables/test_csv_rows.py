import csv

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables import csv_rows
from cxrfactory.tables.csv_rows import CsvRows, row_starts

HEADER = b"id,note,last\n"
ROWS = [["a", "x", "1"], ["b", 'two\nlines, "quoted"', "2"], ['c"d', "", ""], ["e", "\r\n", "é"]]


def written(path, ends=b"\n", last=True):
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(HEADER.decode().rstrip("\n") + ends.decode())
        csv.writer(stream, lineterminator=ends.decode()).writerows(ROWS)
    if not last:
        path.write_bytes(path.read_bytes().removesuffix(ends))
    return path


@pytest.mark.parametrize("chunk", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_every_row_is_read_alone(tmp_path, monkeypatch, chunk, ends, last):
    monkeypatch.setattr(csv_rows, "CHUNK_BYTES", chunk)
    path = written(tmp_path / "t.csv", ends, last)
    rows = CsvRows(path, row_starts(path))
    assert len(rows) == len(ROWS)
    for place in (3, 0, 2, 1):
        assert list(rows.row(place).values()) == ROWS[place]
    assert rows.header_line + b"".join(map(rows.line, range(len(ROWS)))) == path.read_bytes()


def test_empty_lines_are_no_rows_and_a_header_alone_has_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n3,4\n\n\r\n")
    assert len(row_starts(path)) - 1 == 2
    path.write_bytes(b"a,b\n")
    assert len(CsvRows(path, row_starts(path))) == 0
    path.write_bytes(b"a,b\n1,2\n\n3,4\n")
    rows = CsvRows(path, row_starts(path))
    assert [rows.row(place)["a"] for place in range(len(rows))] == ["1", "3"]


def test_a_file_cut_within_quotes_and_a_row_of_other_length_are_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\n1,"2\n')
    with pytest.raises(CxrError, match="ends within quotes"):
        row_starts(path)
    path.write_bytes(b"a,b\n1,2,3\n")
    with pytest.raises(CxrError, match="row 1 has 3 cells; expected 2"):
        CsvRows(path, row_starts(path)).row(0)
    with pytest.raises(CxrError, match="the file was changed"):
        CsvRows(path, np.array([4, 400])).line(0)
