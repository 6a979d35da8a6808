"""The search itself: it finds what is hidden, and takes no number of a table for a date."""

import base64
import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import REJECTED
from tests.privacy.marks import found_in, leaks, mark
from tests.privacy.pictures import jpeg, png


@settings(deadline=None)
@given(st.binary(max_size=9), st.binary(max_size=9))
def test_a_word_is_found_in_every_coding(before, after):
    word = mark().encode()
    for form in (
        word,
        word.lower(),
        word.decode().encode("utf-16"),
        word.decode().encode("utf-16-be"),
        word.hex().encode(),
    ):
        assert found_in(before + form + after)
    assert found_in(base64.b64encode(before + word + after))


@pytest.mark.parametrize("vr", ["DA", "TM", "DT", "AS", "IS", "DS", "UI", "PN", "LO"])
def test_a_mark_of_every_kind_is_found(vr):
    assert found_in(f"x {mark(vr)}, y".encode())


def test_digits_of_other_numbers_are_no_date():
    assert found_in(b"born 1066-05-12")
    for number in (b"0.10660512", b"110660512", b"10660512.5", b"10661312", b"20261122"):
        assert not found_in(number)


def test_digits_of_a_pseudonym_are_no_date():
    assert not found_in(b"films/aa10050907" + b"e" * 22 + b".png")
    assert found_in(b"films/aa10050907" + b"e" * 21 + b".png")


def test_digits_of_a_checksum_are_no_date():
    checksum = b"10581224c2cfb4cf7780" + b"e" * 44
    assert not found_in(checksum + b"  table.csv")
    for other in (checksum[:-1], checksum + b"e", b"10581224c2cfb4cf7780"):
        assert found_in(other)


def test_packed_files_are_opened(tmp_path):
    pixels = np.zeros((64, 64), np.uint8)
    (tmp_path / "a.gz").write_bytes(gzip.compress(mark().encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.gz", gzip.compress(mark().encode()))
    (tmp_path / "d.png").write_bytes(png(pixels))
    (tmp_path / "e.jpg").write_bytes(jpeg(pixels))
    row = {"image_id": "a", "path": None, "stage": "s", "reason": mark()}
    write_table(pd.DataFrame([row]), tmp_path / "f.parquet", REJECTED)
    (tmp_path / mark()).touch()
    (tmp_path / "clean.png").write_bytes(encode_png(pixels))
    places = {place.split(":")[0].split(" ")[0].split("/")[0] for place in leaks(tmp_path)}
    assert places == {"a.gz", "b.zip", "d.png", "e.jpg", "f.parquet", "name"}
    inside = {place.split(":")[0] for place in leaks(tmp_path) if place.startswith("d.png")}
    assert {"d.png", "d.png/zTXt", "d.png/iTXt", "d.png/iCCP"} <= inside
