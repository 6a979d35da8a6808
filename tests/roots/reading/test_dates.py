"""Dates in names whose order of day, month and year is told by all names of a plate."""

from datetime import datetime

import pytest

from cxrfactory.roots.reading.dates import dated

DAY = "day, month, year"


@pytest.mark.parametrize(
    ("names", "order", "first", "clock", "unsure"),
    [
        (["29.05.2024", "30.05.2024", "01.06.2024"], DAY, datetime(2024, 5, 29), False, False),
        (["05-29-2024_10-30", "06-01-2024_10-00"], "month, day, year", datetime(2024, 5, 29, 10, 30), True, False),
        (["03.05.2024 14-00", "04.05.2024 14-00"], DAY, datetime(2024, 5, 3, 14), True, True),
        (["3.5.2024 2.30.15 PM", "4.5.2024 3.30.15 AM"], DAY, datetime(2024, 5, 3, 14, 30, 15), True, True),
        (["03052024_1000", "04052024_1000"], DAY, datetime(2024, 5, 3, 10), True, True),
        (["a_240503_100000", "a_240504_020000"], "year, month, day", datetime(2024, 5, 3, 10), True, False),
        (["240503100000", "240504100000"], "year, month, day", datetime(2024, 5, 3, 10), True, False),
        (["030524_1000", "040524_1000"], DAY, datetime(2024, 5, 3, 10), True, True),
        (["03_05_2024_10_12_30", "03_05_2024_11_12_30"], DAY, datetime(2024, 5, 3, 10, 12, 30), True, False),
    ],
)
def test_the_order_that_fits_all_names_and_the_shortest_time_is_taken(names, order, first, clock, unsure):
    found = dated(names)
    assert (found.order, found.times[0], found.clock, found.unsure) == (order, first, clock, unsure)


@pytest.mark.parametrize(
    "names",
    [
        ["IMG_0001", "IMG_0002"],
        ["31.06.2024"],  # neither the 31st of June nor a month 31
        ["120304_5", "120305_5"],  # a year of two digits without a clock
        ["10012024", "10022024"],  # a number of eight digits without a clock
        ["plate3_12_2024-05-03", "plate3_12_2024-05-04"],  # the year begins the date
        ["03.05.2024", "b", "c"],
    ],
)
def test_numbers_that_are_no_dates(names):
    assert dated(names) is None


def test_a_name_without_a_date_has_no_time():
    assert dated(["03.05.2024", "x", "13.05.2024"]).times == [datetime(2024, 5, 3), None, datetime(2024, 5, 13)]
