"""Plants in masks of roots: drawn roots with known seeds, and people's annotations of real plates."""

import os
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrfactory.geometry.roots.plants import _swept, columns_between, find_plants, joined_plants


def _mask(*roots: list[tuple[int, int]], side: int = 400) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    for points in roots:
        cv2.polylines(mask, [np.array(points, np.int32)], False, 1, 4)
    return mask.astype(bool)


def _seeds(mask: np.ndarray, first: np.ndarray | None = None) -> list[tuple[float, float]]:
    return [(plant.seed_x, plant.seed_y) for plant in find_plants(mask, first)]


def _near(found: list[tuple[float, float]], truth: list[tuple[float, float]], within: float = 3.0) -> bool:
    return len(found) == len(truth) and np.abs(np.array(found) - np.array(truth)).max() <= within


LEFT, MIDDLE, RIGHT = (
    [(100, 60), (105, 250)],
    [(200, 64), (198, 150), (205, 300)],
    [(300, 57), (290, 200)],
)


@pytest.mark.parametrize("roots", [(LEFT,), (LEFT, RIGHT), (LEFT, MIDDLE, RIGHT)])
def test_each_root_from_the_row_of_seeds_is_a_plant(roots):
    assert _near(_seeds(_mask(*roots)), [root[0] for root in roots])


def test_no_roots_no_plants():
    assert find_plants(np.zeros((50, 60), bool)) == []
    speck = np.zeros((400, 400), bool)
    speck[50:53, 50:53] = True
    assert find_plants(speck) == []


def test_regions_are_columns_between_the_seeds():
    plants = find_plants(_mask(LEFT, MIDDLE, RIGHT))
    assert plants[0].left == 0
    assert plants[-1].right == 400
    for one, other in pairwise(plants):
        assert one.right == other.left == pytest.approx((one.seed_x + other.seed_x) / 2, abs=1)
    assert all(plant.top == plant.seed_y - 20 and plant.bottom == 400 for plant in plants)


def test_columns_keep_the_order_of_the_seeds():
    assert columns_between([80.0, 10.0, 41.0], 100) == [(60, 100), (0, 26), (26, 60)]
    assert columns_between([5.0], 100) == [(0, 100)]
    assert columns_between([], 100) == []


def test_plants_whose_roots_cross_stay_apart_and_are_named():
    crossing = _mask(LEFT, MIDDLE, RIGHT, [(102, 120), (150, 170), (204, 200)])
    plants = find_plants(crossing)
    assert _near([(each.seed_x, each.seed_y) for each in plants], [LEFT[0], MIDDLE[0], RIGHT[0]])
    assert joined_plants(crossing, plants) == [(0, 1)]
    assert joined_plants(_mask(LEFT, MIDDLE, RIGHT), plants) == []


def test_laterals_and_their_upward_ends_are_no_plants():
    laterals = [[(102, 110), (140, 105), (150, 101)], [(103, 140), (70, 160)], [(104, 200), (150, 196)]]
    assert _near(_seeds(_mask(LEFT, RIGHT, *laterals)), [LEFT[0], RIGHT[0]])


def test_roots_that_spread_from_a_seed_are_one_plant_and_a_root_that_bends_up_is_none():
    spread = [[(120, 90), (x, 260)] for x in (10, 60, 110, 160)]
    others = [[(290, 95), (x, 270)] for x in (200, 260, 310, 370)]
    upwards = [[(120, 90), (150, 130), (190, 110), (200, 40)]]
    found = _seeds(_mask(*spread, *others, *upwards))
    assert _near(found, [(120, 90), (290, 95)], within=4)


def test_gaps_and_torn_laterals_make_no_plants():
    mask = _mask(LEFT, RIGHT, [(103, 140), (150, 160)])
    mask[90:93] = mask[170:173] = False
    mask[:, 112:118] = False  # the lateral is torn off
    assert _near(_seeds(mask), [LEFT[0], RIGHT[0]])


def test_specks_make_no_plants():
    mask = _mask(LEFT, RIGHT)
    mask[62:66, 200:203] = mask[100:108, 30:33] = mask[390:395, 350:354] = True
    assert _near(_seeds(mask), [LEFT[0], RIGHT[0]])


