import numpy as np
import pytest

from cxrfactory.config import MeasureConfig
from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.measurement import DEFINITIONS
from cxrfactory.measure import contours
from cxrfactory.measure.intervals import interval_offsets
from cxrfactory.measure.items import LazyRuns
from tests.measure.phantoms import HEART, LEFT, RIGHT, corners, item

SETTINGS = MeasureConfig(samples=400, coverage=0.9)


def names(one):
    return {organ.replace("_", " "): points for organ, points in one.landmarks.items()}


def test_contours_have_the_measurements_of_the_filled_masks_but_for_the_borders():
    one = item()
    values = {
        name: float(value_of(*(names(one)[organ][None] for organ in organs))[0])
        for name, (organs, value_of) in contours.CONTOUR_VALUES.items()
    }
    found = {each.name: each.value for each in measure_frontal(LazyRuns(one), names(one))}
    assert set(values) <= set(found) & set(DEFINITIONS)
    for name in ("heart_width", "thoracic_width", "right_lung_height", "left_lung_height"):
        assert values[name] == found[name] - 1  # half a pixel at each border
    assert values["ctr_landmarks"] == pytest.approx(found["ctr_landmarks"])
    assert values["right_lung_area"] == 39 * 79
    for name in ("ctr_columns", "ctr_rows", "lung_area_ratio", "lung_height_ratio"):
        assert values[name] == pytest.approx(found[name], abs=0.01)


def test_row_widths_of_a_tilted_square_are_those_of_its_chords():
    square = np.array([[[0.0, 50], [50, 0], [100, 50], [50, 100]]])
    assert contours.extent(square)[0] == contours.height(square)[0] == 100
    assert contours.area(square)[0] == 5000
    # The rows are 100 / 33 apart, so the widest of them lies at most half of that off the middle.
    assert 100 - 100 / 33 <= contours.widest_row(square)[0] <= 100


def test_the_interval_widens_with_the_deviation_and_holds_the_value():
    narrow = interval_offsets(item(spread={k: v * 0.5 for k, v in item().spread.items()}), SETTINGS)
    wide = interval_offsets(item(), SETTINGS)
    assert set(narrow) == set(wide) == set(contours.CONTOUR_VALUES)
    for name, (low, high) in wide.items():
        assert low <= 0 <= high
        assert high - low > 1.5 * (narrow[name][1] - narrow[name][0]) > 0


def test_the_interval_of_two_nodes_is_that_of_the_normal_distribution():
    """The width of a contour of two nodes is normal, with the deviation of a difference."""
    points = {"heart": np.array([[10.0, 5], [110, 5]])}
    spread = {"heart": np.full((2, 2), 3.0)}
    settings = MeasureConfig(samples=1000, coverage=0.9)
    low, high = interval_offsets(item(landmarks=points, spread=spread), settings)["heart_width"]
    expected = 1.645 * 3 * 2**0.5
    assert (-low, high) == pytest.approx((expected, expected), rel=0.12)


def test_random_contours_depend_on_the_id_alone():
    assert interval_offsets(item("a"), SETTINGS) == interval_offsets(item("a", dataset="other"), SETTINGS)
    assert interval_offsets(item("a"), SETTINGS) != interval_offsets(item("b"), SETTINGS)


@pytest.mark.parametrize("changes", [{"spread": None}, {"landmarks": None}, {"spread": {}}])
def test_without_a_deviation_there_is_no_interval(changes):
    assert interval_offsets(item(**changes), SETTINGS) == {}


def test_no_samples_or_deviations_that_are_no_numbers_give_no_interval():
    assert interval_offsets(item(), MeasureConfig(samples=0)) == {}
    broken = {organ: np.full_like(each, np.nan) for organ, each in item().spread.items()}
    assert interval_offsets(item(spread=broken), SETTINGS) == {}


def test_the_phantoms_contours_are_closed_boxes():
    for corner, nodes in ((RIGHT, 44), (LEFT, 50), (HEART, 26)):
        points = corners(*corner, nodes)
        assert points.min(axis=0).tolist()[::-1] == list(corner[:2])
