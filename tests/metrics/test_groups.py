import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics import groups as module
from cxrfactory.metrics.groups import drawn_sums, group_gaps, mann_whitney, patient_means
from cxrfactory.metrics.intervals import bootstrap_interval, mean_of


def test_known_means_and_counts():
    values = np.array([0.8, 0.6, 0.9, 0.5])
    patients = np.array([0, 0, 1, 2])
    gap = group_gaps(values, patients, np.array([[True, False, True, False]]))[0]
    assert (gap.images, gap.patients, gap.rest_images, gap.rest_patients, gap.patients_in_both) == (2, 2, 2, 2, 1)
    assert gap.mean == pytest.approx(0.85)
    assert gap.rest_mean == pytest.approx(0.55)
    assert gap.difference == pytest.approx(0.3)
    assert gap.difference_low <= 0.3 <= gap.difference_high


def test_with_one_image_a_patient_it_is_the_plain_bootstrap():
    values = np.random.default_rng(1).random(30)
    gap = group_gaps(values, np.arange(30), np.ones((1, 30), bool), resamples=500, seed=3)[0]
    assert (gap.low, gap.high) == pytest.approx(bootstrap_interval(mean_of, values, resamples=500, seed=3))
    assert np.isnan(gap.rest_mean)
    assert np.isnan(gap.difference_low)


def obvious(values, patients, member, resamples, seed):
    """Means of group and rest in every draw of whole patients."""
    number = patients.max() + 1
    drawn = np.random.default_rng(seed).integers(0, number, (resamples, number))
    rows = []
    for draw in drawn:
        images = np.concatenate([np.flatnonzero(patients == patient) for patient in draw])
        inside = values[images[member[images]]]
        outside = values[images[~member[images]]]
        if inside.size and outside.size:
            rows.append(inside.mean() - outside.mean())
    return np.percentile(rows, [2.5, 97.5])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(4, 25))
def test_whole_patients_are_drawn(seed, images):
    rng = np.random.default_rng(seed)
    values = rng.random(images)
    patients = np.unique(rng.integers(0, images, images), return_inverse=True)[1]
    member = np.arange(images) % 2 == 0
    gap = group_gaps(values, patients, member[None], resamples=80, seed=seed)[0]
    if patients.max() == 0:
        assert np.isnan(gap.difference_low)
        return
    expected = obvious(values, patients, member, 80, seed)
    np.testing.assert_allclose([gap.difference_low, gap.difference_high], expected, rtol=1e-9, atol=1e-12)


def test_images_of_one_patient_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    values = rng.random(40)
    member = np.arange(40) < 20
    once = group_gaps(values, np.arange(40), member[None])[0]
    copies = group_gaps(np.repeat(values, 10), np.repeat(np.arange(40), 10), np.repeat(member, 10)[None])[0]
    assert copies.images == 200
    assert copies.difference == pytest.approx(once.difference)
    assert copies.difference_low == pytest.approx(once.difference_low)
    assert copies.difference_high == pytest.approx(once.difference_high)


def test_pieces_change_no_draw(monkeypatch):
    totals = np.random.default_rng(2).random((7, 3))
    whole = drawn_sums(totals, 50, 4)
    monkeypatch.setattr(module, "_DRAWS_AT_A_TIME", 7)
    np.testing.assert_array_equal(drawn_sums(totals, 50, 4), whole)
    drawn = np.random.default_rng(4).integers(0, 7, (50, 7))
    np.testing.assert_allclose(whole, totals[drawn].sum(axis=1))


def test_rank_biserial_is_the_share_of_larger_pairs():
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 6, 15) / 10, rng.integers(1, 7, 12) / 10
    found, p = mann_whitney(first, second)
    assert found == pytest.approx(np.sign(first[:, None] - second[None]).mean())
    assert 0 < p < 1
    turned, same = mann_whitney(second, first)
    assert (turned, same) == pytest.approx((-found, p))
    assert mann_whitney(np.ones(10), np.zeros(10))[0] == 1
    assert mann_whitney(np.ones(3), np.ones(4)) == (0.0, 1.0)


def test_patient_means():
    np.testing.assert_allclose(patient_means(np.array([1.0, 3.0, 5.0]), np.array([2, 2, 0])), [5, 2])


def test_refused():
    with pytest.raises(CxrError, match="not finite"):
        group_gaps(np.array([0.5, np.nan]), np.arange(2), np.ones((1, 2), bool))
    with pytest.raises(CxrError, match=r"expected \[n\], \[n\], \[groups, n\]"):
        group_gaps(np.ones(3), np.arange(2), np.ones((1, 3), bool))
    with pytest.raises(CxrError, match="samples of 0 and 2"):
        mann_whitney(np.array([]), np.ones(2))
    with pytest.raises(CxrError, match="0 resamples"):
        drawn_sums(np.ones((2, 1)), 0, 0)
