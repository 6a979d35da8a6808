import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.config import TrainConfig
from cxrfactory.train.data.augment import move, recolour

STRONG = TrainConfig(rotation_degrees=30, scale=0.4, shift=0.3, appearance=0.7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 0.3), st.floats(0.7, 1))
def test_landmarks_stay_inside(seed, low, high):
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(4, 94, 2, generator=generator) * (high - low) + low
    _, moved = move(torch.zeros(4, 1, 32, 32), target, STRONG, generator)
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_image_and_landmarks_move_together():
    generator = torch.Generator().manual_seed(0)
    images, points = torch.zeros(8, 1, 128, 128), torch.rand(8, 3, 2, generator=generator) * 0.5 + 0.25
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    for index in range(8):  # a blob at the first landmark
        x, y = points[index, 0] * 128 - 0.5
        images[index, 0] = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    out, moved = move(images, points, STRONG, generator)
    for index in range(8):
        row, column = divmod(int(out[index, 0].argmax()), 128)  # a centre of mass would be cut at the edge
        np.testing.assert_allclose([column, row], moved[index, 0] * 128 - 0.5, atol=1.0)


def test_nothing_asked_nothing_done():
    still = TrainConfig(rotation_degrees=0, scale=0, shift=0, gamma_low=1, gamma_high=1, appearance=0)
    images, points = torch.rand(2, 1, 33, 33), torch.rand(2, 94, 2) * 0.9 + 0.05
    generator = torch.Generator().manual_seed(0)
    out, moved = move(images, points, still, generator)
    torch.testing.assert_close(out, images, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved, points, atol=1e-6, rtol=0)
    torch.testing.assert_close(recolour(images, still, generator), images)


def test_same_generator_same_pictures():
    images = torch.rand(3, 1, 64, 64)
    first, second = (recolour(images, STRONG, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.min() >= 0
    assert first.max() <= 1
    assert not torch.equal(first, images)
