"""What the pieces of a skeleton say: a fork with a stem of 60 px, one branch to each side."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import skeletonize

from cxrfactory.geometry.roots.pieces import Pieces
from cxrfactory.geometry.roots.skeleton import skeleton_graph
from tests.geometry.roots.drawn import drawn

SEED, FORK, LEFT, RIGHT = (100, 20), (100, 80), (60, 120), (140, 120)


@pytest.fixture
def graph():
    mask = drawn([[SEED, FORK], [FORK, LEFT], [FORK, RIGHT]], (160, 200), 2.0)
    skeleton = skeletonize(mask)
    places = np.argwhere(skeleton)
    row, column = places[np.argmin(((places - SEED[::-1]) ** 2).sum(1))]
    return skeleton_graph(skeleton, ndimage.distance_transform_edt(mask), [(int(row), int(column))])


def _pieces(graph, arrival):
    return Pieces(graph, arrival.astype(np.int32), set(graph.seeds), 1.0)


def _node(graph, place):
    return min(graph.places, key=lambda node: np.hypot(*(graph.places[node] - place)))


def _number(graph, one, other):
    ends = {_node(graph, one), _node(graph, other)}
    return next(number for number, piece in graph.pieces.items() if {piece.start, piece.end} == ends)


def _by_row():
    """Pictures that grow by one a row of pixels, so that what lies below is younger."""
    return np.repeat(np.arange(160)[:, None], 200, 1)


def test_directions_lead_away_from_the_node(graph):
    pieces, fork = _pieces(graph, _by_row()), _node(graph, FORK)
    np.testing.assert_allclose(pieces.direction(_number(graph, SEED, FORK), fork), [0, -1], atol=0.05)
    left = pieces.direction(_number(graph, FORK, LEFT), fork)
    np.testing.assert_allclose(left, np.sqrt([0.5, 0.5]) * [-1, 1], atol=0.1)
    away = pieces.direction(_number(graph, FORK, LEFT), _node(graph, LEFT))
    np.testing.assert_allclose(away, np.sqrt([0.5, 0.5]) * [1, -1], atol=0.1)


def test_ends_tell_when_they_grew(graph):
    pieces, stem = _pieces(graph, _by_row()), _number(graph, SEED, FORK)
    assert pieces.start(stem, _node(graph, SEED)) == pytest.approx(27, abs=3)
    assert pieces.end(stem, _node(graph, SEED)) == pytest.approx(73, abs=3)
    assert pieces.start(stem, _node(graph, FORK)) == pieces.end(stem, _node(graph, SEED))


def test_growth_has_a_direction_only_where_the_pictures_tell_it(graph):
    stem, seed, fork = _number(graph, SEED, FORK), _node(graph, SEED), _node(graph, FORK)
    pieces = _pieces(graph, _by_row())
    assert (pieces.flow(stem, seed), pieces.flow(stem, fork)) == (1, -1)
    assert _pieces(graph, np.zeros((160, 200))).flow(stem, seed) == 0


def test_a_piece_that_grew_towards_the_node_is_against_it_unless_it_is_the_only_way(graph):
    upwards = 160 - _by_row()
    pieces, stem, left = _pieces(graph, upwards), _number(graph, SEED, FORK), _number(graph, FORK, LEFT)
    assert pieces.flow(left, _node(graph, FORK)) == -1
    assert not pieces.against(left, _node(graph, FORK))  # nothing else leads to its tip
    assert pieces.against(stem, _node(graph, FORK)) is False  # it grew away from the fork
    assert _pieces(graph, _by_row()).against(stem, _node(graph, FORK))  # beyond it lies the seed
