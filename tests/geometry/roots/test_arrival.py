"""First pictures with root, and the growth front along a line, against slow references."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.arrival import ABSENT, PRESENT, ArrivalMap
from cxrfactory.geometry.roots.extent import grown_points


def _arrivals(series: np.ndarray) -> np.ndarray:
    """Find the arrival of each pixel by the series' own definition: the best of all splits."""
    found = np.full(series.shape[1:], -1)
    for place in np.ndindex(*series.shape[1:]):
        seen = series[(slice(None), *place)]
        scores = [int(np.where(seen[split:], PRESENT, -ABSENT).sum()) for split in range(len(seen))]
        if max(scores) > 0:
            found[place] = int(np.argmax(scores))
    return found


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_arrivals_are_the_best_splits_of_random_series(share):
    series = np.random.default_rng(1).random((25, 9, 11)) < share
    arrivals = ArrivalMap(9, 11)
    for mask in series:
        arrivals.add(mask.astype(np.uint8))
    assert np.array_equal(arrivals.finish(), _arrivals(series))


@pytest.mark.parametrize(
    ("seen", "arrival"),
    [
        ("000111", 3),
        ("000101", 3),
        ("011000", 1),
        ("0110000", -1),
        ("100111", 0),
        ("1000000111", 7),
        ("000001", 5),
        ("000000", -1),
    ],
)
def test_arrival_of_single_pixels(seen, arrival):
    arrivals = ArrivalMap(1, 1)
    for each in seen:
        arrivals.add(np.array([[int(each)]], np.uint8))
    assert arrivals.finish()[0, 0] == arrival


def test_the_front_is_the_best_split_of_the_points_in_each_picture():
    random = np.random.default_rng(2)
    for _ in range(30):
        arrivals = np.sort(random.integers(0, 20, 40))
        wrong = random.random(40) < 0.2
        arrivals[wrong] = random.integers(-1, 20, int(wrong.sum()))
        counts = grown_points(arrivals.astype(np.int32), 20)
        for picture in range(20):
            arrived = (arrivals >= 0) & (arrivals <= picture)
            scores = [int(arrived[:size].sum() + (~arrived[size:]).sum()) for size in range(41)]
            assert counts[picture] == max(size for size in range(41) if scores[size] == max(scores))
        assert np.all(np.diff(counts) >= 0)


def test_an_older_root_that_a_line_crosses_does_not_move_its_front():
    arrivals = np.repeat(np.arange(20), 5)
    arrivals[60:66] = 0
    assert grown_points(arrivals.astype(np.int32), 20)[[0, 5, 11, 19]].tolist() == [5, 30, 66, 100]
