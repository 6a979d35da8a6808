"""The frame: geometry kept, both ways, one pixel size, nothing invented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.projection.frame import Frame
from cxrfactory.projection.integrals import path_integrals
from cxrfactory.projection.occupancy import occupancy

SHAPES = st.tuples(*[st.integers(1, 40)] * 3)
SPACINGS = st.tuples(*[st.floats(0.3, 5.0)] * 3)


@given(SHAPES, SPACINGS, st.integers(1, 64), st.sampled_from(["PA", "LL"]))
@settings(max_examples=60, deadline=None)
def test_points_go_there_and_back_and_every_voxel_stays_in_the_picture(shape, spacing, size, view):
    frame = Frame.around(shape, spacing, size)
    rows, columns = frame.native_shape(view)
    corners = np.array([(-0.5, -0.5), (columns - 0.5, rows - 0.5), (3.25, -7.0)])
    placed = frame.to_frame(corners, view)
    np.testing.assert_allclose(frame.to_native(placed, view), corners, atol=1e-9)
    assert (placed[:2] > -0.5 - 1e-6).all()
    assert (placed[:2] < size - 0.5 + 1e-6).all()
    np.testing.assert_allclose(placed[:2].sum(axis=0), size - 1, atol=1e-6)  # centred


@given(SHAPES, SPACINGS, st.integers(1, 30), st.sampled_from(["PA", "LL"]), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_masks_and_images_equal_a_loop_over_pixels(shape, spacing, size, view, seed):
    frame = Frame.around(shape, spacing, size)
    rng = np.random.default_rng(seed)
    rows, columns = frame.native_shape(view)
    masks = rng.integers(0, 2, (3, rows, columns)).astype(np.uint8)
    picture = rng.random((rows, columns))
    found_masks, found = frame.masks(masks, view), frame.image(picture, view)
    for row in range(size):
        for column in range(size):
            x, y = frame.to_native([(column, row)], view)[0]
            if min(abs(value - round(value - 0.5) - 0.5) for value in (x, y)) < 1e-6:
                continue  # on the border of two voxels: either is right
            i, j = round(y), round(x)
            if not (0 <= i < rows and 0 <= j < columns):
                assert found[row, column] == 0
                assert not found_masks[:, row, column].any()
                continue
            np.testing.assert_array_equal(found_masks[:, row, column], masks[:, i, j])
            top, left = int(np.floor(y)), int(np.floor(x))
            four = [
                (1 - abs(y - r)) * (1 - abs(x - c)) * picture[min(max(r, 0), rows - 1), min(max(c, 0), columns - 1)]
                for r in (top, top + 1)
                for c in (left, left + 1)
            ]
            np.testing.assert_allclose(found[row, column], sum(four), rtol=1e-5)


def test_one_pixel_size_for_both_views_and_padding_around():
    frame = Frame.around((133, 512, 512), (2.5, 0.703125, 0.703125), 384)
    assert frame.pixel_mm == 0.9375
    picture = frame.image(np.ones((133, 512), np.float32), "PA")
    assert picture.shape == (384, 384)
    assert picture.dtype == np.float32
    covered = np.flatnonzero(picture.any(axis=1))
    assert len(covered) * 0.9375 == pytest.approx(133 * 2.5, abs=0.9375)
    assert covered[0] == 383 - covered[-1]


def test_the_voxel_grid_itself_when_it_is_square():
    frame = Frame.around((6, 6, 6), (2.0, 2.0, 2.0), 6)
    picture = np.arange(36.0).reshape(6, 6)
    np.testing.assert_array_equal(frame.image(picture, "LL"), picture)
    masks = (picture[None] > [[[3]], [[20]]]).astype(np.uint8)
    np.testing.assert_array_equal(frame.masks(masks, "PA"), masks)


def chest(spacing):
    """A smooth chest, 238 mm along every axis (119 x 2.0 = 70 x 3.4): trunk, two lungs, a heart."""
    shape = tuple(round(238 / step) for step in spacing)
    z, y, x = np.meshgrid(
        *[(np.arange(n) + 0.5) * step - 119 for n, step in zip(shape, spacing, strict=True)], indexing="ij"
    )

    def inside(centre, half):
        distance = sum(((a - c) / h) ** 2 for a, c, h in zip((z, y, x), centre, half, strict=True))
        return 1 / (1 + np.exp((np.sqrt(distance) - 1) * 15))

    hu = -1000 + 1040 * inside((0, 0, 0), (140, 80, 105))
    for side in (-1, 1):
        hu -= 800 * inside((10, 5, side * 50), (75, 50, 32))
    labels = np.zeros(shape, np.uint8)
    labels[inside((10, 5, 50), (75, 50, 32)) > 0.5] = 1
    labels[inside((-10, 30, -20), (40, 30, 45)) > 0.5] = 2
    return np.rint(hu).astype(np.int16), labels


def test_an_anisotropic_resampling_gives_the_same_pictures():
    """1.7 times coarser along any one axis: the same PA and LL within the error of interpolation."""
    fine = (2.0, 2.0, 2.0)
    reference = {}
    for spacing in (fine, (3.4, 2.0, 2.0), (2.0, 3.4, 2.0), (2.0, 2.0, 3.4)):
        hu, labels = chest(spacing)
        frame = Frame.around(hu.shape, spacing, 96)
        _, *masks = occupancy(labels, [1, 2])
        for view, path, stack in zip(("PA", "LL"), path_integrals(hu, spacing), masks, strict=True):
            picture, areas = frame.image(path, view), frame.masks(stack, view).sum(axis=(1, 2)) * frame.pixel_mm**2
            if spacing == fine:
                reference[view] = picture, areas
                continue
            error = picture - reference[view][0]
            assert np.sqrt((error**2).mean()) < 0.002 * reference[view][0].max()
            np.testing.assert_allclose(areas, reference[view][1], rtol=0.02)


def test_faults_are_named():
    with pytest.raises(CxrError, match="expected positive numbers"):
        Frame.around((1, 2, 3), (1, 1, 0), 4)
    frame = Frame.around((4, 5, 6), (1, 1, 1), 4)
    with pytest.raises(CxrError, match=r"PA of \(4, 5\) pixels; expected the volume's \(4, 6\)"):
        frame.image(np.zeros((4, 5)), "PA")
    with pytest.raises(CxrError, match="LL of"):
        frame.masks(np.zeros((1, 4, 6), np.uint8), "LL")
