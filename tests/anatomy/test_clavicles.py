"""Clavicles: the part that people draw, and nodes at its corners and at the border of the lung."""

import numpy as np
import pytest

from cxrfactory.anatomy.clavicles import END_MM, clavicle_landmarks, drawn_clavicle
from cxrfactory.anatomy.contour_features import outer_contour
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import ImageError

SIDE = 512
# A right clavicle that rises laterally: lateral end, upper and lower corner; medial end, upper and lower corner.
CORNERS = {22: (60, 120), 0: (75, 90), 9: (230, 130), 13: (220, 185)}
LUNG = ((110, 20), (250, 20), (250, 400), (110, 400))


def filled(points):
    return fill_contour(np.array(list(points), float), SIDE, SIDE)


def mirrored(mask):
    return np.ascontiguousarray(mask[:, ::-1])


@pytest.fixture
def bone():
    return filled(CORNERS.values())


def test_nodes_stand_at_the_corners_and_where_the_border_crosses_the_lung(bone):
    found = clavicle_landmarks("right_clavicle", bone, filled(LUNG))
    assert found.shape == (23, 2)
    for node, corner in CORNERS.items():
        assert np.hypot(*(found[node] - corner)) < 4, node
    assert found[[2, 20], 0] == pytest.approx([110, 110], abs=1.5)
    chain = outer_contour("right_clavicle", bone).chain
    assert np.hypot(*(found[:, None] - chain).transpose(2, 0, 1)).min(axis=1).max() < 0.75
    assert (np.diff(found[:10, 0]) > 0).all()
    assert (np.diff(found[13:, 0]) < 0).all()


def test_the_left_clavicle_is_the_mirrored_right_one(bone):
    right = clavicle_landmarks("right_clavicle", bone, filled(LUNG))
    left = clavicle_landmarks("left_clavicle", mirrored(bone), mirrored(filled(LUNG)))
    assert np.abs(left - np.array([SIDE - 1, 0]) - right * np.array([-1, 1])).max() < 2


def test_without_a_lung_the_nodes_keep_their_mean_places(bone):
    nothing = np.zeros_like(bone)
    found = clavicle_landmarks("right_clavicle", bone, nothing)
    with_lung = clavicle_landmarks("right_clavicle", bone, filled(LUNG))
    np.testing.assert_array_equal(found[[0, 9, 13, 22]], with_lung[[0, 9, 13, 22]])
    steps = np.hypot(*np.diff(found[:10], axis=0).T)
    assert steps[:2].sum() / steps.sum() == pytest.approx(0.147, abs=0.01)
    np.testing.assert_array_equal(found, clavicle_landmarks("right_clavicle", bone, np.ones_like(bone)))


def test_an_empty_mask_is_refused(bone):
    with pytest.raises(ImageError, match="right_clavicle mask is empty"):
        clavicle_landmarks("right_clavicle", np.zeros_like(bone), bone)


@pytest.mark.parametrize("pixel_mm", [0.5, 1.0])
def test_a_whole_clavicle_ends_a_little_outside_the_lung(pixel_mm):
    bone, lung = np.zeros((2, 100, 300), np.uint8)
    bone[40:60, 10:200] = 1
    lung[20:, 100:250] = 1
    found = drawn_clavicle("right_clavicle", bone, lung, pixel_mm)
    columns = np.flatnonzero(found.any(axis=0))
    assert (columns[0], columns[-1]) == (100 - int(END_MM / pixel_mm), 199)
    np.testing.assert_array_equal(found[:, columns[0] :], bone[:, columns[0] :])
    other = drawn_clavicle("left_clavicle", mirrored(bone), mirrored(lung), pixel_mm)
    np.testing.assert_array_equal(other, mirrored(found))


def test_medially_of_the_apex_and_without_a_lung_nothing_is_cut():
    bone, lung = np.zeros((2, 100, 300), np.uint8)
    bone[5:15, 120:200] = 1
    lung[60:, 50:150] = 1  # the apex is at column 99.5
    np.testing.assert_array_equal(drawn_clavicle("right_clavicle", bone, lung, 1.0), bone != 0)
    assert not drawn_clavicle("left_clavicle", bone, lung, 1.0).any()
    np.testing.assert_array_equal(drawn_clavicle("left_clavicle", bone, lung * 0, 1.0), bone != 0)


def test_held_out_expert_contours_come_back(real_data):
    from cxrfactory.train.mask_landmarks import read_cases

    annotated = [case for case in read_cases(real_data / "landmarks") if "left_clavicle" in case.landmarks]
    cases = [case for case in annotated if case.held_out]
    assert len(cases) == 47
    squares, overlaps, cut = [], [], []
    for case in cases:
        masks = case.masks()
        for organ, lung in (("right_clavicle", "right_lung"), ("left_clavicle", "left_lung")):
            true, mask = case.landmarks[organ], masks[organ]
            found = clavicle_landmarks(organ, mask, masks[lung])
            refilled = fill_contour(found, *mask.shape)
            squares.append(((found - true) ** 2).mean())
            overlaps.append(2 * (refilled & mask).sum() / (refilled.sum() + mask.sum()))
            kept = drawn_clavicle(organ, mask, masks[lung], 0.35)
            cut.append(kept.sum() / mask.sum())
    assert np.mean(squares) < 9
    assert np.mean(overlaps) > 0.994
    assert np.mean(cut) > 0.98  # what people drew is not cut again
