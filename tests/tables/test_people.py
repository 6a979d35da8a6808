import pandas as pd
import pytest

from cxrfactory.tables.people import ages, sexes


def series(*cells):
    return pd.Series(cells, dtype=object)


@pytest.mark.parametrize(
    ("cell", "years"),
    [("058Y", 58.0), ("58", 58.0), ("006M", 0.5), ("90.0", 90.0), ("0", 0.0), ("120", 120.0)],
)
def test_ages(cell, years):
    assert ages(series(cell)).tolist() == [years]


def test_weeks_and_days_are_parts_of_a_year():
    weeks, days = ages(series("004W", "010D"))
    assert weeks == pytest.approx(28 / 365.25)
    assert days == pytest.approx(10 / 365.25)


@pytest.mark.parametrize("cell", ["", "nan", "414", "-1", "12X", "1e2", "old"])
def test_what_is_no_age_is_null(cell):
    assert ages(series(cell)).isna().all()


def test_sexes():
    assert sexes(series("F", "male", "Other", "Unknown", "", "nan")).tolist() == [
        "F",
        "M",
        "O",
        None,
        None,
        None,
    ]
