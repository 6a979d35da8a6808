from pathlib import Path, PurePosixPath

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.imaging.vocabulary.words import default_vocabulary
from cxrfactory.ingest import rows


def series(*cells):
    return pd.Series(list(cells), dtype=str)


def test_select_views_knows_frontal_other_missing_and_unknown():
    found = rows.select_views(
        series("PA", " ap ", "LATERAL", "", "nan", "Sideways"), "ViewPosition", {"LATERAL": "LATERAL"}
    )
    assert found["view"].tolist() == ["PA", "AP", "LATERAL", None, None, None]
    assert found["exclusion_reason"].tolist() == [
        None,
        None,
        "ViewPosition is LATERAL, not PA or AP",
        "ViewPosition is missing",
        "ViewPosition is missing",
        "ViewPosition 'Sideways' is unknown, expected PA or AP",
    ]


def test_select_views_can_leave_unknown_values_unquoted():
    found = rows.select_views(series("Doe^Secret"), "view", quote=False)
    assert found["exclusion_reason"].tolist() == [
        "view is a text of 10 signs that is in no table of words, expected PA or AP"
    ]


def test_a_frontal_word_without_direction_is_kept_without_a_view():
    found = rows.select_views(series("Frontal", "Tórax PA", "PA/lateral", "desconocido"), "view")
    assert found["view"].tolist() == [None, "PA", "LATERAL", None]
    assert found["exclusion_reason"].tolist() == [
        None,
        None,
        "view is PA/lateral, not PA or AP",
        "view is desconocido, not PA or AP",
    ]


@given(st.lists(st.text(max_size=8) | st.sampled_from(["PA", "ap", "L", "", "PÀ", "frontal"]), max_size=20))
def test_select_views_includes_exactly_the_words_of_frontal_views(cells):
    found = rows.select_views(series(*cells), "View", {"L": "LATERAL"})
    included = [reason is None for reason in found["exclusion_reason"]]
    assert included == [default_vocabulary().view(cell).frontal_view is not None for cell in cells]


@pytest.mark.parametrize(
    "path",
    [
        "../a.png",
        "a/../b",
        "..",
        "a/..",
        "/etc/passwd",
        "C:/a.png",
        "a\\b",
        "a\0b",
        "a\nb",
        "",
        ".",
        "./a",
        "a//b",
        "a/",
    ],
)
def test_unsafe_paths(path):
    assert rows.unsafe(series(path)).tolist() == [True]


@pytest.mark.parametrize("path", ["a.png", "a/b.png", "..a", "a..b/c..", ".hidden", "a b", "1.2.3"])
def test_safe_paths(path):
    assert rows.unsafe(series(path)).tolist() == [False]


@given(st.text(alphabet="./\\ab:\0C", max_size=10))
def test_a_safe_path_stays_below_the_root(path):
    if not rows.unsafe(series(path)).iloc[0]:
        assert not PurePosixPath(path).is_absolute()
        root = Path("/data/release")
        depth = 0
        for part in path.split("/"):
            depth += -1 if part == ".." else 1
            assert depth > 0
        assert (root / path).parts[: len(root.parts)] == root.parts


def draft(ids, paths):
    frame = pd.DataFrame({"table": "t.csv", "row": range(1, len(ids) + 1)})
    return rows.draft(frame, pd.Series(ids, dtype=str), pd.Series(paths, dtype=object))


def test_guard_keeps_the_row_and_drops_the_path():
    found = rows.guard(
        draft(["a", "", "../b", "c", "d/e"], ["a.png", ".png", "../b.png", "x/../../c", "d/e.png"]), True
    )
    assert found["image_id"].tolist() == ["a", "no-id:t.csv:2", "../b", "c", "d/e"]
    assert found["path"].tolist() == ["a.png", None, None, None, None]
    assert found["exclusion_reason"].tolist() == [
        None,
        "image id is empty",
        "image id is no plain name inside the release folder",
        "path is not inside the release folder",
        "image id is no plain name inside the release folder",
    ]


def test_guard_lets_an_id_be_a_path_where_the_release_says_so():
    assert rows.guard(draft(["d/e.png"], ["d/e.png"]), False)["exclusion_reason"].tolist() == [None]


def test_quoted_words_reads_both_quotes_and_evaluates_nothing():
    assert rows.quoted_words("""['normal', "Chilaiditi's sign"]""") == ["normal", "Chilaiditi's sign"]
    assert rows.quoted_words("__import__") == []


def test_collapse_keeps_first_rows_and_every_row_without_id():
    frame = pd.DataFrame({"image_id": ["b", "a", "b", "", ""], "table": "t", "row": range(1, 6)})
    kept, codes = rows.collapse(frame)
    assert kept["row"].tolist() == [1, 2, 4, 5]
    assert codes.tolist() == [0, 1, 0, 2, 3]


def test_the_year_of_a_study_may_have_gone_through_floats():
    years = rows.study_year(series("20110131", "20110131.0", "2011", "", "2011-01-31"))
    assert years[:2].tolist() == [2011.0, 2011.0]
    assert years[2:].isna().all()
