"""Augmentation runs on the device of the batch and gives the same numbers there."""

import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import TrainConfig
from cxrfactory.train.data.anatomy import change_anatomy
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.augment import move, recolour
from cxrfactory.train.data.opacities import add_opacities
from cxrfactory.train.data.reshape import Reshaper
from tests.train.data.elsewhere import ELSEWHERE, Elsewhere, There

SIDE = 64
NAMES = ("right_lung", "left_lung", "heart", "right_whole_lung")
EVERYTHING = TrainConfig(
    rotation_degrees=10, scale=0.2, shift=0.1, appearance=0.6, elastic=0.03, anatomy=1.0, opacities=1.0
)


def ring(count, x, y, across, down):
    angles = np.arange(count) * 2 * np.pi / count
    return np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], 1)


def batch():
    """Four images: landmarks of all organs (two of them), drawn masks with ignored pixels, and nothing at all."""
    generator = torch.Generator().manual_seed(4)
    chest = np.concatenate([ring(44, 0.3, 0.45, 0.12, 0.25), ring(50, 0.7, 0.45, 0.12, 0.25),
                            ring(26, 0.55, 0.6, 0.12, 0.1)])  # fmt: skip
    points = torch.full((4, 120, 2), torch.nan)
    points[:2] = torch.from_numpy(chest).float()
    masks = torch.zeros(4, len(NAMES), SIDE, SIDE)
    masks[2, :, 16:44, 12:28], masks[2, 2, 30:50, 30:50] = 1, 0.75
    ignored = torch.zeros(masks.shape, dtype=torch.bool)
    ignored[2, 1, 20:24] = True
    drawn = torch.zeros(4, len(NAMES), dtype=torch.bool)
    drawn[2] = True
    images = torch.rand(4, 1, SIDE, SIDE, generator=generator)
    return images, Annotations(landmark_graph("lungs-heart"), points, NAMES, masks, ignored, drawn)


def augmented(images, annotations, reshape):
    generator = torch.Generator().manual_seed(11)
    images, annotations = reshape(images, annotations, generator)
    images, annotations = change_anatomy(images, annotations, EVERYTHING, generator)
    images, annotations = move(images, annotations, EVERYTHING, generator)
    images = add_opacities(images, annotations, EVERYTHING.opacities, generator)
    return recolour(images, EVERYTHING, generator), annotations, annotations.region_masks(4)


def test_a_batch_on_another_device_is_changed_there_and_alike():
    images, annotations = batch()
    reshape = Reshaper(annotations.points[:1].numpy().astype(np.float64) * [1.0, 0.9] + [0.0, 0.04])
    expected, wanted, filled = augmented(images, annotations, reshape)
    with Elsewhere():
        found, there, truth = augmented(images.to(ELSEWHERE), annotations.to(ELSEWHERE), reshape)
        parts = [found, there.points, there.masks, there.ignored, truth.masks, truth.valid, truth.known]
        assert all(isinstance(each, There) for each in parts)
        parts = [each.cpu() for each in parts]
    right = [expected, wanted.points, wanted.masks, wanted.ignored, filled.masks, filled.valid, filled.known]
    for one, other in zip(parts, right, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(expected, images)
    assert torch.equal(there.drawn, annotations.drawn)
    assert filled.known.any(1).tolist() == [True, True, True, False]


def test_the_stand_in_refuses_what_cuda_refuses():
    with Elsewhere():
        there = torch.ones(3).to(ELSEWHERE)
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(3)
        with pytest.raises(TypeError, match=r"\.cpu\(\)"):
            there.numpy()
        assert (there + torch.ones(())).cpu().tolist() == [2.0, 2.0, 2.0]
