"""Roots of drawn masks: lengths, branchings, crossings, collisions, and growth over time."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.arrival import ArrivalMap
from cxrfactory.geometry.roots.growing import grow_plants
from cxrfactory.geometry.roots.polyline import arc_lengths, length_of, nearest_place
from tests.geometry.roots.drawn import cut, drawn, grown, over_time

MAIN = [(200, 20), (205, 150), (198, 350)]


def _ends(roots) -> dict[str, tuple[float, float]]:
    return {root.name: tuple(root.line[-1]) for root in roots}


@pytest.mark.parametrize("degrees", range(-85, 90, 17))
def test_the_length_of_a_straight_root_is_right_at_every_angle(degrees):
    turn = np.radians(degrees)
    line = [(250, 40), (250 + 220 * np.sin(turn), 40 + 220 * np.cos(turn))]
    (roots,) = grown(drawn([line]), [line[0]])
    assert [root.name for root in roots] == ["1"]
    assert roots[0].lengths[-1] == pytest.approx(220, rel=0.01)
    assert length_of(roots[0].line) == pytest.approx(roots[0].lengths[-1])


@pytest.mark.parametrize("half_width", [1.5, 2.5, 4.0, 6.0])
def test_the_length_of_a_winding_root_is_right_at_every_width(half_width):
    along = np.linspace(0, 300, 200)
    line = np.column_stack([200 + 20 * np.sin(along / 40), 30 + along])
    (roots,) = grown(drawn([line], half_width=half_width), [tuple(line[0])])
    assert [root.name for root in roots] == ["1"]
    assert roots[0].lengths[-1] == pytest.approx(length_of(line), rel=0.01)
    assert max(nearest_place(line, point)[1] for point in roots[0].line) < 1


def test_laterals_are_found_with_their_bases_and_lengths():
    left, right = [(203, 100), (140, 180)], [(203, 220), (290, 270)]
    (roots,) = grown(drawn([MAIN, left, right]), [MAIN[0]])
    assert [(root.name, root.parent) for root in roots] == [("1", None), ("1.1", "1"), ("1.2", "1")]
    assert roots[0].lengths[-1] == pytest.approx(length_of(np.array(MAIN, float)), rel=0.01)
    for root, line in zip(roots[1:], (left, right), strict=True):
        assert root.lengths[-1] == pytest.approx(length_of(np.array(line, float)), abs=3)
        assert np.hypot(*(root.line[0] - line[0])) < 4
        assert np.hypot(*(root.line[-1] - line[-1])) < 2


def test_a_lateral_of_a_lateral_has_the_lateral_as_its_parent():
    lateral, second = [(203, 100), (320, 180)], [(262, 140), (262, 220)]
    (roots,) = grown(drawn([MAIN, lateral, second]), [MAIN[0]])
    assert [(root.name, root.parent) for root in roots] == [("1", None), ("1.1", "1"), ("1.1.1", "1.1")]


def test_a_short_branch_is_a_spur_and_a_longer_one_is_a_lateral():
    for length, names in ((6, ["1"]), (12, ["1", "1.1"])):
        (roots,) = grown(drawn([MAIN, [(203, 200), (203 + length, 200)]]), [MAIN[0]])
        assert [root.name for root in roots] == names


def test_two_laterals_that_cross_go_on_straight():
    upper, lower = [(203, 80), (270, 160), (290, 300)], [(202, 160), (340, 220)]
    (roots,) = grown(drawn([MAIN, upper, lower]), [MAIN[0]])
    assert len(roots) == 3
    assert np.hypot(*np.subtract(_ends(roots)["1.1"], upper[-1])) < 3
    assert np.hypot(*np.subtract(_ends(roots)["1.2"], lower[-1])) < 3


def test_a_lateral_that_runs_into_another_one_ends_there():
    upper, lower = [(203, 80), (270, 160), (290, 300)], [(202, 160), (277, 220)]
    (roots,) = grown(drawn([MAIN, upper, lower]), [MAIN[0]])
    assert len(roots) == 3
    assert np.hypot(*np.subtract(_ends(roots)["1.1"], upper[-1])) < 3
    assert np.hypot(*np.subtract(_ends(roots)["1.2"], lower[-1])) < 8


def test_a_lateral_that_comes_back_to_the_main_root_closes_a_loop_and_stays_one_lateral():
    loop = [(203, 80), (260, 130), (260, 200), (204, 260)]
    (roots,) = grown(drawn([MAIN, loop]), [MAIN[0]])
    assert [root.name for root in roots] == ["1", "1.1"]
    assert roots[0].lengths[-1] == pytest.approx(length_of(np.array(MAIN, float)), rel=0.01)
    assert roots[1].lengths[-1] == pytest.approx(length_of(np.array(loop, float)), abs=10)


def test_roots_of_two_plants_that_cross_stay_with_their_plants():
    first, second = [(150, 20), (330, 350)], [(350, 20), (170, 350)]
    found = grown(drawn([first, second]), [first[0], second[0]])
    assert [[root.name for root in roots] for roots in found] == [["1"], ["1"]]
    for roots, line in zip(found, (first, second), strict=True):
        assert np.hypot(*(roots[0].line[-1] - line[-1])) < 3


def test_further_roots_from_the_seed_have_names_of_their_own_and_the_longest_is_the_first():
    lines = [[(200, 20), (120, 250)], [(200, 20), (210, 350)], [(200, 20), (300, 200)]]
    (roots,) = grown(drawn(lines), [(200, 20)])
    assert sorted((root.name, root.parent) for root in roots) == [("1", None), ("2", None), ("3", None)]
    assert roots[0].lengths[-1] == pytest.approx(length_of(np.array(lines[1], float)), rel=0.02)


def test_a_gap_is_bridged_and_known_and_a_wide_one_is_not():
    mask = drawn([MAIN])
    mask[200:208] = False
    (roots,) = grown(mask, [MAIN[0]])
    assert roots[0].lengths[-1] == pytest.approx(length_of(np.array(MAIN, float)), rel=0.01)
    assert 6 <= roots[0].bridged.sum() <= 10
    mask[200:240] = False
    (roots,) = grown(mask, [MAIN[0]])
    assert roots[0].lengths[-1] == pytest.approx(178, abs=3)


def test_a_wider_gap_is_bridged_straight_on_from_the_end_of_a_lateral_alone():
    lateral = [(203, 100), (280, 170)]
    beside = [(232, 250), (235, 330)]  # it runs along the main root and does not point to it
    mask = drawn([lateral])
    mask[:, :220] = False
    (roots,) = grown(mask | drawn([MAIN, beside]), [MAIN[0]])
    assert [root.name for root in roots] == ["1", "1.1"]
    assert roots[1].lengths[-1] == pytest.approx(length_of(np.array(lateral, float)), abs=4)


def test_a_plant_without_roots_near_its_seed_has_none():
    assert grown(drawn([MAIN]), [(400, 20)]) == [[]]
    assert grown(np.zeros((50, 50), bool), [(10, 10)]) == [[]]


def _series(pictures: int, lost: dict[int, int] | None = None, specks: tuple[int, ...] = ()):
    """Grow a main root by 10 pixels a picture, and two laterals by 5 from pictures 8 and 14; return the arrival map."""
    left, right = [(203, 100), (140, 180)], [(203, 160), (290, 210)]
    arrivals = ArrivalMap(400, 500)
    lengths = []
    for picture in range(pictures):
        now = [10.0 * (picture + 1), min(5.0 * (picture - 8), 100), 5.0 * (picture - 14)]
        lengths.append(now)
        lines = [cut(line, size) for line, size in zip((MAIN, left, right), now, strict=True) if size > 0]
        mask = drawn(lines)
        if lost and picture in lost:
            mask[:, :185] = False  # the left lateral is hidden
        if picture in specks:
            mask |= drawn([[(206, 60), (240, 90)]])
        arrivals.add(mask.astype(np.uint8))
    return arrivals.finish(), np.array(lengths).T, (left, right)


def test_growth_over_time_has_the_right_lengths_and_emergence():
    arrival, lengths, _ = _series(30)
    (roots,) = over_time(arrival, 30, [MAIN[0]])
    assert [root.name for root in roots] == ["1", "1.1", "1.2"]
    assert np.abs(roots[0].lengths - lengths[0])[1:].max() < 2
    for root, truth in zip(roots[1:], lengths[1:], strict=True):
        emerged = int(np.argmax(truth >= 8))
        assert abs(int(np.argmax(root.lengths > 0)) - emerged) <= 1
        assert np.abs(root.lengths - truth)[emerged + 1 :].max() < 3
        assert np.all(np.diff(root.lengths) >= 0)
        assert root.at(emerged - 2) is None
        assert length_of(root.at(20).points) == pytest.approx(root.lengths[20])


def test_a_lateral_that_is_lost_for_some_pictures_is_kept():
    whole = over_time(_series(30)[0], 30, [MAIN[0]])[0]
    lost = over_time(_series(30, dict.fromkeys((15, 16, 20)))[0], 30, [MAIN[0]])[0]
    assert [root.name for root in lost] == ["1", "1.1", "1.2"]
    for before, after in zip(whole, lost, strict=True):
        assert np.abs(before.lengths - after.lengths).max() < 12  # two pictures later, and 8 when it begins to count
        assert after.lengths[-1] == pytest.approx(before.lengths[-1], abs=0.5)


def test_a_branch_that_is_seen_in_few_pictures_is_none():
    (roots,) = over_time(_series(30, specks=(12, 13, 17))[0], 30, [MAIN[0]])
    assert [root.name for root in roots] == ["1", "1.1", "1.2"]


def test_a_main_root_that_stopped_is_not_continued_by_a_lateral_that_grew_longer():
    main, lateral = [(200, 40), (206, 100), (204, 160)], [(205, 110), (235, 160), (240, 370)]
    arrivals = ArrivalMap(400, 500)
    for picture in range(16):
        lines = [cut(main, 30.0 * (picture + 1)), cut(lateral, 30.0 * (picture - 6))]
        arrivals.add(drawn(lines if picture > 6 else lines[:1]).astype(np.uint8))
    (roots,) = over_time(arrivals.finish(), 16, [main[0]])
    assert [root.name for root in roots] == ["1", "1.1"]
    assert [root.lengths[-1] for root in roots] == pytest.approx([120.3, 268.5], abs=5)
    assert int(np.argmax(roots[1].lengths > 0)) == 7


def test_crossing_laterals_are_told_apart_by_the_time_of_their_growth():
    first, second = [(203, 80), (290, 250)], [(203, 250), (300, 150)]  # the second one grows upwards, later
    arrivals = ArrivalMap(400, 500)
    for picture in range(40):
        lines = [MAIN, cut(first, 10.0 * picture)]
        lines += [cut(second, 10.0 * (picture - 22))] if picture > 22 else []
        arrivals.add(drawn(lines).astype(np.uint8))
    (roots,) = over_time(arrivals.finish(), 40, [MAIN[0]])
    assert [root.name for root in roots] == ["1", "1.1", "1.2"]
    for root, line in zip(roots[1:], (first, second), strict=True):
        assert np.hypot(*(root.line[-1] - line[-1])) < 3
        assert root.lengths[-1] == pytest.approx(arc_lengths(np.array(line, float))[-1], abs=4)


def test_what_was_there_before_the_main_root_came_and_a_bulge_that_does_not_grow_are_no_laterals():
    litter, bulge = [(203, 250), (240, 270)], [(203, 100), (213, 100)]
    arrivals = ArrivalMap(400, 500)
    for picture in range(30):
        lines = [cut(MAIN, 10.0 * (picture + 1)), litter, *([bulge] if picture > 12 else [])]
        arrivals.add(drawn(lines).astype(np.uint8))
    (roots,) = over_time(arrivals.finish(), 30, [MAIN[0]])
    assert [root.name for root in roots] == ["1"]


def test_a_root_along_the_edge_of_the_picture_stays_in_it():
    mask = np.zeros((60, 50), bool)
    mask[10:50, 47:] = True
    arrival = np.where(mask, 0, -1).astype(np.int32)
    ((root,),) = grow_plants(mask, arrival, np.zeros_like(mask), np.array([[49.6, 2.0]]), 1, 8.0)
    assert root.lengths[-1] == pytest.approx(47, abs=2)
    assert (root.places >= 0).all()
    assert (root.places < mask.shape).all()
