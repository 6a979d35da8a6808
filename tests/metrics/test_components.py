import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import CxrError
from cxrfactory.metrics.components import component_scores


def slow_parts(mask):
    """Sets of pixels that hang together, corners included."""
    left, parts = {tuple(each) for each in np.argwhere(mask)}, []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            row, column = edge.pop()
            part.add((row, column))
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge += near
        parts.append(part)
    return parts


def slow_counts(found, truth, least):
    a, b = slow_parts(found), slow_parts(truth)
    return len(a), len(b), sum(len(x & y) > least * len(x | y) for x in a for y in b)


def test_two_of_three_parts_found_beside_a_speck():
    truth, found = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)
    truth[2:8, 2:8] = truth[2:8, 12:18] = truth[12:18, 2:8] = 1
    found[2:8, 2:8] = 255
    found[3:8, 12:18] = 255  # 30 of 36 pixels
    found[15, 25] = found[18, 28] = 255
    scores = component_scores(found, truth)
    assert (scores.found, scores.truth, scores.matched) == (4, 3, 2)
    assert scores.precision == 0.5
    assert scores.recall == 2 / 3
    assert scores.f1 == 2 / 3.5


def test_a_pair_at_exactly_one_half_is_none():
    truth, found = np.ones((1, 4), bool), np.array([[1, 1, 0, 0]], bool)
    assert component_scores(found, truth).matched == 0
    assert component_scores(np.array([[1, 1, 1, 0]], bool), truth).matched == 1


def test_corners_join():
    assert component_scores(np.eye(4), np.eye(4)).found == 1


def test_one_empty_mask_gives_zero_and_two_give_nan():
    empty, full = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    for pair in ((empty, full), (full, empty)):
        scores = component_scores(*pair)
        assert (scores.precision, scores.recall, scores.f1) == (0, 0, 0)
    scores = component_scores(empty, empty)
    assert np.isnan([scores.precision, scores.recall, scores.f1]).all()


@pytest.mark.parametrize("least", [0.4, 1.0, float("nan")])
def test_a_threshold_that_makes_pairs_ambiguous_is_refused(least):
    with pytest.raises(CxrError, match=r"expected 0\.5 or more"):
        component_scores(np.ones((2, 2)), np.ones((2, 2)), least)


@settings(deadline=None)
@given(st.tuples(arrays(bool, (7, 8)), arrays(bool, (7, 8))), st.sampled_from([0.5, 0.7]))
def test_counts_are_those_of_the_slow_search(pair, least):
    scores = component_scores(*pair, least)
    assert (scores.found, scores.truth, scores.matched) == slow_counts(*pair, least)
