"""Times in names, the order of pictures, and gaps."""

from datetime import datetime

import pytest

from cxrfactory.roots.reading.times import gaps_before, natural_key, order_of, time_in_name

EIGHT = datetime(2020, 1, 31, 8, 15)


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("first-0_2020-01-31_08-15-00", EIGHT),
        ("20200131T081500", EIGHT),
        ("20200131T0815", EIGHT),
        ("2020-01-31-0815", EIGHT),
        ("IMG_20200131_081500", EIGHT),
        ("IMG_20200131_081500123", EIGHT),
        ("20200131081500", EIGHT),
        ("202001310815", EIGHT),
        ("2020-01-31T08:15:00Z", EIGHT),
        ("2020-01-31 08.15.00", EIGHT),
        ("2020_01_31_08_15", EIGHT),
        ("2020-01-31_08h15", EIGHT),
        ("2020-01-31_08h15m00s", EIGHT),
        ("cam2_2020-01-31_08-15-00_plate3", EIGHT),
        ("2020-01-31 08.15.00 AM", EIGHT),
        ("2020-01-31 8.15.00 a.m", EIGHT),
        ("IMG_20200131_08-15am_b", EIGHT),
        ("2020-01-31 12.15.00 AM", datetime(2020, 1, 31, 0, 15)),
        ("2020-01-31 08.15.00 PM", datetime(2020, 1, 31, 20, 15)),
        ("2020-02-31_08-15-00", None),
        ("2020-13-01_08-15-00", None),
        ("2020-01-31_24-15-00", None),
        ("J10_Photo_011", None),
        ("img_0001", None),
        ("12020-01-31_08-15-001", None),
        ("2020-01-31", None),
    ],
)
def test_times_in_names(name, time):
    assert time_in_name(name) == time


def test_days_and_seconds_in_names():
    assert time_in_name("p_2020-01-31", "day") == datetime(2020, 1, 31)
    assert time_in_name("p_1580458500", "unix") == EIGHT
    assert time_in_name("p_1580458500123", "unix") == EIGHT
    assert time_in_name("p_123", "unix") is None


def _order(stems, taken=None, interval=10.0):
    order = order_of(stems, taken or [None] * len(stems), interval)
    return [(stems[each.place], each.minutes, each.source) for each in order.timed], order


def test_unpadded_numbers_run_in_their_order():
    assert sorted(["a10", "a9", "a1", "b"], key=natural_key) == ["a1", "a9", "a10", "b"]
    found, order = _order(["img_10", "img_2", "img_1", "img_3"])
    assert found[:3] == [("img_1", 0, "interval"), ("img_2", 10, "interval"), ("img_3", 20, "interval")]
    assert found[3] == ("img_10", 90, "interval")  # the numbers 4 to 9 are missing
    assert "6 numbers are missing" in order.told[0]
    assert "10 minutes" in order.warned[0]


def test_numbers_may_run_in_steps_or_not_be_one_series():
    assert [each[1] for each in _order(["i10", "i20", "i30", "i50"])[0]] == [0, 10, 20, 40]
    assert [each[1] for each in _order(["i1", "i7", "i9", "i50"])[0]] == [0, 10, 20, 30]
    assert [each[1] for each in _order(["b2", "a1", "c9"])[0]] == [0, 10, 20]


def test_names_come_before_exif_and_exif_before_the_interval():
    names = ["p_2020-01-01_10-00", "p_2020-01-01_08-00", "p_2020-01-01_09-00"]
    exif = [datetime(2020, 1, 1, hour) for hour in (1, 2, 3)]
    assert [each[::2] for each in _order(names, exif)[0]] == [(names[place], "name") for place in (1, 2, 0)]
    assert _order(["c", "a", "b"], exif)[0] == [("c", 0, "exif"), ("a", 60, "exif"), ("b", 120, "exif")]


def test_a_day_that_all_names_share_orders_nothing():
    names = [f"2020-01-01_08-00-00_{number}" for number in (1, 2, 10)]
    assert _order(names)[0] == [(names[0], 0, "interval"), (names[1], 10, "interval"), (names[2], 90, "interval")]


def test_mixed_sources_are_told_and_a_picture_without_time_is_refused():
    names = ["2020-01-01_08-00", "2020-01-01_10-00", "x", "y"]
    found, order = _order(names, [None, None, datetime(2020, 1, 1, 9), None])
    assert found == [(names[0], 0, "name"), ("x", 60, "exif"), (names[1], 120, "name")]
    assert "neither its name nor EXIF" in order.refused[3]
    assert order.told == ("times of 2 pictures from names and of 1 from EXIF", "1 of 4 pictures have no time")


def test_gaps_are_above_one_and_a_half_median_intervals():
    assert gaps_before([0, 10, 20, 35, 50.1, 60]) == [False, False, False, False, True, False]
    assert gaps_before([0, 100]) == [False, False]
    assert gaps_before([]) == []


@pytest.mark.parametrize(
    ("names", "hours"),
    [
        (["p day01", "p day03", "p day10"], [0, 48, 216]),
        (["plate1_t=0h", "plate1_t=12h", "plate1_t=60h"], [0, 12, 60]),
        (["0h_a", "6hrs_a", "24 hours_a"], [0, 6, 24]),
        (["DAS4-06h", "DAS4-18h", "DAS5-06h"], [0, 12, 24]),
    ],
)
def test_counts_of_days_and_hours(names, hours):
    found, order = _order(names[::-1])
    assert found == [(name, 60 * hour, "name") for name, hour in zip(names, hours, strict=True)]
    assert order.warned == ()


