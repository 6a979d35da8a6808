"""``Info.cfg`` of ACDC as programs and systems write it."""

import codecs

import pytest

from cxrfactory.hearts.reading.info_file import read_info

PLAIN = "ED: 1\nES: 12\nGroup: DCM\nNbFrame: 30\n"
WRITTEN = {
    "plain": PLAIN.encode(),
    "other systems' lines": PLAIN.replace("\n", "\r\n").encode(),
    "old systems' lines": PLAIN.replace("\n", "\r").encode(),
    "byte order mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "utf-16": codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
    "utf-16, big end first": codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    "utf-16 without a mark": PLAIN.encode("utf-16-le"),
    "utf-16 without a mark, big end first": PLAIN.encode("utf-16-be"),
    "spaces": PLAIN.replace(":", " :").encode(),
    "lower case": PLAIN.lower().encode(),
    "equals": PLAIN.replace(": ", "=").encode(),
    "indented, with a section": ("[info]\n\t" + PLAIN.replace("\n", "\n\t")).encode(),
    "numbers with a point": PLAIN.replace("12", "12.0").encode(),
    "comments": PLAIN.replace("12", "12  # by hand").encode(),
    "no last line's end": b"ES: 12\nED: 1",
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("name", ["Info.cfg", "info.cfg"])
def test_numbers_in_any_writing(tmp_path, how, name):
    (tmp_path / name).write_bytes(WRITTEN[how])
    found = read_info([tmp_path / "missing", tmp_path])
    assert (found.ed, found.es, found.notes) == (1, 12, ())


@pytest.mark.parametrize("line", ["ES: twelve", "BES: 12", "ES: 1 2", "ES:", "ES: -3"])
def test_a_line_that_states_no_number_is_noted(tmp_path, line):
    (tmp_path / "Info.cfg").write_text(f"ED: 1\n{line}\n")
    found = read_info([tmp_path])
    assert (found.ed, found.es) == (1, None)
    assert found.notes == ("Info.cfg has no line such as 'ES: 1'",)


def test_no_file(tmp_path):
    assert read_info([tmp_path]).notes == ()
