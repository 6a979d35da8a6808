from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.root_graphs import match_roots, pair_seeds


def line(x0, y0, x1, y1):
    return np.array([[x0, y0], [x1, y1]], float)


def test_the_same_roots_match_whatever_their_order():
    roots = [line(0, 0, 0, 100), line(0, 20, 30, 40), line(0, 50, -30, 70)]
    found = match_roots([roots[2], roots[0], roots[1]], roots)
    assert found.pairs == [(0, 2), (1, 0), (2, 1)]
    assert (found.precision, found.recall, found.f1) == (1, 1, 1)
    np.testing.assert_allclose(found.length_errors, 0)
    assert found.true_length == pytest.approx(100 + 2 * np.hypot(30, 20))


def test_precision_and_recall_of_a_missed_and_a_wrong_root():
    true = [line(0, 0, 0, 100), line(0, 20, 30, 40), line(0, 50, -30, 70)]
    found = match_roots([line(1, 0, 1, 96), line(200, 0, 200, 50)], true)
    assert found.pairs == [(0, 0)]
    assert (found.precision, found.recall, found.f1) == (1 / 2, 1 / 3, 2 / 5)
    np.testing.assert_allclose(found.length_errors, [-4])


@pytest.mark.parametrize(("length", "matches"), [(69, False), (71, True), (140, True), (145, False)])
def test_seventy_percent_of_each_must_be_near(length, matches):
    """The true root has 100 px; the found one is shorter or longer. 100 + 2 of 145 px and 100 + 2 of 140 px."""
    found = match_roots([line(0, 0, 0, length)], [line(0, 0, 0, 100)], tolerance_px=1e-3)
    assert bool(found.pairs) == matches


def test_the_tolerance_is_a_distance():
    assert match_roots([line(3, 0, 3, 50)], [line(0, 0, 0, 50)], tolerance_px=3).pairs == [(0, 0)]
    assert match_roots([line(3, 0, 3, 50)], [line(0, 0, 0, 50)], tolerance_px=2.9).pairs == []


def test_one_true_root_is_not_matched_twice():
    found = match_roots([line(0, 0, 0, 45), line(1, 0, 1, 50)], [line(0, 0, 0, 50)], tolerance_px=2)
    assert found.pairs == [(1, 0)]  # of the true root, 47 of 50 px are near the first one, and all are near the second
    assert (found.precision, found.recall) == (1 / 2, 1)


def distance(point, a, b):
    along = np.clip((point - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
    return np.hypot(*(a + along * (b - a) - point))


def near_share(one, other, tolerance):
    """Share by many points on the root, with the exact distances to the segments of the other."""
    near = []
    for a, b in pairwise(one):
        for share in (np.arange(100) + 0.5) / 100:
            point = a + share * (b - a)
            close = min(distance(point, c, d) for c, d in pairwise(other)) <= tolerance
            near.append((close, np.hypot(*(b - a)) / 100))
    return sum(weight for close, weight in near if close) / sum(weight for _, weight in near)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_the_assignment_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    true = [rng.normal(0, 25, 2) + rng.normal(0, 6, (3, 2)).cumsum(axis=0) for _ in range(3)]
    found = [root + rng.normal(0, 3, (1, 2)) for root in true[:2]] + [rng.normal(0, 20, (3, 2))]
    shares = np.array([[min(near_share(a, b, 5), near_share(b, a, 5)) for b in true] for a in found])
    if (np.abs(shares - 0.7) < 0.05).any():
        return  # too near to the limit for two ways of sampling
    scores = np.where(shares >= 0.7, shares, 0)
    best = max(sum(scores[row, column] for row, column in enumerate(order)) for order in permutations(range(3)))
    chosen = match_roots(found, true, tolerance_px=5)
    assert all(scores[pair] > 0 for pair in chosen.pairs)
    assert sum(scores[pair] for pair in chosen.pairs) == pytest.approx(best, abs=0.05)


def test_no_roots():
    nothing = match_roots([], [])
    assert (nothing.pairs, nothing.precision, nothing.recall, nothing.f1) == ([], None, None, None)
    missed = match_roots([], [line(0, 0, 0, 9)])
    assert (missed.precision, missed.recall, missed.f1) == (None, 0, 0)


def test_refusals():
    with pytest.raises(CxrError, match="tolerance 0"):
        match_roots([], [], tolerance_px=0)
    with pytest.raises(CxrError, match=r"shape \(0, 2\)"):
        match_roots([np.zeros((0, 2))], [])


def test_seeds_are_paired_by_the_nearest_within_half_the_distance_of_neighbours():
    true = np.array([100, 200, 300, 400])
    assert pair_seeds(np.array([290, 108, 410]), true) == {0: 1, 2: 0, 3: 2}
    assert pair_seeds(np.array([455]), true) == {}
    assert pair_seeds(np.array([110, 95, 300]), true) == {0: 1, 2: 2}
    assert pair_seeds(np.array([700]), np.array([10])) == {0: 0}
    assert pair_seeds(np.array([]), true) == pair_seeds(true, np.array([])) == {}
