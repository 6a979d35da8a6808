import numpy as np
import pytest

from cxrfactory.roots.growth.looks import (
    COLOURS,
    at_times,
    colour,
    common_times,
    draw_band,
    groups_of,
    mark_days,
    p_text,
    trait_label,
)
from cxrfactory.roots.growth.plants import Plant, PlantSet


def plant(hours, group=None, plate="p", name="1"):
    hours = np.asarray(hours, float)
    return Plant(plate, name, group, np.arange(hours.size), hours, {}, [[] for _ in hours], np.empty(0))


def test_values_are_interpolated_inside_the_pictures_and_not_over_gaps():
    one = plant([0, 2, 4, 20, 22])
    values = np.array([0, 2, 4, 20, 22.0])
    found = at_times(one, values, np.array([-1, 0, 1, 4, 10, 21, 22, 23.0]))
    np.testing.assert_allclose(found, [np.nan, 0, 1, 4, np.nan, 21, 22, np.nan])
    assert np.isnan(at_times(one, np.array([1, np.nan, np.nan, np.nan, np.nan]), np.array([0.0]))).all()


def test_common_times_cover_all_plants_at_their_usual_step():
    times = common_times([plant([0, 3, 6]), plant([1, 4, 7, 10])])
    np.testing.assert_allclose(times, np.linspace(0, 10, 4))
    assert common_times([plant(np.arange(5000.0))]).size == 1001
    assert common_times([plant([5.0])]).size == 2


def test_plants_without_a_group_come_last_or_are_all():
    plants = [plant([0], "b"), plant([0], None, name="2"), plant([0], "z", name="3"), plant([0], "a", name="4")]
    assert list(groups_of(PlantSet(plants, "mm", []))) == ["a", "b", "z", "no group"]
    assert list(groups_of(PlantSet(plants[1:2], "mm", []))) == ["all plants"]


class Axis:
    """Keeps what is drawn."""

    def __init__(self):
        self.lines, self.bands, self.days = [], [], []

    def plot(self, x, y, **looks):
        self.lines.append((y, looks))

    def fill_between(self, x, low, high, **looks):
        self.bands.append((low, high))

    def axvline(self, x, **looks):
        self.days.append(x)


def test_the_band_is_mean_and_deviation_of_the_plants_that_have_values():
    axis, curves = Axis(), np.array([[1, 2, np.nan, np.nan], [3, np.nan, np.nan, 5.0]])
    draw_band(axis, np.arange(4.0), curves, "a", 8)
    mean, looks = axis.lines[0]
    np.testing.assert_allclose(mean, [2, 2, np.nan, 5])
    np.testing.assert_allclose(axis.bands[0][1] - mean, [np.sqrt(2), np.nan, np.nan, np.nan])
    assert looks["label"] == "a (n = 2)"
    assert (looks["color"], looks["linestyle"]) == (COLOURS[1], "--")  # the ninth group
    assert colour(8) == COLOURS[1]


def test_a_line_for_each_day_and_fewer_in_long_series():
    short, long = Axis(), Axis()
    mark_days(short, 100.0)
    mark_days(long, 24.0 * 60)
    assert short.days == [0, 24, 48, 72, 96]
    assert np.diff(long.days).tolist() == [120.0] * 12


@pytest.mark.parametrize(("p", "text"), [(0.012345, "p = 0.012"), (9e-5, "p < 0.0001"), (1, "p = 1")])
def test_p_values_in_words(p, text):
    assert p_text(p) == text


def test_labels_have_units():
    assert trait_label("main_length", "px") == "length of main root, px"
