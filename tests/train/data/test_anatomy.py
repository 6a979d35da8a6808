"""Bent images keep their annotations: what a landmark or a mask marked, it marks afterwards."""

import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import TrainConfig
from cxrfactory.train.data.anatomy import change_anatomy
from cxrfactory.train.data.annotations import Annotations

GRAPH = landmark_graph("lungs-heart")
SIDE = 128
NAMES = ("right_lung", "left_lung", "heart")
BENT = TrainConfig(elastic=0.03, anatomy=1.0)


def ring(count, x, y, across, down):
    angles = torch.arange(count) * 2 * torch.pi / count
    return torch.stack([x + across * torch.cos(angles), y + down * torch.sin(angles)], 1)


def chest(count=1):
    organs = [ring(44, 0.3, 0.45, 0.12, 0.25), ring(50, 0.7, 0.45, 0.12, 0.25), ring(26, 0.55, 0.6, 0.12, 0.1)]
    return torch.cat(organs).repeat(count, 1, 1)


def annotations(points, masks=None):
    count = len(points)
    blank = torch.zeros(count, 3, SIDE, SIDE)
    drawn = torch.full((count, 3), masks is not None)
    return Annotations(GRAPH, points, NAMES, blank if masks is None else masks, blank.bool(), drawn)


def blob(point):
    """A picture of one bright spot around a point, (x, y) as fractions of the side."""
    centres = (torch.arange(SIDE) + 0.5) / SIDE
    y, x = torch.meshgrid(centres - point[1], centres - point[0], indexing="ij")
    return torch.exp(-(x.square() + y.square()) / (2 * 0.012**2))


def centre_of(image):
    centres = (torch.arange(SIDE) + 0.5) / SIDE
    weight = image.clamp(min=0)
    return torch.stack([(weight.sum(0) * centres).sum(), (weight.sum(1) * centres).sum()]) / weight.sum()


@pytest.mark.parametrize("settings", [BENT, TrainConfig(elastic=0.03), TrainConfig(anatomy=1.0)])
@pytest.mark.parametrize("seed", range(3))
def test_a_marked_spot_ends_under_its_landmark(settings, seed):
    nodes = [5, 30, 60, 88, 100, 115]
    points = chest()
    # Each image of the batch shows one node's spot; the anatomy and the random stream are the same for all.
    for node in nodes:
        generator = torch.Generator().manual_seed(seed)
        image = blob(points[0, node])[None, None]
        bent, found = change_anatomy(image, annotations(points), settings, generator)
        apart = (centre_of(bent[0, 0]) - found.points[0, node]) * SIDE
        assert float(apart.norm()) < 0.6, node
        assert float((found.points - points).norm(dim=-1).max()) * SIDE > 1


def test_masks_move_with_the_image():
    points = chest(4)
    masks = annotations(points).region_masks(4).masks
    image = masks[:, 2:]
    bent, found = change_anatomy(image, annotations(points, masks), BENT, torch.Generator().manual_seed(0))
    inside = slice(8, -8)  # at the border, images repeat their pixels and masks end
    torch.testing.assert_close(found.masks[:, 2, inside, inside], bent[:, 0, inside, inside], atol=1e-5, rtol=0)
    refilled = annotations(found.points).region_masks(4).masks
    shared = 2 * (refilled * (found.masks > 0.5)).sum((2, 3)) / (refilled + (found.masks > 0.5)).sum((2, 3))
    assert float(shared.min()) > 0.97
    assert not torch.equal(found.masks, masks)


def test_images_without_landmarks_are_bent_by_their_masks_and_keep_unknown_landmarks():
    masks = annotations(chest()).region_masks(4).masks
    unknown = torch.full((1, 120, 2), torch.nan)
    settings = TrainConfig(anatomy=1.0)
    image = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    bent, found = change_anatomy(image, annotations(unknown, masks), settings, torch.Generator().manual_seed(0))
    assert bool(found.points.isnan().all())
    assert not torch.equal(bent, image)
    nothing = annotations(unknown)
    same, _ = change_anatomy(image, nothing, settings, torch.Generator().manual_seed(0))
    torch.testing.assert_close(same, image, atol=1e-4, rtol=0)  # nothing annotated: no organ to change


def test_landmarks_of_other_organs_may_be_unknown():
    points = chest(2)
    points[0, 94:] = torch.nan
    points[1, :94] = torch.nan
    _, found = change_anatomy(torch.rand(2, 1, SIDE, SIDE), annotations(points), BENT, torch.Generator().manual_seed(0))
    assert torch.equal(found.points.isnan(), points.isnan())


def test_without_changes_the_very_same_images_come_back():
    image, given = torch.rand(1, 1, SIDE, SIDE), annotations(chest())
    bent, found = change_anatomy(image, given, TrainConfig(), torch.Generator())
    assert bent is image
    assert found is given


def test_the_stream_decides_and_grey_values_stay_in_their_range():
    image = torch.rand(3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    first, second, third = (
        change_anatomy(image, annotations(chest(3)), BENT, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1].points, second[1].points)
    assert not torch.equal(first[0], third[0])
    assert 0 <= float(first[0].min()) <= float(first[0].max()) <= 1


def test_hearts_grow_more_often_than_they_shrink_and_bases_rise_more_often_than_they_sink():
    points = chest(40)
    image = torch.zeros(40, 1, SIDE, SIDE)
    settings = TrainConfig(anatomy=1.0)
    _, found = change_anatomy(image, annotations(points), settings, torch.Generator().manual_seed(0))
    width = (found.points[:, 94:, 0].amax(1) - found.points[:, 94:, 0].amin(1)).numpy()
    base = np.stack([found.points[:, part, 1].amax(1).numpy() for part in (slice(44), slice(44, 94))])
    assert (width > 0.24).mean() > 0.5
    assert 0.18 < width.min() < 0.24 < width.max() < 0.36
    moved = base - 0.7
    changed = np.take_along_axis(moved, np.abs(moved).argmax(0)[None], 0)[0]
    assert (changed < 0).mean() > 0.5
    assert -0.2 < changed.min() < 0 < changed.max() < 0.1
