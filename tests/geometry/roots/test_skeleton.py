"""Graphs of skeletons, and regions of plates."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import skeletonize

from cxrfactory.geometry.roots.polyline import length_of
from cxrfactory.geometry.roots.regions import plate_regions
from cxrfactory.geometry.roots.skeleton import SkeletonGraph, simplify, skeleton_graph
from cxrfactory.geometry.roots.smoothing import from_parent, smooth, to_mask_end
from tests.geometry.roots.drawn import drawn


def _graph(mask: np.ndarray, seed: tuple[float, float]) -> SkeletonGraph:
    skeleton = skeletonize(np.pad(mask, 1))
    places = np.argwhere(skeleton)
    row, column = places[np.argmin(((places - seed[::-1]) ** 2).sum(1))]
    return skeleton_graph(skeleton, ndimage.distance_transform_edt(np.pad(mask, 1)), [(int(row), int(column))])


def _random_roots(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    main = np.column_stack([np.linspace(100, 130, 9), np.linspace(10, 280, 9)])
    lines = [main]
    for _ in range(10):
        base = main[random.integers(1, 8)]
        lines.append(np.cumsum(np.vstack([base, random.uniform((-25, 0), (25, 15), (5, 2))]), 0))
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_the_graph_holds_every_skeleton_pixel_once(seed):
    mask = drawn(_random_roots(seed), (320, 260), 1.5)
    graph = _graph(mask, (100, 10))
    skeleton = skeletonize(np.pad(mask, 1))
    inner = np.vstack([piece.points[1:-1] for piece in graph.pieces.values()]).astype(int)
    assert len(np.unique(inner, axis=0)) == len(inner)
    assert skeleton[inner[:, 1], inner[:, 0]].all()
    neighbours = ndimage.convolve(skeleton.astype(int), np.ones((3, 3)), mode="constant") - skeleton
    left = skeleton.copy()
    left[inner[:, 1], inner[:, 0]] = False
    assert np.all(neighbours[left] != 2) or left.sum() - (neighbours[left] != 2).sum() == 1  # the seed's pixel
    for node, numbers in graph.at.items():
        for number in numbers:
            assert node in (graph.pieces[number].start, graph.pieces[number].end)


@pytest.mark.parametrize("seed", range(4))
def test_the_tips_are_the_pixels_with_one_neighbour(seed):
    mask = drawn(_random_roots(seed), (320, 260), 1.5)
    graph = _graph(mask, (100, 10))
    skeleton = np.pad(skeletonize(np.pad(mask, 1)), 1)
    tips = {
        (column - 1, row - 1)
        for row, column in np.argwhere(skeleton)
        if skeleton[row - 1 : row + 2, column - 1 : column + 2].sum() == 2
    }
    assert {tuple(graph.places[node]) for node, numbers in graph.at.items() if len(numbers) == 1} == tips


@pytest.mark.parametrize("seed", range(4))
def test_the_total_length_agrees_with_skan(seed):
    skan = pytest.importorskip("skan")
    mask = drawn(_random_roots(seed), (320, 260), 1.5)
    ours = sum(length_of(piece.points) for piece in _graph(mask, (100, 10)).pieces.values())
    theirs = float(skan.Skeleton(skeletonize(np.pad(mask, 1))).path_lengths().sum())
    assert ours == pytest.approx(theirs, rel=0.02)  # the two place branchings of several pixels differently


def test_spurs_are_cut_and_nodes_between_two_pieces_are_dissolved():
    mask = drawn([[(50, 10), (50, 190)], [(50, 60), (58, 60)], [(50, 100), (90, 130)]], (200, 120))
    graph = _graph(mask, (50, 10))
    simplify(graph, 12)
    assert len(graph.pieces) == 3
    assert sorted(len(numbers) for numbers in graph.at.values()) == [1, 1, 1, 3]


def test_a_ring_stays_and_a_tiny_one_is_cut():
    ring = [(60 + 30 * np.cos(a), 100 + 30 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 60)]
    graph = _graph(drawn([[(60, 10), (60, 70)], ring], (200, 120), 1.5), (60, 10))
    simplify(graph, 8)
    assert sorted(piece.start == piece.end for piece in graph.pieces.values()) == [False, True]
    simplify(graph, 120)
    assert [piece.start == piece.end for piece in graph.pieces.values()] == [False]


def test_a_smooth_line_has_the_length_of_the_line_behind_the_pixels():
    for degrees in range(0, 91, 5):
        turn = np.radians(degrees)
        line = np.outer(np.arange(200), (np.cos(turn), np.sin(turn)))
        assert length_of(smooth(np.rint(line))) == pytest.approx(199, rel=0.006)
    along = np.linspace(0, 2, 300)
    arc = 80 * np.column_stack([np.sin(along), 1 - np.cos(along)])
    assert length_of(smooth(np.rint(arc))) == pytest.approx(160, rel=0.006)


def test_a_line_is_followed_to_the_end_of_the_mask_and_no_farther():
    mask = drawn([[(20, 10), (20, 60)]], (100, 50), 3.0)
    found = to_mask_end(np.array([[20.0, 10], [20, 55]]), mask, 30)
    assert found[-1] == pytest.approx((20, 63), abs=0.6)
    assert to_mask_end(np.array([[20.0, 10], [20, 55]]), mask, 4)[-1] == pytest.approx((20, 59))


def test_a_lateral_begins_where_its_straight_part_meets_the_parent():
    parent = np.array([[50.0, 0], [50, 100]])
    bent = np.array([[50.0, 44], [53, 45], [60, 50], [70, 60], [80, 70]])  # it bends up within the parent's width
    assert from_parent(bent, parent, 4.0)[0] == pytest.approx((50, 40), abs=0.5)


def test_each_plant_has_the_part_of_the_mask_at_its_seed_and_specks_have_none():
    mask = drawn([[(50, 20), (50, 150)], [(150, 20), (150, 120)], [(100, 180), (100, 180)]], (200, 200))
    arrival = np.where(mask, 0, -1).astype(np.int32)
    found = plate_regions(arrival, np.array([(50.0, 18), (150, 18), (100, 60)]))
    assert [bool(found.parts[row, column]) for row, column in ((100, 50), (100, 150), (180, 100))] == [True] * 3
    assert found.part_of == [found.parts[100, 50], found.parts[100, 150], 0]
    assert found.touching == [-1, -1, -1]
    assert np.array_equal(found.arrival >= 0, mask)


def test_plants_touch_from_the_picture_in_which_their_roots_meet():
    first, second = drawn([[(50, 20), (120, 150)]], (200, 200)), drawn([[(150, 20), (100, 110)]], (200, 200))
    arrival = np.where(first, 0, np.where(second, 5, -1)).astype(np.int32)
    found = plate_regions(arrival, np.array([(50.0, 20), (150, 20), (190, 190)]))
    assert found.touching == [5, 5, -1]
    assert found.part_of[0] == found.part_of[1] > 0


def test_gaps_are_bridged_with_the_arrival_of_the_later_side_and_what_lies_outside_the_regions_is_left_out():
    mask = drawn([[(50, 20), (50, 150)], [(150, 20), (150, 150)]], (200, 200))
    arrival = np.where(mask, 3, -1).astype(np.int32)
    arrival[90:, :][mask[90:, :]] = 7
    arrival[80:90] = -1
    found = plate_regions(arrival, np.array([(50.0, 20)]), [(0, 0, 100, 200)])
    assert found.arrival[85, 50] == 7
    assert found.bridged[85, 50]
    assert found.parts[120, 50] == found.part_of[0] > 0
    assert not found.parts[:, 100:].any()


def test_small_holes_are_filled():
    mask = drawn([[(50, 20), (50, 150)]], (200, 100), 5.0)
    arrival = np.where(mask, 2, -1).astype(np.int32)
    arrival[60:63, 49:52] = -1
    assert (plate_regions(arrival, np.array([(50.0, 20)])).arrival[60:63, 49:52] == 2).all()
