import numpy as np
import pytest

from cxrfactory.roots.segment.accumulate import Accumulator


def _seen(probabilities: list[float], threshold: float = 0.5, share: float = 0.9) -> list[bool]:
    over_time = Accumulator(threshold, share)
    return [bool(over_time.add(np.full((1, 1), each, np.float32))[0, 0]) for each in probabilities]


def test_tip_is_seen_at_once_and_noise_of_one_picture_does_not_stay() -> None:
    assert _seen([0, 1, 0, 0, 0]) == [False, True, False, False, False]


def test_root_of_two_pictures_stays_for_two_more() -> None:
    assert _seen([0, 1, 1, 0, 0, 0, 0]) == [False, True, True, True, True, False, False]


def test_root_of_many_pictures_stays_while_a_droplet_hides_it() -> None:
    seen = _seen([1.0] * 60 + [0.0] * 40)
    assert sum(seen[60:]) == 17  # 0.9 ^ 17 * 9.98 is above 1.5, 0.9 ^ 18 * 9.98 is not
    assert all(seen[:77])


@pytest.mark.parametrize("edge", [0.1, 0.3, 0.49])
def test_edges_of_roots_do_not_widen(edge: float) -> None:
    assert not any(_seen([edge] * 100))


def test_without_a_share_each_picture_is_by_itself() -> None:
    assert _seen([1, 0.4, 0.6, 0.5], share=0.0) == [True, False, True, True]


def test_equals_the_sum_over_all_earlier_pictures() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 1, (12, 5, 7)).astype(np.float32)
    over_time = Accumulator(0.6, 0.8)
    for t, picture in enumerate(pictures):
        found = over_time.add(picture)
        excess = np.clip((pictures[: t + 1] - 0.6) / 0.4, 0, None)
        evidence = (excess * 0.8 ** np.arange(t, -1, -1)[:, None, None]).sum(axis=0)
        clear = np.abs(evidence - 1.5) > 1e-4
        np.testing.assert_array_equal(found[clear], ((picture >= 0.6) | (evidence >= 1.5))[clear])
