import itertools
import os

import pytest

from cxrfactory.tables.file_names import LONGEST_STEM_BYTES, file_stem, name_on_disk, printable_name

NAMES = [
    b"plain.png", b"Rx t\xf3rax 2.png", b"Rx t\\xf3rax 2.png", b"Rx t\\x5cxf3rax 2.png", b"a\\b.png", b"line\nend.png",
    b"line\\x0aend.png", b'quote".png', b"comma,.png", b"-dash.png", b"blank .png", "\u202eright.png".encode(),
    "é.png".encode(), "e\u0301.png".encode(), b"100%.png", b"a%20b.png", b"a%5Fb.png", b"a%255Fb.png", b"\xff\xfe",
    b"\\", b"\\x", b"\\xf", b"\\\xf3", b"%\xf3", "胸部.dcm".encode(), "\u200b.png".encode(), b"\xc3", b"\xb3",
    b"\xc3\xb3",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_printable_names_are_reversible(name):
    given = os.fsdecode(name)
    text = printable_name(given)
    assert text.isprintable()
    text.encode("utf-8")
    assert os.fsencode(name_on_disk(text)) == name


def test_printable_names_are_one_to_one_and_mostly_unchanged():
    texts = [printable_name(os.fsdecode(name)) for name in NAMES]
    assert len(set(texts)) == len(NAMES)
    for name in ("plain.png", "a/b c.png", "a%20b.png", "a\\b.png", "é.png"):
        assert printable_name(name) == name


def test_stems_of_simple_ids_are_unchanged():
    for image_id, stem in {
        "a.png": "a.png",
        "ward/a.b": "ward__a.b",
        "a_b/c_d_.png": "a_b__c_d_.png",
        "_a": "_a",
        "a_": "a_",
        "é %20 50% .png": "é %20 50% .png",
        "Rx t\\xf3rax.png": "Rx t\\xf3rax.png",
    }.items():
        assert file_stem(image_id) == stem


def test_stems_are_one_to_one():
    signs = ["_", "/", ".heart", "%5F", "%", "~"]
    ids = {"".join(each) for length in range(1, 7) for each in itertools.product(signs, repeat=length)}
    stems = {}
    for image_id in ids:
        stem = file_stem(image_id)
        assert "/" not in stem
        assert stems.setdefault(stem, image_id) == image_id
    assert len(stems) == len(ids)


def test_stems_of_long_ids_fit_into_a_file_name(tmp_path):
    ids = ["x" * 255, "x" * 254 + "y", "/".join(["ü" * 120] * 9), "é" * 127, "a" * LONGEST_STEM_BYTES]
    ids += [file_stem(ids[0]), file_stem(file_stem(ids[0]))]  # a short id that looks like a shortened one
    stems = [file_stem(each) for each in ids]
    assert len(set(stems)) == len(ids)
    assert stems[4] == ids[4]
    for stem in stems:
        assert len(stem.encode()) <= LONGEST_STEM_BYTES
        (tmp_path / f".{stem}.right_clavicle.abcdefgh.tmp.png").write_bytes(b"")


def test_stems_of_ids_from_tables_are_file_names(tmp_path):
    for image_id in ("a\0b", "a\nb", "../../etc/passwd", "a\x7f", "\ud8ff"):
        (tmp_path / f"{file_stem(image_id)}.png").write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 5
    assert file_stem("a\nb") != file_stem("a%0Ab") != file_stem("a\\x0ab")
