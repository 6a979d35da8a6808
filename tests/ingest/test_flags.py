"""Columns of flags: which cells say yes, and which columns hold no flags."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.ingest.flags import flags, fold_flags


def said(*cells):
    return flags(pd.Series(cells, dtype=str), "Edema", "t.csv").tolist()


@given(st.lists(st.lists(st.sampled_from(["1.0", "1", "0", "-1.0", ""]), min_size=3, max_size=3), max_size=20))
def test_fold_flags_equals_the_obvious_loop(cells):
    names = ["No Finding", "Edema", "A|B"]
    frame = pd.DataFrame(cells, columns=names, dtype=str)
    slow = [
        "|".join(name.replace("|", "/") for name, cell in zip(names, row, strict=True) if cell in ("1", "1.0"))
        for row in cells
    ]
    assert fold_flags(frame, names, "t.csv").tolist() == slow


def test_flags_are_read_as_tools_write_them():
    assert said("1", "1.0", " 1.0", "1.00", "1,0", "True", "TRUE ", "yes", "+1", "1.") == [True] * 10
    assert said("", "0", "-1", "-1.0", " 0,0", "False", "no", "nan", "NaN", "NULL", "uncertain") == [False] * 11


@pytest.mark.parametrize("odd", ["2", "0.87", "x", "10", "1 0", "01.5"])
def test_another_cell_among_flags_is_refused_with_its_place(odd):
    with pytest.raises(CxrError, match=f"t.csv: row 3, column 'Edema': '{odd}'; expected 1, 0, -1 or nothing"):
        said("1", "", odd)


def test_a_column_of_text_is_no_finding_and_a_warning_says_so(caplog):
    assert said("train", "", "test") == [False] * 3
    assert "column 'Edema' holds no flags" in caplog.text


def test_a_column_that_numbers_the_rows_is_no_finding(caplog):
    assert said("0", "1", "2") == said("1", "2", "3") == [False] * 3
    assert flags(pd.Series(["0", "1"]), "index", "t.csv").tolist() == [False] * 2
    assert "column 'index' numbers the rows" in caplog.text
    assert said("0", "1", "1") == [False, True, True]