def test_an_early_mask_tells_plants_apart_that_grew_into_each_other():
    first = _mask([(200, 60), (200, 75)], [(245, 58), (245, 72)])
    late = _mask(LEFT, [(200, 60), (200, 260)], [(245, 58), (245, 72)], [(200, 61), (220, 66), (245, 60)])
    assert len(find_plants(late)) == 2
    assert _near(_seeds(late, first), [LEFT[0], (200, 60), (245, 58)])
    speck = _mask([(340, 60), (340, 75)])  # nothing grew there
    assert _near(_seeds(_mask(LEFT, RIGHT), speck), [LEFT[0], RIGHT[0]])


def test_the_sweep_is_that_of_growing_components():
    """A slow reference: the components of the first rows, row by row; the one with the lower top ends in a join."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = (rng.random((24, 20)) < 0.4).astype(np.uint8)
        alive: dict[int, int] = {}  # row-major place of the top -> last row
        ended: dict[int, tuple[int, bool]] = {}
        for row in range(24):
            labels = cv2.connectedComponents(np.ascontiguousarray(mask[: row + 1]), connectivity=8)[1]
            now: dict[int, int] = {}
            for label in range(1, labels.max() + 1):
                place = int(np.flatnonzero(labels.ravel() == label)[0])
                now[place] = row if (labels[row] == label).any() else alive[place]
            for place in set(alive) - set(now):
                ended[place] = (row, True)
            alive = now
        ended |= {place: (row, False) for place, row in alive.items()}
        found = {(tree.y, tree.end, tree.joined) for tree in _swept(mask)}
        assert found == {(place // 20, row, is_joined) for place, (row, is_joined) in ended.items()}


def _annotated(path: Path) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Return the roots of an RSML file as lines of 5 pixels, and the first points of its plants."""
    height, width = cv2.imread(str(path.with_suffix(".jpg")), cv2.IMREAD_GRAYSCALE).shape
    mask, seeds = np.zeros((height, width), np.uint8), []
    for plant in ElementTree.parse(path).getroot().iter("plant"):
        roots = []
        for root in plant.iter("root"):
            geometry = root.find("geometry")
            line = geometry.find("polyline")
            line = geometry.find("rootnavspline") if line is None else line
            points = [[float(point.get("x")), float(point.get("y"))] for point in line.findall("point")]
            if points:
                roots.append(np.array(points))
        for points in roots:
            cv2.polylines(mask, [np.rint(points).astype(np.int32)], False, 1, 5)
        if roots:
            seeds.append(tuple(roots[0][0]))
    return mask.astype(bool), sorted(seeds)


@pytest.mark.parametrize(("kind", "least"), [("rapeseed", 15), ("barley", 20)])
def test_plants_of_real_annotations(kind, least):
    folder = Path(os.environ.get("CXRFACTORY_REAL_DATA", "")) / "roots" / kind
    if "CXRFACTORY_REAL_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("CXRFACTORY_REAL_DATA names no folder with roots")
    right, distances = 0, []
    for path in sorted(folder.glob("*.rsml")):
        mask, truth = _annotated(path)
        found = _seeds(mask)
        if len(found) == len(truth):
            right += 1
            distances += np.hypot(*(np.array(found) - np.array(truth)).T).tolist()
    assert right >= least
    assert np.median(distances) <= 5  # half the width of the line, and its rounding


def test_a_drop_between_the_seeds_is_no_plant_and_a_seedling_is_one():
    mask = np.zeros((300, 400), bool)
    for x in (50, 150, 250):
        mask[20:220, x : x + 3] = True
    mask[30:60, 80:83] = True  # nearer to a plant than half of the distance of plants
    mask[20:50, 350:353] = True  # where the next plant stands
    assert [plant.seed_x for plant in find_plants(mask)] == [51.0, 151.0, 251.0, 351.0]
    mask[20:220, 150:253] = False  # two tall plants do not tell how far plants stand apart
    assert [plant.seed_x for plant in find_plants(mask)] == [51.0, 81.0, 351.0]
