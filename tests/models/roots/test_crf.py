import numpy as np
import pytest

from cxrfactory.models.roots.crf import refined


def _slow(probability, grey, position, levels, weight, iterations) -> np.ndarray:
    """All pairs of pixels, label by label, in double precision."""
    height, width = grey.shape
    y, x = np.divmod(np.arange(grey.size), width)
    flat = grey.reshape(-1).astype(float)
    distance = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
    kernel = np.exp(-distance / (2 * position**2) - (flat[:, None] - flat) ** 2 / (2 * levels**2))
    reach = np.ceil(3 * position)
    kernel *= (np.abs(y[:, None] - y) <= reach) & (np.abs(x[:, None] - x) <= reach)
    norm = 1 / np.sqrt(kernel.sum(axis=1))
    kernel *= norm[:, None] * norm
    np.fill_diagonal(kernel, 0)
    start = np.clip(probability.reshape(-1), 1e-5, 1 - 1e-5)
    unary = -np.log(np.stack([1 - start, start]))
    labels = np.stack([1 - start, start])
    for _ in range(iterations):
        energy = unary + weight * (labels[::-1] @ kernel)  # Potts: the other label's mass costs
        labels = np.exp(-energy)
        labels /= labels.sum(axis=0)
    return labels[1].reshape(height, width)


@pytest.mark.parametrize(("position", "levels", "weight"), [(2.0, 3.0, 1.0), (1.3, 20.0, 3.0)])
def test_equals_the_sum_over_all_pairs(position: float, levels: float, weight: float) -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(100, 130, (17, 13)).astype(np.uint8)
    probability = rng.uniform(0.01, 0.99, grey.shape).astype(np.float32)
    found = refined(probability, grey, position, levels, weight, iterations=5)
    np.testing.assert_allclose(found, _slow(probability, grey, position, levels, weight, 5), atol=2e-5)


def test_pixels_far_from_any_root_stay_and_others_are_those_of_all_pixels() -> None:
    rng = np.random.default_rng(2)
    grey = rng.integers(100, 110, (12, 60)).astype(np.uint8)
    probability = np.full(grey.shape, 1e-4, np.float32)
    probability[5:7, 2:10] = 0.8
    found = refined(probability, grey, 2.0, 3.0)
    np.testing.assert_array_equal(found[:, 16:], probability[:, 16:])
    np.testing.assert_allclose(found, _slow(probability, grey, 2.0, 3.0, 1.0, 5), atol=1e-4)


def test_grey_values_settle_doubtful_pixels() -> None:
    grey = np.full((30, 30), 80, np.uint8)
    grey[:, 14:17] = 180
    probability = np.full(grey.shape, 0.05, np.float32)
    probability[:, 14:17] = 0.9
    probability[10:13, 14:17] = 0.45  # a gap in the root
    probability[20, 25] = 0.6  # a grain of noise
    found = refined(probability, grey, weight=3.0)
    assert (found[:, 14:17] > 0.5).all()
    assert found[20, 25] < 0.5


def test_no_root_no_change() -> None:
    probability = np.zeros((20, 20), np.float32)
    assert refined(probability, np.zeros((20, 20), np.uint8)).max() < 1e-4
