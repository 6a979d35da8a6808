"""Axis orders and flips, obliquity, shear, layouts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.volume.orientation import (
    AxisOrder,
    VolumeLayout,
    axis_order,
    canonical_affine,
    obliquity_degrees,
    split_affine,
    to_canonical,
)
from tests.imaging import ct_files


def turn(degrees, axis=2):
    """Rotation about a world axis."""
    a, b = [other for other in range(3) if other != axis]
    matrix = np.eye(3)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


@pytest.mark.parametrize(("order", "flipped"), ct_files.ORDERS)
@pytest.mark.parametrize("memory", ["F", "C"])
def test_every_order_and_flip_comes_back(order, flipped, memory):
    hu = ct_files.chest()
    values, affine = ct_files.stored(hu, order, flipped)
    direction, _ = split_affine(affine)
    found = axis_order(direction)
    assert found == AxisOrder(order, flipped)
    assert obliquity_degrees(direction) == 0
    np.testing.assert_allclose(canonical_affine(affine, values.shape, found), ct_files.canonical_affine())
    canonical = to_canonical(np.array(values, order=memory), found)
    np.testing.assert_array_equal(canonical, hu)
    assert canonical.flags.c_contiguous


@pytest.mark.parametrize("flipped", [(True, True, False), (True, False, True), (False, False, True)])
def test_the_usual_axes_are_flipped_in_place(flipped):
    values, _ = ct_files.stored(ct_files.chest((5, 4, 3)), (0, 1, 2), flipped)
    values = np.asfortranarray(values)
    assert np.shares_memory(to_canonical(values, AxisOrder((0, 1, 2), flipped)), values)


@given(degrees=st.floats(-44, 44), axis=st.integers(0, 2), place=st.integers(0, 47))
def test_obliquity_is_the_angle_of_rotation(degrees, axis, place):
    order, flipped = ct_files.ORDERS[place]
    _, affine = ct_files.stored(ct_files.chest(), order, flipped)
    direction, _ = split_affine(affine)
    turned = turn(degrees, axis) @ direction
    assert axis_order(turned) == AxisOrder(order, flipped)
    assert obliquity_degrees(turned) == pytest.approx(abs(degrees), abs=1e-9)


def test_at_45_degrees_the_order_is_still_an_order():
    order = axis_order(turn(45, 0) @ turn(45, 1))
    assert sorted(order.source) == [0, 1, 2]


def test_shear_is_refused_and_rotation_is_not():
    affine = np.eye(4)
    affine[:3, :3] = turn(20, 0) @ np.diag([0.7, 0.7, 2.5])
    np.testing.assert_allclose(split_affine(affine)[1], [0.7, 0.7, 2.5])
    affine = np.diag([0.7, 0.7, 2.5, 1])
    affine[1, 2] = 2.5 * np.tan(np.radians(12))
    with pytest.raises(ImageError, match=r"sheared by 12\.00 degrees \(a gantry tilt\?\)"):
        split_affine(affine)
    affine[1, 2] = 2.5 * np.tan(np.radians(0.05))
    split_affine(affine)


def test_spacing_and_numbers_must_be_sound():
    with pytest.raises(ImageError, match=r"voxel spacing 1 x 0 x 1 mm; expected three positive"):
        split_affine(np.diag([1.0, 0, 1, 1]))
    with pytest.raises(ImageError, match="NaN or infinity"):
        split_affine(np.diag([1.0, np.nan, 1, 1]))


def test_layout_gives_the_affine_of_its_letters():
    np.testing.assert_array_equal(
        VolumeLayout((3, 1, 2), "sLp").affine(), [[0, -1, 0, 0], [0, 0, -2, 0], [3, 0, 0, 0], [0, 0, 0, 1]]
    )


@pytest.mark.parametrize("axes", ["RA", "RAR", "RLS", "XYZ", "RASS"])
def test_wrong_letters_are_refused(axes):
    with pytest.raises(CxrError, match=f"layout axes '{axes}'; expected one of each"):
        VolumeLayout((1, 1, 1), axes)


@pytest.mark.parametrize("spacing", [(1, 1), (1, 0, 1), (1, -1, 1), (1, float("nan"), 1)])
def test_wrong_layout_spacing_is_refused(spacing):
    with pytest.raises(CxrError, match="layout spacing"):
        VolumeLayout(spacing, "RAS")
