import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import TrainConfig
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.augment import _marks, move, recolour

LUNGS = landmark_graph("lungs")
STRONG = TrainConfig(rotation_degrees=30, scale=0.4, shift=0.3, appearance=0.7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 0.3), st.floats(0.7, 1))
def test_landmarks_stay_inside(seed, low, high):
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(4, 94, 2, generator=generator) * (high - low) + low
    _, moved = move(torch.zeros(4, 1, 32, 32), Annotations.of_points(target, LUNGS), STRONG, generator)
    assert moved.points.min() >= 0
    assert moved.points.max() <= 1


def test_image_and_landmarks_move_together():
    generator = torch.Generator().manual_seed(0)
    images, points = torch.zeros(8, 1, 128, 128), torch.rand(8, 3, 2, generator=generator) * 0.5 + 0.25
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    for index in range(8):  # a blob at the first landmark
        x, y = points[index, 0] * 128 - 0.5
        images[index, 0] = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    out, moved = move(images, Annotations.of_points(points, LUNGS), STRONG, generator)
    for index in range(8):
        row, column = divmod(int(out[index, 0].argmax()), 128)  # a centre of mass would be cut at the edge
        np.testing.assert_allclose([column, row], moved.points[index, 0] * 128 - 0.5, atol=1.0)


def test_nothing_asked_nothing_done():
    still = TrainConfig(rotation_degrees=0, scale=0, shift=0, gamma_low=1, gamma_high=1, appearance=0)
    images, points = torch.rand(2, 1, 33, 33), torch.rand(2, 94, 2) * 0.9 + 0.05
    generator = torch.Generator().manual_seed(0)
    out, moved = move(images, Annotations.of_points(points, LUNGS), still, generator)
    torch.testing.assert_close(out, images, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved.points, points, atol=1e-6, rtol=0)
    torch.testing.assert_close(recolour(images, still, generator), images)