def test_exif_comes_before_counts_and_is_never_mixed_with_them():
    taken = [datetime(2020, 1, 1, hour) for hour in (8, 9, 11)]
    assert [each[1:] for each in _order(["day1", "day2", "day4"], taken)[0]] == [
        (0, "exif"),
        (60, "exif"),
        (180, "exif"),
    ]
    found, order = _order(["day1", "day2", "day4", "x"], [None, None, None, datetime(2020, 1, 1)])
    assert [each[0] for each in found] == ["day1", "day2", "day4"]
    assert "neither its name" in order.refused[3]


def test_letters_and_numbers_that_are_no_count():
    assert time_in_name("sunday1x", "elapsed") is None
    assert time_in_name("batch12", "elapsed") is None
    assert time_in_name("0.5h", "elapsed") is None


def test_names_of_two_plates_in_one_folder_are_warned_of():
    names = [f"2020-01-0{day}_08-00_plate{plate}" for day in (1, 2) for plate in "AB"]
    by_interval, warning = _order(names)[1].warned  # both plates have a picture of each time
    assert "in the order of their names" in by_interval
    assert warning.startswith("names of 2 kinds (#-#-#_#-#_plateA, #-#-#_#-#_plateB)")
    assert _order(names[::2])[1].warned == ()
    by_noon = [f"2020-01-0{day} 08.00 {half}" for day in (1, 2) for half in ("AM", "PM")]
    assert _order(by_noon)[1].warned == ()


MAY = [datetime(2024, 5, 3 + day, 10) for day in range(4)]


@pytest.mark.parametrize(
    ("numbers", "digits"), [((9997, 9998, 9999, 1, 2), 4), ((9999, 0, 1, 2), 4), ((99999, 1, 2), 5)]
)
def test_a_count_that_runs_over_goes_on(numbers, digits):
    names = [f"IMG_{number:0{digits}d}" for number in numbers]
    found, order = _order(sorted(names))
    assert [each[:2] for each in found] == [(name, 10 * place) for place, name in enumerate(names)]
    assert f"starts anew after 'IMG_{10**digits - 1}'" in order.warned[1]
    assert _order(sorted(names), [MAY[0]] * len(names))[0][0][0] == names[0]


def test_a_count_that_only_lacks_numbers_does_not_run_over():
    names = [f"IMG_{number:04d}" for number in (1, 2, 3, 5000)]
    assert [each[0] for each in _order(names)[0]] == names
    assert [each[0] for each in _order(["p_1", "p_2", "p_9998", "p_9999"])[0]] == ["p_1", "p_2", "p_9998", "p_9999"]


@pytest.mark.parametrize("first", [1000000100, 1714744800])
def test_numbers_of_ten_digits_that_count_are_no_times(first):
    found, order = _order([f"{first + place}" for place in range(4)])
    assert [each[1:] for each in found] == [(10 * place, "interval") for place in range(4)]
    assert "in the order of their names" in order.warned[0]


@pytest.mark.parametrize(("days", "said"), [((3, 4, 1, 2), "disagree about the order"), ((3, 4, 5, 6), "")])
def test_exif_that_contradicts_the_count_of_names_is_warned_of(days, said):
    order = _order([f"DSC_{number}" for number in (1, 2, 3, 4)], [datetime(2024, 5, day) for day in days])[1]
    assert said in "".join(order.warned)
    assert bool(order.warned) == bool(said)


def test_a_clock_that_was_lost_is_warned_of():
    taken = [*MAY[:2], datetime(2000, 1, 1), datetime(2000, 1, 2)]
    order = _order(["a", "b", "c", "d"], taken)[1]
    assert order.warned[0].startswith("8888 days lie between 'd' and 'a'; if a clock was set")
    assert _order(["p_2024-05-01_10-00", "p_2024-07-01_10-00"])[1].warned == ()


def test_names_and_exif_that_disagree_are_warned_of():
    names = [f"{time:%Y-%m-%d_%H-%M}" for time in MAY]
    assert _order(names, [time.replace(hour=7) for time in MAY])[1].warned == ()  # of another time zone
    found, order = _order(names, [*MAY[:3], MAY[3].replace(hour=15)])
    assert [each[1] for each in found] == [0, 1440, 2880, 4320]
    assert order.warned == (
        "names and EXIF disagree about the times of 1 of 4 pictures, by up to 5.0 hours; those of the names are taken",
    )


def test_exif_tells_the_hours_of_days_in_names_if_it_tells_the_same_days():
    names = [f"{time:%Y-%m-%d}" for time in MAY]
    taken = [time.replace(hour=10 + place) for place, time in enumerate(MAY)]
    assert [each[1:] for each in _order(names, taken)[0]] == [(1500 * place, "exif") for place in range(4)]
    found, order = _order(names, [*taken[:3], datetime(2024, 5, 20)])
    assert [each[1:] for each in found] == [(1440 * place, "name") for place in range(4)]
    assert "names and EXIF disagree" in order.warned[0]


def test_dates_with_the_day_first_are_in_the_order_of_time():
    found, order = _order(["01.06.2024 14-00", "30.05.2024 14-00", "31.05.2024 02-00"])
    assert [each[1:] for each in found] == [(0, "name"), (720, "name"), (2880, "name")]
    assert order.warned == ()
    assert "are read as day, month, year" in _order(["03.05.2024", "04.05.2024", "06.05.2024"])[1].warned[0]
