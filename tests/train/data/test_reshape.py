import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.reshape import CELLS, Reshaper, bend

SIDE = 128


def ellipses(heart=0.10, seed=None):
    """Three ellipses of 12 points: two lungs and a heart whose half width is given; (x, y) fractions."""
    angle = np.arange(12) / 12 * 2 * np.pi
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    parts = [(0.3, 0.5, 0.13, 0.25), (0.7, 0.5, 0.13, 0.25), (0.52, 0.62, heart, 0.10)]
    points = np.concatenate([ring * (width, height) + (x, y) for x, y, width, height in parts])
    if seed is not None:
        points = points + np.random.default_rng(seed).normal(0, 0.004, points.shape)
    return points


def of(points):
    return Annotations.of_points(points, landmark_graph("lungs"))


def dots(points):
    """Smooth dots at the points, as an image ``[1, 1, s, s]``."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    x, y = np.meshgrid(centres, centres)
    far = (x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2
    return torch.from_numpy(np.exp(-far.min(axis=-1) / 2 / 0.006**2)).float()[None, None]


def test_own_shape_however_placed_bends_nothing():
    points = ellipses(seed=1)
    matrix = np.array([[0.8, 0.1], [-0.05, 1.2]])
    goal, cells = bend(points, points @ matrix + (0.1, -0.2), 1.0)
    assert np.allclose(goal, points, atol=1e-4)
    assert np.abs(cells).max() < 1e-9


def test_no_share_bends_nothing():
    points = ellipses()
    goal, cells = bend(points, ellipses(heart=0.16, seed=2), 0.0)
    assert np.array_equal(goal, points)
    assert np.abs(cells).max() < 1e-9


def test_a_larger_heart_is_taken_over():
    goal, _ = bend(ellipses(heart=0.08), ellipses(heart=0.13), 1.0)
    relative = np.ptp(goal[24:, 0]) / np.ptp(goal[:24, 0])
    # From 0.16 / 0.66 = 0.24 towards 0.26 / 0.66 = 0.39; the spline is smooth, so it stops a little short.
    assert 0.33 < relative < 0.40


def test_a_shape_turned_inside_out_is_refused_or_tamed():
    points = ellipses()
    mirrored = points.copy()
    mirrored[24:] = points[24:][::-1]  # the heart's contour runs the other way
    found = bend(points, mirrored, 1.0)
    assert found is None or np.abs(found[0] - points).max() < np.abs(mirrored - points).max() / 2 + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_the_picture_goes_where_its_landmarks_go(seed):
    points = ellipses(seed=seed)
    reshape = Reshaper(ellipses(heart=0.15, seed=seed + 10)[None])
    generator = torch.Generator().manual_seed(seed)
    targets = torch.from_numpy(points).float()[None].repeat(8, 1, 1)
    images, moved = reshape(dots(points).repeat(8, 1, 1, 1), of(targets), generator)
    moved = moved.points
    changed = (moved != targets).any(dim=2).any(dim=1)
    assert 0 < int(changed.sum()) < 8
    for image, goal in zip(images[changed], moved[changed].numpy(), strict=True):
        rows, columns = (goal[:, 1] * SIDE).astype(int), (goal[:, 0] * SIDE).astype(int)
        # A dot of 0.8 pixels' width: its value at the pixel of its centre stays above a half.
        assert float(image[0, rows, columns].min()) > 0.3
        assert float(image[0, rows, columns].mean()) > 0.6
    assert torch.equal(images[~changed], dots(points).repeat(8, 1, 1, 1)[~changed])


def test_images_with_other_landmarks_are_left_alone_and_draws_stay_in_step():
    reshape = Reshaper(np.stack([ellipses(heart=0.15)]))
    targets = torch.from_numpy(ellipses()[:24]).float()[None]
    image = dots(ellipses())
    one, other = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    images, moved = reshape(image, of(targets), one)
    assert torch.equal(images, image)
    assert torch.equal(moved.points, targets)
    reshape(image, of(torch.from_numpy(ellipses()).float()[None]), other)
    assert torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=other))


def test_cells_are_those_of_the_whole_frame():
    _, cells = bend(ellipses(), ellipses(heart=0.15), 1.0)
    assert cells.shape == (CELLS, CELLS, 2)
    assert np.abs(cells[[0, -1], [0, -1]]).max() < 0.01  # the corners are held


def test_images_that_lack_a_landmark_are_left_alone_and_drawn_masks_bend_with_the_image():
    reshape = Reshaper(ellipses(heart=0.16)[None])
    points = torch.from_numpy(ellipses(heart=0.08)).float()[None].repeat(16, 1, 1)
    points[::2, 30] = torch.nan
    images = dots(ellipses(heart=0.08)).repeat(16, 1, 1, 1)
    known = torch.ones(16, 1, dtype=torch.bool)
    blank = torch.zeros(images.shape, dtype=torch.bool)
    given = Annotations(landmark_graph("lungs"), points, ("dots",), images.clone(), blank, known)
    bent, moved = reshape(images, given, torch.Generator().manual_seed(0))
    changed = (bent != images).flatten(1).any(1)
    assert not changed[::2].any()
    assert 0 < int(changed.sum()) < 8
    torch.testing.assert_close(moved.masks, bent, atol=1e-3, rtol=0)  # nothing of the dots lies at the edge
    assert moved.points[::2, 30].isnan().all()
