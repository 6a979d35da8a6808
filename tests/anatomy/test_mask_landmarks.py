"""Masks to landmarks by the contour model: slow reference, drawn chests, held-out expert contours."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.anatomy.clavicles import clavicle_landmarks
from cxrfactory.anatomy.contour_features import FEATURES, SAMPLES, outer_contour
from cxrfactory.anatomy.mask_landmarks import (
    DILATIONS,
    KERNEL,
    ORGANS,
    contour_models,
    landmarks_from_masks,
    models_from_arrays,
    node_places,
)
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import CxrError, ImageError

COUNTS = {"right_lung": 44, "left_lung": 50, "heart": 26}
SHAPES = {
    "right_lung": [
        (390, 130), (250, 240), (180, 420), (150, 810), (260, 710), (405, 695), (410, 560), (465, 260), (440, 150),
    ],
    "left_lung": [
        (650, 130), (780, 220), (850, 480), (880, 830), (800, 750), (735, 735), (730, 640), (615, 420),
        (600, 370), (612, 320), (560, 270), (560, 200), (600, 135),
    ],
    "heart": [(400, 705), (388, 620), (425, 490), (625, 460), (780, 690), (765, 745), (600, 772)],
}  # fmt: skip


def chest(scale=1.0, shift=(0, 0), side=1024):
    masks = {}
    for organ, points in SHAPES.items():
        moved = (np.array(points, float) - 512) * scale + 512 * side / 1024 + shift
        masks[organ] = fill_contour(moved, side, side)
    return masks


def found_by_organ(masks):
    points = landmarks_from_masks(masks["right_lung"], masks["left_lung"], masks.get("heart"))
    start, found = 0, {}
    for organ in masks:
        found[organ] = points[start : start + COUNTS[organ]]
        start += COUNTS[organ]
    assert start == len(points)
    return found


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_every_node_lies_on_the_border_and_refills_the_mask():
    masks = chest()
    for organ, points in found_by_organ(masks).items():
        chain = outer_contour(organ, masks[organ]).chain
        assert np.hypot(*(points[:, None] - chain).transpose(2, 0, 1)).min(axis=1).max() <= 0.75
        assert dice(masks[organ], fill_contour(points, 1024, 1024)) > 0.98


def test_anchors_stand_on_the_corners():
    found = found_by_organ(chest())
    for organ, node, corner in [
        ("right_lung", 0, (390, 130)), ("right_lung", 21, (150, 810)), ("right_lung", 29, (405, 695)),
        ("left_lung", 21, (880, 830)), ("heart", 0, (400, 705)),
    ]:  # fmt: skip
        assert np.hypot(*(found[organ][node] - corner)) < 30, (organ, node, found[organ][node])


@given(scale=st.floats(0.5, 0.95), shift=st.tuples(st.integers(-60, 60), st.integers(-60, 60)))
@settings(max_examples=8, deadline=None)
def test_follows_shift_and_scale(scale, shift):
    before = landmarks_from_masks(*chest().values())
    after = landmarks_from_masks(*chest(scale, shift).values())
    error = np.hypot(*(after - ((before - 512) * scale + 512 + shift)).T)
    assert error.mean() < 3


def test_a_smaller_picture_gives_the_same():
    before = landmarks_from_masks(*chest().values())
    after = landmarks_from_masks(*chest(0.25, side=256).values())
    assert np.hypot(*(after * 4 + 2 - before).T).mean() < 6


def test_holes_and_specks_change_nothing():
    masks = chest()
    spoilt = {organ: mask.copy() for organ, mask in masks.items()}
    for organ, mask in spoilt.items():
        middle = np.argwhere(cv2.erode(mask, np.ones((31, 31))) > 0)[0]
        mask[middle[0] : middle[0] + 8, middle[1] : middle[1] + 8] = 0
        mask[2:12, 2:12] = 1
        assert not np.array_equal(mask, masks[organ])
    np.testing.assert_array_equal(landmarks_from_masks(*spoilt.values()), landmarks_from_masks(*masks.values()))


def test_values_do_not_matter_and_nothing_is_written_to_the_masks():
    masks = chest()
    grey = {organ: mask * np.uint8(200) for organ, mask in masks.items()}
    for mask in grey.values():
        mask.setflags(write=False)
    np.testing.assert_array_equal(landmarks_from_masks(*grey.values()), landmarks_from_masks(*masks.values()))


@pytest.mark.parametrize("empty", [True, False])
def test_without_a_heart_the_lungs_are_found(empty):
    masks = chest()
    lungs = landmarks_from_masks(masks["right_lung"], masks["left_lung"], masks["heart"] * 0 if empty else None)
    assert lungs.shape == (94, 2)
    assert np.hypot(*(lungs - landmarks_from_masks(*masks.values())[:94]).T).mean() < 10


def test_clavicles_follow_lungs_and_heart():
    masks = chest()
    ends = [((190, 230), (440, 280)), ((850, 220), (580, 280))]
    bones = [cv2.line(masks["heart"] * 0, start, end, 1, 40) for start, end in ends]
    found = landmarks_from_masks(*masks.values(), *bones)
    assert found.shape == (166, 2)
    np.testing.assert_array_equal(found[:120], landmarks_from_masks(*masks.values()))
    lungs = masks["right_lung"] | masks["left_lung"]
    for start, organ, bone in zip((120, 143), ("right_clavicle", "left_clavicle"), bones, strict=True):
        np.testing.assert_array_equal(found[start : start + 23], clavicle_landmarks(organ, bone, lungs))


def test_clavicles_need_each_other_and_the_heart():
    masks = chest()
    bone = masks["heart"]
    with pytest.raises(CxrError, match="clavicles as a pair"):
        landmarks_from_masks(*masks.values(), bone)
    with pytest.raises(CxrError, match="beside lungs and heart"):
        landmarks_from_masks(masks["right_lung"], masks["left_lung"], None, bone, bone)


def test_errors_are_one_line():
    masks = chest()
    nothing = np.zeros((1024, 1024), np.uint8)
    with pytest.raises(CxrError, match="different shapes"):
        landmarks_from_masks(masks["right_lung"], masks["left_lung"][:100])
    with pytest.raises(ImageError, match="left_lung mask covers 0 pixels"):
        landmarks_from_masks(masks["right_lung"], nothing)
    with pytest.raises(ImageError, match="exchange the two"):
        landmarks_from_masks(masks["left_lung"], masks["right_lung"])


def test_logits_are_those_of_the_plain_sum():
    model = contour_models()["heart"]
    seen = np.random.default_rng(0).normal(size=(SAMPLES, FEATURES))
    x = np.maximum(seen @ model.first + model.first_bias, 0)
    for dilation, matrix, bias in zip(DILATIONS, model.blocks, model.block_biases, strict=True):
        weights = matrix.reshape(KERNEL, -1, matrix.shape[1])
        added = np.empty_like(x)
        for place in range(SAMPLES):
            total = bias.copy()
            for tap in range(KERNEL):
                total = total + x[(place + (tap - KERNEL // 2) * dilation) % SAMPLES] @ weights[tap]
            added[place] = np.maximum(total, 0)
        x = x + added
    np.testing.assert_allclose(model.logits(seen), x @ model.last + model.last_bias, rtol=1e-9, atol=1e-9)


@given(start=st.floats(0, SAMPLES), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_places_of_sharp_distributions_come_back(start, seed):
    rng = np.random.default_rng(seed)
    fractions = np.arange(26) / 26
    true = np.sort(start + (fractions + rng.uniform(0, 0.015, 26)) * SAMPLES)
    away = np.arange(SAMPLES)[:, None] - true
    away -= SAMPLES * np.round(away / SAMPLES)
    found = node_places(-0.5 * (away / 1.5) ** 2, fractions)
    error = found - true
    np.testing.assert_allclose(error - SAMPLES * np.round(error / SAMPLES), 0, atol=1e-3)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_places_keep_their_order_whatever_the_logits(seed):
    logits = np.random.default_rng(seed).normal(0, 4, (SAMPLES, 44))
    found = node_places(logits, np.arange(44) / 44)
    assert (np.diff(found) >= -1e-9).all()
    assert found[-1] - found[0] <= SAMPLES + 1e-9


def test_models_say_what_is_wrong_with_their_arrays():
    with pytest.raises(CxrError, match=r"x\.npz: array 'right_lung.first' has shape none"):
        models_from_arrays({}, "x.npz")


def test_the_package_has_a_model_of_every_organ():
    assert tuple(contour_models()) == ORGANS
    for organ, model in contour_models().items():
        assert len(model.fractions) == COUNTS[organ]
        assert model.fractions[0] == 0
        assert (np.diff(model.fractions) > 0).all()


def test_held_out_expert_contours_come_back(real_data):
    from cxrfactory.train.mask_landmarks import read_cases

    cases = [case for case in read_cases(real_data / "landmarks") if case.held_out]
    assert len(cases) > 100
    squares, overlaps = [], []
    for case in cases[::4]:
        masks = case.masks()
        truth = np.concatenate(list(case.landmarks.values()))
        found = landmarks_from_masks(**masks)
        squares.append(((found - truth) ** 2).mean())
        start = 0
        for organ, points in case.landmarks.items():
            refilled = fill_contour(found[start : start + len(points)], 1024, 1024)
            overlaps.append(dice(refilled, masks[organ]))
            start += len(points)
    assert np.mean(squares) < 55
    assert np.mean(overlaps) > 0.991
