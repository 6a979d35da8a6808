"""Cells of a table find their files, and no other."""

import logging
import unicodedata

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.config import DatasetConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.folder.join import ELSEWHERE, OTHER_ENDING, OTHER_ROW, REPEATED, SHARED, find_files
from cxrfactory.ingest.folder.rows import read_folder

NAME = "M\u00fcller/R\u00f6ntgen 1.png"


def places(tmp_path, cells, files, quote=True):
    return find_files(cells, files, tmp_path, "", quote)


@pytest.mark.parametrize(
    ("cells", "files"),
    [
        (["/mnt/pacs/2023/0.png", "/mnt/pacs/2023/1.png"], ["2024/0.png", "2024/1.png"]),
        (["/mnt/2023/p1/0.png"], ["2024/p1/0.png"]),
        (["2023/0.png", "2023/1.png"], ["0.png", "2024/0.png", "2024/1.png"]),
        (["A/0.png", "B/0.png", "A/1.png"], ["0.png", "1.png"]),
    ],
)
def test_folders_that_disagree_are_not_joined(tmp_path, cells, files):
    found = places(tmp_path, cells, files)
    assert found.hits == 0
    assert all(place.reason.startswith((ELSEWHERE, REPEATED)) for place in found.places)


def test_the_reason_names_both_folders_or_none_if_it_may_not(tmp_path):
    cells = ["/mnt/pacs/2023/0.png"]
    assert places(tmp_path, cells, ["2024/0.png"]).places[0].reason == (
        f"{ELSEWHERE}: '2024' instead of '/mnt/pacs/2023'"
    )
    assert places(tmp_path, cells, ["2024/0.png"], quote=False).places[0].reason == ELSEWHERE
    many = places(tmp_path, [f"x{n}/{n}.png" for n in range(50)], [f"y/{n}.png" for n in range(50)])
    assert len({place.reason for place in many.places}) == 21


def test_a_flat_folder_serves_rows_of_folders_if_each_name_is_the_only_one(tmp_path):
    found = places(tmp_path, ["A/0.png", "B/2.png"], ["0.png", "2.png"])
    assert (found.hits, found.dropped) == (2, 1)


@pytest.mark.parametrize(
    ("cell", "file"),
    [
        ("a/1.PNG", "a/1.png"),
        ("A/1", "a/1.png"),
        ("12", "00012.png"),
        ("p1/12.png", "p1/00012.png"),
        (NAME, unicodedata.normalize("NFD", NAME)),
        (unicodedata.normalize("NFD", NAME), NAME),
        ("p1/a.png", "export/p1/a.png"),
        (r"D:\PACS\P1\A.DCM", "p1/a.dcm"),
    ],
)
def test_another_spelling_of_one_file_is_found_and_counted(tmp_path, cell, file):
    found = places(tmp_path, [cell, "other.png"], [file, "other.png"] if "PACS" not in cell else [file])
    assert found.places[0].path == file
    assert found.respelt == 1


def test_a_spelling_of_several_files_is_none_of_them(tmp_path):
    found = places(tmp_path, ["12", "P/A.png"], ["00012.png", "0012.png", "x/p/a.png", "y/p/a.png"])
    assert [place.path for place in found.places] == [None, None]


def test_the_row_that_writes_a_file_exactly_has_it(tmp_path):
    found = places(tmp_path, ["12", "0012", "p/a.png"], ["0012.png", "p/a.png"])
    assert [place.reason for place in found.places] == [OTHER_ROW, None, None]
    assert {place.reason for place in places(tmp_path, ["12", "012"], ["0012.png"]).places} == {SHARED}


def test_another_ending_is_said(tmp_path):
    found = places(tmp_path, ["a/1.jpg", "a/2.png"], ["a/1.png", "a/2.png"])
    assert found.places[0].reason == f"{OTHER_ENDING}: '.png' instead of '.jpg'"


@pytest.fixture
def films(tmp_path):
    root = tmp_path / "films"
    (root / "2024").mkdir(parents=True)
    for name in ("000001", "000002"):
        cv2.imwrite(str(root / "2024" / f"{name}.png"), np.zeros((8, 8), np.uint8))
    return root


def rows_of(films, text):
    table = films.parent / "t.csv"
    table.write_text(text)
    return read_folder(DatasetConfig(layout="folder", root=str(films), table=str(table), view="all-frontal"), "x")


def test_ids_that_a_spreadsheet_wrote_as_formulas_are_texts(films):
    rows = rows_of(films, 'image_id\n="000001"\n"=""000002"""\n')
    assert rows["image_id"].tolist() == ["000001", "000002"]
    assert rows["exclusion_reason"].isna().all()


def test_the_log_says_which_rows_are_spelt_otherwise(films, caplog):
    with caplog.at_level(logging.WARNING, "cxrfactory"):
        rows = rows_of(films, "image_id\n1\n000002\n")
    assert pd.isna(rows["exclusion_reason"]).all()
    assert "1 rows write their file in another way" in caplog.text
    assert "'1' is '2024/000001.png'" in caplog.text


def test_a_table_of_another_folder_is_refused_with_what_is_near(films):
    with pytest.raises(CxrError, match=r"row 1: '2023/000001\.png': .* '2024' instead of '2023'"):
        rows_of(films, "path\n2023/000001.png\n2023/000002.png\n")


def test_rounded_ids_name_the_spreadsheet(films):
    with pytest.raises(CxrError, match=r"'1\.23457E\+15' stands already in row 1 .*a spreadsheet rounded it"):
        rows_of(films, "image_id,path\n1.23457E+15,2024/000001.png\n1.23457E+15,2024/000002.png\n")
