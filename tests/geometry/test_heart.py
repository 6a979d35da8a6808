import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.heart import landmark_ratio
from cxrfactory.geometry.runs import Runs
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from tests.geometry.phantoms import by_name, chest, ellipse, rectangle


@pytest.mark.parametrize("half_width", [140.2, 180.5, 200.0, 239.7])
def test_an_elliptic_heart_in_rectangular_lungs_gives_its_ratio(half_width):
    found = by_name(measure_frontal(chest(half_width)))
    for name in ("ctr_columns", "ctr_rows"):
        assert found[name].value == pytest.approx(2 * half_width / 800, abs=1e-3)
    area = np.pi * half_width * 120
    assert found["heart_width"].value == pytest.approx(2 * half_width, abs=1)
    assert found["thoracic_width"].value == 800
    outside = area - Runs.intersection(chest(half_width)["heart"], Runs.from_mask(lungs())).area
    assert found["cardiac_area_ratio"].value == pytest.approx(area / (2 * 300 * 650 + outside), abs=1e-3)


def lungs():
    shape = (1024, 1024)
    return rectangle(shape, 100, 150, 399, 799) | rectangle(shape, 600, 150, 899, 799)


@given(half_width=st.floats(60, 300), x=st.floats(420, 580), scale=st.sampled_from([1, 2, 3]))
@settings(max_examples=15, deadline=None)
def test_column_extents_equal_the_metric_at_every_scale(half_width, x, scale):
    masks = {
        "right lung": rectangle((512, 1024), 100, 50, 399, 399),
        "left lung": rectangle((512, 1024), 600, 90, 899, 459),
        "heart": ellipse((512, 1024), (x, 300), half_width, 80.0),
    }
    expected = cardiothoracic_ratio(masks["right lung"] | masks["left lung"], masks["heart"])
    runs = {name: Runs.from_mask(np.kron(mask, np.ones((scale, scale), bool))) for name, mask in masks.items()}
    assert by_name(measure_frontal(runs))["ctr_columns"].value == pytest.approx(expected, abs=1e-12)


def test_points_span_the_widths():
    found = by_name(measure_frontal(chest()))
    for name in ("ctr_columns", "ctr_rows"):
        (a, b, c, d) = found[name].points
        assert (b[0] - a[0]) / (d[0] - c[0]) == found[name].value
    (a, b, *_) = found["ctr_rows"].points
    assert a[1] == b[1]
    assert abs(a[1] - 650) < 10  # the rows of the middle are equally wide
    assert (a[0], b[0]) == (520 - 180.5, 520 + 180.5)


def test_widths_in_rows_do_not_join_ends_of_two_rows():
    shape = (100, 200)
    heart = rectangle(shape, 60, 40, 99, 49) | rectangle(shape, 90, 50, 129, 59)
    masks = {"right lung": rectangle(shape, 20, 10, 59, 80), "left lung": rectangle(shape, 140, 10, 179, 80)}
    masks = {name: Runs.from_mask(mask) for name, mask in {**masks, "heart": heart}.items()}
    found = by_name(measure_frontal(masks))
    assert found["ctr_rows"].value == 40 / 160
    assert found["ctr_columns"].value == 70 / 160


def test_ribs_widen_the_thorax_of_their_own_definition_only():
    masks = chest()
    shape = (1024, 1024)
    for number in range(1, 11):
        top = 150 + 60 * number
        masks[f"right rib {number}"] = Runs.from_mask(rectangle(shape, 80, top, 300, top + 20))
        masks[f"left rib {number}"] = Runs.from_mask(rectangle(shape, 700, top, 919, top + 20))
    found = by_name(measure_frontal(masks))
    assert found["ctr_rows"].value == 361 / 800
    assert found["ctr_rows_ribs"].value == 361 / 840
    assert "right rib 3" in found["ctr_rows_ribs"].structures
    del masks["left rib 10"]
    few = {name: runs for name, runs in masks.items() if "left rib" not in name}
    assert by_name(measure_frontal(few))["ctr_rows_ribs"].excluded == "There are no masks of a rib cage."


def test_specks_do_not_count_and_a_heart_in_pieces_is_excluded():
    masks = chest()
    speck = Runs.from_mask(rectangle((1024, 1024), 900, 900, 950, 905))
    with_speck = {**masks, "heart": masks["heart"].union([speck])}
    assert by_name(measure_frontal(with_speck))["ctr_columns"].value == 361 / 800
    piece = Runs.from_mask(rectangle((1024, 1024), 700, 820, 950, 1000))
    found = by_name(measure_frontal({**masks, "heart": masks["heart"].union([piece])}))
    assert np.isnan(found["ctr_columns"].value)
    assert "The mask of the heart is in pieces" in found["ctr_rows"].excluded
    assert found["thoracic_width"].excluded  # the three column measures are taken together


@pytest.mark.parametrize("missing", ["heart", "right lung", "left lung"])
def test_a_missing_structure_is_named(missing):
    masks = {name: runs for name, runs in chest().items() if name != missing}
    found = by_name(measure_frontal(masks))
    assert found["ctr_rows"].excluded == f"There is no mask of the {missing}."
    empty = {**masks, missing: Runs.from_mask(np.zeros((1024, 1024)))}
    assert by_name(measure_frontal(empty))["ctr_rows"].excluded == f"There is no mask of the {missing}."


def test_landmarks_give_their_horizontal_extents():
    landmarks = {
        "right lung": np.array([[10.0, 50], [40, 60], [20, 90]]),
        "left lung": np.array([[60.0, 50], [110, 55]]),
        "heart": np.array([[35.0, 60], [85, 70], [50, 99]]),
    }
    found = by_name(measure_frontal({}, landmarks))["ctr_landmarks"]
    assert found.value == 0.5
    assert found.points == ((35, 60), (85, 70), (10, 50), (110, 55))
    draws = {name: np.stack([each, 3 * each + 7]) for name, each in landmarks.items()}
    np.testing.assert_allclose(landmark_ratio(draws["right lung"], draws["left lung"], draws["heart"]), [0.5, 0.5])
    del landmarks["heart"]
    assert by_name(measure_frontal({}, landmarks))["ctr_landmarks"].excluded == "There are no landmarks of the heart."
