"""One main root for each plant: other roots from the seed become laterals, and in one picture the longest way wins."""

from itertools import pairwise

import numpy as np
import pytest

from cxrfactory.geometry.roots.growing import grow_plants
from cxrfactory.geometry.roots.main_root import with_one_main
from cxrfactory.geometry.roots.polyline import length_of
from cxrfactory.geometry.roots.tracing import TracedRoot

ONE_PICTURE = np.zeros((300, 300), np.int32)


def line(*corners, step=1.0):
    """Return points at steps of a pixel through corners (x, y)."""
    parts = [np.array(corners[:1], float)]
    for start, end in pairwise(corners):
        count = int(np.hypot(*np.subtract(end, start)) / step)
        parts.append(np.linspace(start, end, count + 1)[1:])
    return np.vstack(parts)


def test_roots_from_the_seed_become_laterals_of_the_longest():
    roots = [
        TracedRoot(line((50, 10), (50, 210)), None),
        TracedRoot(line((50, 10), (90, 60)), None),
        TracedRoot(line((90, 60), (95, 80)), 1),
        TracedRoot(line((150, 10), (150, 60)), None, plant=1),
    ]
    found = with_one_main(roots, ONE_PICTURE)
    assert [(root.parent, root.plant) for root in found] == [(None, 0), (None, 1), (0, 0), (2, 0)]
    assert all(any(root.points is each.points for each in roots) for root in found)


def test_in_one_picture_the_longest_way_from_the_seed_is_the_main_root_and_the_rest_are_laterals():
    roots = [
        TracedRoot(line((50, 10), (50, 30), (80, 40)), None),  # left the main root after 20 px
        TracedRoot(line((50, 30), (52, 250)), 0, collided=True),
        TracedRoot(line((50, 20), (30, 30)), 0),  # before the place where it left
        TracedRoot(line((70, 36.7), (75, 60)), 0),  # behind it
        TracedRoot(line((51, 130), (90, 150)), 1),
    ]
    found = with_one_main(roots, ONE_PICTURE)
    (main,) = (root for root in found if root.parent is None)
    assert found[0] is main
    assert main.collided
    assert main.points[0].tolist() == [50, 10]
    assert main.points[-1].tolist() == [52, 250]
    assert length_of(main.points) == pytest.approx(20 + np.hypot(2, 220), abs=1e-6)
    by_end = {tuple(root.points[-1]): root for root in found}
    rest = by_end[80, 40]
    assert rest.points[0].tolist() == [50, 30]
    assert length_of(rest.points) == pytest.approx(np.hypot(30, 10), abs=1e-6)
    places = {id(root): place for place, root in enumerate(found)}
    for end, parent in (((80, 40), main), ((30, 30), main), ((90, 150), main), ((75, 60), rest)):
        assert by_end[end].parent == places[id(parent)], end


@pytest.mark.parametrize(("length", "swapped"), [(40, False), (60, True)])
def test_a_way_that_is_hardly_longer_leaves_the_main_root(length, swapped):
    roots = [
        TracedRoot(line((50, 10), (50, 60)), None),
        TracedRoot(line((50, 20), (50 + length, 20)), 0),
    ]
    found = with_one_main(roots, ONE_PICTURE)
    assert (found[0].points[-1].tolist() == [50 + length, 20]) == swapped


def test_pictures_that_tell_the_order_of_growth_decide():
    arrival = ONE_PICTURE.copy()
    arrival[:, :] = np.arange(300)[:, None] // 10
    roots = [
        TracedRoot(line((50, 10), (50, 60)), None),
        TracedRoot(line((50, 20), (250, 120)), 0),
    ]
    assert with_one_main(roots, arrival)[0].points is roots[0].points


def test_a_mask_with_two_roots_from_the_seed_has_one_main_root_where_one_is_asked_for():
    mask = np.zeros((200, 120), bool)
    for start, end in (((60, 5), (60, 180)), ((60, 5), (110, 90))):
        for x, y in line(start, end):
            mask[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2] = True
    names = {}
    for one in (False, True):
        (roots,) = grow_plants(
            mask, np.where(mask, 0, -1).astype(np.int32), np.zeros_like(mask), np.array([[60.0, 5.0]]), 1, 8.0,
            one_main=one,
        )  # fmt: skip
        names[one] = [(root.name, root.parent) for root in roots]
        assert roots[0].lengths[0] == pytest.approx(175, abs=3)
    assert names[False] == [("1", None), ("2", None)]
    assert names[True] == [("1", None), ("1.1", "1")]


def test_nothing_is_made_of_nothing():
    assert with_one_main([], ONE_PICTURE) == []
