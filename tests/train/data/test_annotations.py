import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.train.data.annotations import Annotations

LUNGS_HEART = landmark_graph("lungs-heart")
NAMES = ("right_lung", "heart")


def circle(count, x, y, radius):
    angles = 2 * np.pi * np.arange(count) / count
    return np.array([x, y]) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def annotations(points, masks=None, drawn=None, ignored=None, graph=LUNGS_HEART, names=NAMES, side=64):
    count = len(points)
    masks = torch.zeros(count, len(names), side, side) if masks is None else masks
    ignored = torch.zeros(masks.shape, dtype=torch.bool) if ignored is None else ignored
    drawn = torch.zeros(count, len(names), dtype=torch.bool) if drawn is None else drawn
    return Annotations(graph, torch.from_numpy(points), names, masks, ignored, drawn)


def test_masks_of_organs_that_a_source_does_not_annotate_are_unknown():
    points = np.random.default_rng(0).random((2, 120, 2))
    points[0, 94:] = np.nan  # lungs only
    points[1, :94] = np.nan  # heart only
    found = annotations(points).region_masks()
    assert found.known.tolist() == [[True, False], [False, True]]
    assert not found.masks[0, 1].any()
    assert found.masks[0, 0].any()
    assert found.valid.all()


def test_filled_masks_have_the_organs_area():
    points = np.full((1, 120, 2), np.nan)
    points[0, :44] = circle(44, 0.5, 0.5, 0.2)
    exact = 64**2 * 0.2**2 * 44 / 2 * np.sin(2 * np.pi / 44)
    fine, coarse = (int(annotations(points).region_masks(finer).masks.sum()) for finer in (16, 1))
    assert fine == pytest.approx(exact, rel=0.025)
    assert coarse > 1.04 * exact  # every pixel that the contour touches: why they are filled on a finer grid


def test_a_drawn_mask_counts_before_the_contour_and_an_empty_one_says_absent():
    points = np.tile(np.concatenate([circle(44, 0.3, 0.5, 0.2), circle(50, 0.7, 0.5, 0.2), circle(26, 0.5, 0.6, 0.1)]),
                     (2, 1, 1))  # fmt: skip
    masks = torch.zeros(2, 2, 64, 64)
    masks[0, 0, :10, :10] = 0.25
    drawn = torch.tensor([[True, False], [False, True]])
    found = annotations(points, masks, drawn).region_masks()
    assert found.known.all()
    assert torch.equal(found.masks[0, 0], masks[0, 0])  # shares stay shares
    assert not found.masks[1, 1].any()
    assert found.masks[1, 0, 32, 19] == 1  # filled
    assert found.masks[0, 1, 38, 32] == 1


def test_ignored_pixels_are_neither_inside_nor_valid():
    masks, ignored = torch.ones(1, 2, 64, 64), torch.zeros(1, 2, 64, 64, dtype=torch.bool)
    ignored[0, 1, 5] = True
    drawn = torch.ones(1, 2, dtype=torch.bool)
    found = annotations(np.full((1, 120, 2), np.nan), masks, drawn, ignored).region_masks()
    assert torch.equal(found.valid, ~ignored)
    assert not found.masks[0, 1, 5].any()


def test_contours_of_another_definition_fill_other_regions():
    points = np.concatenate([circle(44, 0.3, 0.5, 0.2), circle(50, 0.7, 0.5, 0.2)])[None]
    whole = landmark_graph("whole-lungs")
    names = ("right_lung", "right_whole_lung")
    found = annotations(points, graph=whole, names=names).region_masks()
    assert found.known.tolist() == [[False, True]]


def test_the_extent_holds_landmarks_and_what_is_drawn():
    points = np.full((2, 120, 2), np.nan)
    points[0, 3] = (0.9, 0.8)
    masks = torch.zeros(2, 2, 64, 64)
    masks[:, 1, 16:32, 8] = 1
    found = annotations(points, masks, torch.ones(2, 2, dtype=torch.bool)).extent()
    low, high = (each.numpy() for each in (found.nan_to_num(9).amin(1), found.nan_to_num(-9).amax(1)))
    np.testing.assert_allclose(low, [[8.5 / 64, 16.5 / 64]] * 2)
    np.testing.assert_allclose(high, [[0.9, 0.8], [8.5 / 64, 31.5 / 64]])
    assert Annotations.of_points(torch.from_numpy(points), LUNGS_HEART).extent().shape == (2, 120, 2)
