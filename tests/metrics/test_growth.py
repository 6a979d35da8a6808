import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.growth import crossing, curve_modes, growth_speed, spectrum, step_speed, value_at

HOURS = np.arange(0, 180, 3.0)


def test_a_straight_line_has_its_slope_everywhere_at_uneven_times():
    hours = np.cumsum(np.random.default_rng(0).uniform(0.5, 4, 40))
    np.testing.assert_allclose(growth_speed(hours, 5 + 0.25 * hours), 0.25, rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_speeds_are_those_of_lines_fitted_one_by_one(seed):
    rng = np.random.default_rng(seed)
    hours = np.cumsum(rng.choice([0.5, 1.0, 3.0, 15.0], 25))
    lengths = rng.random(25).cumsum()
    lengths[rng.random(25) < 0.2] = np.nan
    found = growth_speed(hours, lengths, window=8, longest_gap=12)
    for place, time in enumerate(hours):
        known = [i for i in range(25) if np.isfinite(lengths[i])]
        run = [place] if place in known else []
        while run and run[0] != known[0] and hours[run[0]] - hours[known[known.index(run[0]) - 1]] <= 12:
            run.insert(0, known[known.index(run[0]) - 1])
        while run and run[-1] != known[-1] and hours[known[known.index(run[-1]) + 1]] - hours[run[-1]] <= 12:
            run.append(known[known.index(run[-1]) + 1])
        near = [i for i in run if abs(hours[i] - time) <= 4 or abs(run.index(i) - run.index(place)) == 1]
        if len(near) < 2:
            assert np.isnan(found[place])
        else:
            assert found[place] == pytest.approx(np.polyfit(hours[near], lengths[near], 1)[0], abs=1e-9)


def test_a_window_does_not_reach_over_a_gap():
    hours = np.array([0, 2, 4, 10.5, 12, 14])
    lengths = np.array([0, 2, 4, 100, 101.5, 103.5])
    np.testing.assert_allclose(growth_speed(hours, lengths, window=100, longest_gap=6), 1.0)
    assert growth_speed(hours, lengths, window=100, longest_gap=7).max() > 5


def test_the_window_keeps_what_is_stated_of_an_oscillation():
    hours = np.arange(0, 96, 0.25)
    for period, kept in ((24, 0.93), (12, 0.76)):
        wave = np.sin(2 * np.pi * hours / period)
        found = growth_speed(hours, wave)[100:-100]
        assert found.max() / (2 * np.pi / period) == pytest.approx(kept, abs=0.01)


def test_pictures_once_a_day_have_speeds_and_no_gap():
    days = np.arange(0, 240, 24.0)
    np.testing.assert_allclose(growth_speed(days, 0.2 * days), 0.2)
    assert step_speed(days, days)[1].size == 9
    assert step_speed(np.delete(days, [4, 5, 6]), np.delete(days, [4, 5, 6]))[1].size == 5


def test_a_picture_alone_between_gaps_has_no_speed():
    speeds = growth_speed(np.array([0, 20, 40, 41.0]), np.array([0, 1, 2, 4.0]), longest_gap=12)
    np.testing.assert_array_equal(speeds, [np.nan, np.nan, 2, 2])


def test_steps_between_pictures():
    times, speeds = step_speed(np.array([0, 2, 3, 30, 32.0]), np.array([0, 4, np.nan, 5, 6.0]))
    np.testing.assert_allclose(times, [1, 31])
    np.testing.assert_allclose(speeds, [2, 0.5])


def test_times_must_be_in_order():
    with pytest.raises(CxrError, match="not ascending"):
        growth_speed(np.array([0, 2, 2.0]), np.zeros(3))
    with pytest.raises(CxrError, match="one value a time"):
        growth_speed(np.array([0, 2.0]), np.zeros(3))


def wave(hours, day, half):
    return 0.3 + 0.001 * hours + day * np.cos(np.pi * hours / 12) + half * np.cos(np.pi * hours / 6 + 1)


def test_a_known_rhythm_has_its_amplitudes_and_energies():
    found = spectrum(HOURS, wave(HOURS, 0.04, 0.02))
    assert (found.end - found.start, found.end) == (165, 177)  # 56 values 3 hours apart stand for 168 hours
    at = {24: 6, 12: 13}
    assert found.frequencies[at[24]] == pytest.approx(1 / 24)
    assert found.frequencies[at[12]] == pytest.approx(1 / 12)
    assert found.amplitudes[at[24]] == pytest.approx(0.04, rel=0.02)
    assert found.amplitudes[at[12]] == pytest.approx(0.02, rel=0.02)
    assert found.energy_24h == pytest.approx(0.8, abs=0.01)  # 4 to 1, the squares of the amplitudes
    assert found.energy_12h == pytest.approx(0.2, abs=0.01)
    assert found.dominant_period == pytest.approx(24)
    assert np.nansum(found.energies) == pytest.approx(1)
    assert np.isnan(found.energies[found.frequencies < 1 / 36]).all()


def test_the_energies_are_shares_of_the_variance():
    """By Parseval's theorem, and with no frequency counted twice at an even number of values."""
    values = np.random.default_rng(3).normal(size=48)
    found = spectrum(np.arange(48.0), values, window=48)
    rest = values - np.polyval(np.polyfit(np.arange(48), values, 1), np.arange(48))
    frequencies = np.fft.fftfreq(48)
    power = np.abs(np.fft.fft(rest)) ** 2
    fast = np.abs(frequencies) >= 1 / 36
    for period, energy in ((24, found.energy_24h), (12, found.energy_12h)):
        share = power[np.isclose(np.abs(frequencies), 1 / period)].sum() / power[fast].sum()
        assert energy == pytest.approx(share, rel=1e-9)


def test_a_faster_speed_with_the_same_rhythm_has_the_same_energies():
    one, two = spectrum(HOURS, wave(HOURS, 0.04, 0.02)), spectrum(HOURS, 5 * wave(HOURS, 0.04, 0.02))
    assert one.energy_24h == pytest.approx(two.energy_24h)
    assert two.amplitudes == pytest.approx(5 * one.amplitudes)


def test_uneven_times_give_nearly_the_same_spectrum():
    hours = np.sort(np.random.default_rng(1).uniform(0, 170, 500))
    found = spectrum(hours, wave(hours, 0.04, 0.02))
    assert found.energy_24h == pytest.approx(0.8, abs=0.02)
    assert found.dominant_period == pytest.approx(24)


def test_a_constant_speed_has_no_rhythm():
    found = spectrum(HOURS, np.full(HOURS.size, 0.3))
    assert (found.energy_24h, found.energy_12h, found.dominant_period) == (None, None, None)
    assert np.isnan(found.energies).all()


def test_what_the_spectrum_needs():
    short = np.arange(0, 45, 3.0)
    assert spectrum(short, wave(short, 1, 1)) is None  # 45 hours
    two_days = np.arange(0, 48, 3.0)
    assert spectrum(two_days, wave(two_days, 1, 0)).energy_24h > 0.9
    gap = np.delete(HOURS, np.arange(30, 34))  # 15 hours
    assert spectrum(gap, wave(gap, 1, 1)) is None
    assert spectrum(gap, wave(gap, 1, 1), longest_gap=15) is not None
    assert spectrum(HOURS, wave(HOURS, 1, 1), end=1000) is None
    slow = np.arange(0, 180, 8.0)
    found = spectrum(slow, wave(slow, 1, 0))
    assert found.energy_24h > 0.9
    assert found.energy_12h is None  # pictures every 8 hours cannot show it


def test_a_window_ends_where_it_is_asked():
    speeds = np.where(HOURS < 90, wave(HOURS, 1, 0), wave(HOURS, 0, 1))
    assert spectrum(HOURS, speeds, end=72, window=72).dominant_period == pytest.approx(24)
    assert spectrum(HOURS, speeds, window=72).dominant_period == pytest.approx(12)


def test_the_crossing_of_two_lines():
    main, laterals = 10 + 0.1 * HOURS, np.maximum(0, 0.3 * (HOURS - 40))
    found = crossing(HOURS, main, laterals)
    assert found.hours == pytest.approx(110)  # 10 + 0.1 t = 0.3 t - 12
    assert found.length == pytest.approx(21)
    assert found.laterals_slope == pytest.approx(0.3)
    assert found.difference_slope == pytest.approx(-0.2)
    assert found.difference_rate == pytest.approx(-0.2)


def test_no_crossing():
    assert crossing(HOURS, 10 + HOURS, HOURS) is None
    assert crossing(HOURS, HOURS, 10 + HOURS) is None  # before the first picture
    assert crossing(HOURS, np.zeros(60), np.zeros(60)) is None  # no roots at all


def test_a_crossing_at_the_end_has_no_slope():
    found = crossing(HOURS[:38], 10 + 0.1 * HOURS[:38], np.maximum(0, 0.3 * (HOURS[:38] - 40)))
    assert found.hours == pytest.approx(110)
    assert found.laterals_slope is None


def test_the_nearest_picture_within_half_a_day():
    hours, values = np.array([0, 180, 200, 216.0]), np.array([1, 2, 3, np.nan])
    assert value_at(hours, values, 192) == 3  # day 8
    assert value_at(hours, values, 190) == 2  # both are 10 hours away; the earlier one
    assert value_at(hours, values, 212) == 3
    assert value_at(hours, values, 213) is None
    assert value_at(hours, np.full(4, np.nan), 0) is None


def test_modes_of_curves_that_were_made_of_two():
    hours = [np.arange(start, 201, 2.0) for start in (0, 4, 0, 2, 0, 0)]
    first, second = lambda t: 1 + 0 * t, lambda t: np.sqrt(3) * (2 * t / 196 - 204 / 196)
    scores = np.array([[3, 0.5], [-3, 0.5], [2, -1], [-2, -1], [1, 0.5], [-1, 0.5]])
    curves = [t**2 / 100 + a * first(t) + b * second(t) for t, (a, b) in zip(hours, scores, strict=True)]
    found = curve_modes(hours, curves, points=99)
    assert (found.hours[0], found.hours[-1]) == (4, 200)
    assert found.components.shape == (2, 99)
    weights = np.full(99, 1 / 98)
    weights[[0, -1]] /= 2
    np.testing.assert_allclose(found.components * weights @ found.components.T, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(np.abs(found.scores), np.abs(scores), atol=2e-3)
    np.testing.assert_allclose(found.scores[:, 1] / scores[:, 1], np.sign(found.scores[0, 1]), atol=2e-3)
    np.testing.assert_allclose(found.explained, [28 / 31, 3 / 31], atol=1e-3)
    again = found.mean + found.scores @ found.components
    np.testing.assert_allclose(again[0], np.interp(found.hours, hours[0], curves[0]), atol=1e-9)
    largest = np.abs(found.components).argmax(axis=1)
    assert (found.components[[0, 1], largest] > 0).all()


def test_modes_need_three_different_curves_with_common_times():
    hours = np.arange(5.0)
    assert curve_modes([hours] * 2, [hours, 2 * hours]) is None
    assert curve_modes([hours] * 3, [hours] * 3) is None
    assert curve_modes([hours, hours, hours + 10], [hours, 2 * hours, hours]) is None
    assert curve_modes([hours] * 3, [hours, 2 * hours, 4 * hours]).components.shape[0] == 1