def test_same_generator_same_pictures():
    images = torch.rand(3, 1, 64, 64)
    first, second = (recolour(images, STRONG, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.min() >= 0
    assert first.max() <= 1
    assert not torch.equal(first, images)


def test_marks_are_small_like_labels_or_large_like_shutters():
    grey = torch.full((400, 1, 80, 80), 0.5)
    marked = _marks(grey.clone(), torch.ones(400, dtype=torch.bool), torch.Generator().manual_seed(1))
    covered = (marked != 0.5).flatten(1).float().mean(1)
    assert ((covered > 0) & (covered < 0.32)).all()
    large = covered > 0.02  # a small mark has at most 9 of 80 pixels a side
    assert 0.4 < large.float().mean() < 0.6
    assert (covered > 0.2).any()
    black = (marked == 0).flatten(1).any(1)
    assert 0.65 < black[large].float().mean() < 0.85
    left = (marked != 0.5).any(2).float().argmax(-1).flatten()
    assert left.min() == 0
    assert left.max() > 60
    untouched = _marks(grey[:3].clone(), torch.zeros(3, dtype=torch.bool), torch.Generator())
    assert torch.equal(untouched, grey[:3])


def drawn(masks, points=None, ignored=None):
    """Annotations with the given masks ``[b, r, s, s]``, all drawn; without points, nothing else is annotated."""
    count, regions = masks.shape[:2]
    points = torch.full((count, 94, 2), torch.nan) if points is None else points
    ignored = torch.zeros(masks.shape, dtype=torch.bool) if ignored is None else ignored
    known = torch.ones(count, regions, dtype=torch.bool)
    return Annotations(LUNGS, points, tuple(f"r{place}" for place in range(regions)), masks, ignored, known)


def disc(x, y, radius, side=64):
    rows, columns = torch.meshgrid(torch.arange(side) + 0.5, torch.arange(side) + 0.5, indexing="ij")
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).float()


def test_drawn_masks_move_with_the_image_and_with_the_landmarks():
    generator = torch.Generator().manual_seed(1)
    mask = torch.stack([disc(20, 30, 9), disc(40, 25, 8)])[None].repeat(8, 1, 1, 1)
    points = torch.full((8, 94, 2), torch.nan)
    points[:, 0] = torch.tensor([20 / 64, 30 / 64])
    images = mask[:, :1].clone()
    out, moved = move(images, drawn(mask, points), STRONG, generator)
    torch.testing.assert_close(out, moved.masks[:, :1])  # the same grid, and black outside in both
    rows, columns = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    for one, point in zip(moved.masks[:, 0], moved.points[:, 0], strict=True):
        centre = torch.stack([(one * columns).sum(), (one * rows).sum()]) / one.sum()
        torch.testing.assert_close(centre / 64, point, atol=0.006, rtol=0)
    assert moved.points[:, 1:].isnan().all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_drawn_masks_without_landmarks_stay_visible(seed):
    mask = torch.stack([disc(12, 12, 10), disc(50, 50, 12)])[None].repeat(4, 1, 1, 1)
    _, moved = move(torch.zeros(4, 1, 64, 64), drawn(mask), STRONG, torch.Generator().manual_seed(seed))
    first, second = moved.masks.sum((2, 3)).unbind(1)
    # Nothing is cut off: the areas keep their ratio.
    torch.testing.assert_close(second / first, (mask[:, 1].sum((1, 2)) / mask[:, 0].sum((1, 2))), atol=0, rtol=0.03)


def test_nothing_annotated_moves_as_far_as_the_settings_say():
    blank = drawn(torch.zeros(3, 1, 32, 32))
    out, moved = move(torch.rand(3, 1, 32, 32), blank, STRONG, torch.Generator().manual_seed(0))
    assert out.isfinite().all()
    assert moved.points.isnan().all()
    assert not moved.masks.any()


def test_ignored_pixels_move_too_and_what_enters_is_outside():
    ignored = torch.zeros(6, 1, 64, 64, dtype=torch.bool)
    ignored[:, :, :32] = True
    mask = torch.zeros(6, 1, 64, 64)
    mask[:, :, 32:] = 1
    turned = TrainConfig(rotation_degrees=0, scale=0, shift=0.1)
    _, moved = move(torch.zeros(6, 1, 64, 64), drawn(mask, ignored=ignored), turned, torch.Generator().manual_seed(2))
    assert not (moved.ignored & (moved.masks > 0.99)).any()
    assert (moved.ignored.float().mean((1, 2, 3)) < 0.62).all()
    assert moved.ignored.any(-1).any(-1).all()


def test_landmark_batches_draw_the_same_numbers_with_and_without_masks():
    points = torch.rand(4, 94, 2) * 0.4 + 0.3
    one, other = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    alone = move(torch.zeros(4, 1, 32, 32), Annotations.of_points(points, LUNGS), STRONG, one)[1]
    inner = torch.zeros(4, 1, 32, 32)
    inner[:, :, 15:17, 15:17] = 1  # within the landmarks
    both = move(torch.zeros(4, 1, 32, 32), drawn(inner, points), STRONG, other)[1]
    assert torch.equal(alone.points, both.points)
    assert torch.equal(torch.rand(2, generator=one), torch.rand(2, generator=other))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_image_and_landmarks_are_sheared_and_mirrored_together(seed):
    generator = torch.Generator().manual_seed(seed)
    turned = TrainConfig(rotation_degrees=20, scale=0.2, shift=0.1, shear_degrees=20, mirror=0.5, padding="reflection")
    images, points = torch.zeros(8, 1, 128, 128), torch.rand(8, 3, 2, generator=generator) * 0.4 + 0.3
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    for index in range(8):
        x, y = points[index, 0] * 128 - 0.5
        images[index, 0] = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    out, moved = move(images, Annotations.of_points(points, LUNGS), turned, generator)
    for index in range(8):
        x, y = (moved.points[index, 0] * 128 - 0.5).round().int().clamp(0, 127)
        assert out[index, 0, y, x] > 0.8 * out[index, 0].max()  # reflections of the blob may be as bright


def test_every_image_mirrored_both_ways_is_turned_by_180_degrees():
    turned = TrainConfig(rotation_degrees=0, scale=0, shift=0, mirror=1.0, padding="reflection")
    images, points = torch.rand(2, 1, 32, 32), torch.rand(2, 94, 2) * 0.9 + 0.05
    out, moved = move(images, Annotations.of_points(points, LUNGS), turned, torch.Generator().manual_seed(0))
    torch.testing.assert_close(out, images.flip(-1, -2), atol=1e-5, rtol=0)
    torch.testing.assert_close(moved.points, 1 - points, atol=1e-6, rtol=0)


def test_without_shear_and_mirror_no_random_number_is_drawn_for_them():
    images, points = torch.rand(2, 1, 32, 32), torch.rand(2, 94, 2) * 0.5 + 0.25
    plain = TrainConfig(rotation_degrees=10, scale=0.1, shift=0.1)
    reflected = plain.model_copy(update={"padding": "reflection"})
    moved = [
        move(images, Annotations.of_points(points, LUNGS), each, torch.Generator().manual_seed(3))[1].points
        for each in (plain, reflected)
    ]
    assert torch.equal(*moved)


def test_reflection_brings_the_mirrored_mask_with_the_mirrored_image():
    images = torch.zeros(1, 1, 64, 64)
    images[:, :, 20:44, 4:30] = 1.0
    drawn = torch.ones(1, 1, dtype=torch.bool)
    annotations = Annotations(
        LUNGS, torch.full((1, 94, 2), torch.nan), ("lungs",), images.clone(), images.bool() & False, drawn
    )
    far = TrainConfig(rotation_degrees=0, scale=0.9, shift=0.5, padding="reflection")
    seen = 0
    for seed in range(20):
        out, moved = move(images, annotations, far, torch.Generator().manual_seed(seed))
        torch.testing.assert_close(out, moved.masks)
        seen += (out[0, 0, :, 0] > 0.5).any() or (out[0, 0, :, -1] > 0.5).any()
    assert seen  # the mirrored region was in sight at least once
