"""Deformations: invertible over their whole range, neutral where neutral, and doing what they say."""

from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.projection.deform import (
    MIN_DETERMINANT,
    RANGES,
    SPINE_BOTTOM,
    SPINE_TOP,
    STANDING_RANGES,
    ChestAnatomy,
    draw_shape,
    identity_shape,
    jacobian_determinant,
    pull_back,
    spine_bend,
)

CHEST = ChestAnatomy(126, 95, 130, (-25, 28, -17), -22)
LOW, HIGH = (-200.0, -200.0, -200.0), (200.0, 200.0, 215.0)


def source_at(shape, point):
    """The pull-back at the node nearest to a point, and that node's position."""
    field = pull_back(shape, CHEST, LOW, HIGH)
    index = np.round((np.array(point) - field.origin_mm) / field.spacing_mm).astype(int)
    return field.source_mm[index[2], index[1], index[0]], field.origin_mm + index * field.spacing_mm


def test_identity():
    field = pull_back(identity_shape(), CHEST, LOW, HIGH)
    np.testing.assert_allclose(field.determinant(), 1, atol=1e-4)
    source, place = source_at(identity_shape(), (50, -30, 20))
    np.testing.assert_allclose(source, place, atol=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_draws_are_invertible_as_drawn(seed):
    field = pull_back(draw_shape(np.random.default_rng(seed)), CHEST, LOW, HIGH)
    assert field.determinant().min() > MIN_DETERMINANT
    assert field.shrinks == 0


@pytest.mark.parametrize("end", [0, 1])
def test_all_extremes_at_once_are_invertible(end):
    extreme = replace(identity_shape(), **{name: span[end] for name, span in RANGES.items()}, field_seed=3)
    assert pull_back(extreme, CHEST, LOW, HIGH).determinant().min() > MIN_DETERMINANT


def test_a_folding_draw_is_scaled_down():
    wild = replace(identity_shape(), field_mm=60.0, field_seed=1)
    field = pull_back(wild, CHEST, LOW, HIGH)
    assert field.shrinks > 0
    assert field.determinant().min() >= MIN_DETERMINANT


def test_determinant_of_a_scaling():
    z, y, x = np.meshgrid(np.arange(5.0), np.arange(6.0), np.arange(7.0), indexing="ij")
    source = np.stack([2 * x, 3 * y, 0.5 * z], axis=-1)
    np.testing.assert_allclose(jacobian_determinant(source, np.ones(3)), 3)
    mirrored = np.stack([-x, y, z], axis=-1)
    np.testing.assert_allclose(jacobian_determinant(mirrored, np.ones(3)), -1)


def test_wider_patient_shows_more_central_tissue():
    source, place = source_at(replace(identity_shape(), width_scale=1.1), (110, 0, 0))
    np.testing.assert_allclose(source[0], place[0] / 1.1, atol=1e-3)


def test_raised_dome_shows_tissue_from_below():
    source, place = source_at(replace(identity_shape(), right_dome_mm=20.0), (60, 10, -22))
    assert 12 < place[2] - source[2] < 21
    other, place = source_at(replace(identity_shape(), right_dome_mm=20.0), (-60, 10, -22))
    assert abs(place[2] - other[2]) < 2


def test_larger_heart_grows_about_its_centre():
    shape = replace(identity_shape(), heart_width_scale=1.3)
    source, place = source_at(shape, (10, 28, -17))
    assert 2 < (place[0] + 25) - (source[0] + 25) < 10


def test_drawn_numbers_stay_in_their_ranges():
    for seed in range(50):
        shape = draw_shape(np.random.default_rng(seed))
        for name, (low, high) in RANGES.items():
            assert low <= getattr(shape, name) <= high, name


def test_standing_patients_have_the_same_parameters_and_a_turned_heart():
    assert set(STANDING_RANGES) == set(RANGES) | {"heart_turn_deg"}
    shape = draw_shape(np.random.default_rng(1), STANDING_RANGES)
    assert all(low <= getattr(shape, name) <= high for name, (low, high) in STANDING_RANGES.items())


def test_a_turned_heart_has_a_steeper_axis():
    heart = np.array(CHEST.heart_mm)
    # The apex of the source lies on the patient's left of the heart's centre; turned, its tissue appears lower.
    source, place = source_at(replace(identity_shape(), heart_turn_deg=30.0), heart + np.array([-16, 0, -16]))
    assert source[2] > place[2] + 4
    assert source[0] < place[0] - 2
    assert np.linalg.norm((source - heart)[[0, 2]]) == pytest.approx(np.linalg.norm((place - heart)[[0, 2]]), rel=0.02)


def test_a_bent_spine_lies_where_the_waves_say_and_goes_on_straight():
    height = np.linspace(SPINE_TOP, SPINE_BOTTOM, 7)
    waves = np.pi * np.linspace(0, 1, 7)
    expected = 20 * np.sin(waves) - 6 * np.sin(2 * waves) + 3 * np.sin(3 * waves)
    np.testing.assert_allclose(spine_bend(height, (20, -6, 3)), expected, atol=1e-12)
    above = spine_bend(SPINE_TOP + np.array([0.0, 0.1, 0.2, 0.3]), (20, -6, 3))
    np.testing.assert_allclose(np.diff(above, 2), 0, atol=1e-12)
    step = 1e-6  # the slope is that of the end
    slope = (spine_bend(SPINE_TOP, (20, -6, 3)) - spine_bend(SPINE_TOP - step, (20, -6, 3))) / step
    assert np.diff(above)[0] / 0.1 == pytest.approx(float(slope), rel=1e-4)


def test_a_bend_moves_the_patient_to_the_right_at_its_height():
    shape = replace(identity_shape(), bend_mm=(20.0, 0.0, 0.0))
    middle = 0.5 * (SPINE_TOP + SPINE_BOTTOM) * CHEST.half_height_mm
    source, place = source_at(shape, (0, 0, middle))
    assert place[0] - source[0] == pytest.approx(20, abs=0.1)
    assert source[1:] == pytest.approx(place[1:], abs=1e-3)
    assert pull_back(shape, CHEST, LOW, HIGH).determinant().min() == pytest.approx(1, abs=0.05)
