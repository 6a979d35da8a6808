"""Batches of what the network reads, sampled from the pictures of cases."""

from collections.abc import Sequence

import numpy as np
import torch

from cxrfactory.models.hybridvnet.frame import Frame
from cxrfactory.models.hybridvnet.network import Inputs, NetworkSettings
from cxrfactory.models.hybridvnet.pictures import HeartPictures
from cxrfactory.models.hybridvnet.sampling import PLANE_FACTS, sample_plane, sample_stack

Sampled = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # fields of Inputs for one case


def sample(pictures: HeartPictures, frame: Frame, settings: NetworkSettings) -> Sampled:
    """Sample the stack and the views of a case in a frame; missing views are zeros."""
    stack = sample_stack(pictures, frame, settings.sampled)
    side = settings.finer * settings.plane_side
    planes = np.zeros((len(settings.views), 2, side, side), np.float32)
    facts = np.zeros((len(settings.views), PLANE_FACTS), np.float32)
    present = np.zeros(len(settings.views), bool)
    for place, view in enumerate(settings.views):
        if view in pictures.long_axis:
            plane = pictures.long_axis[view]
            planes[place], facts[place] = sample_plane(plane, frame, side, view, settings.plane_mm)
            present[place] = True
    return stack, planes, facts, present


def collated(sampled: Sequence[Sampled]) -> Inputs:
    """Return sampled cases as a batch."""
    return Inputs(*(torch.from_numpy(np.stack(each)) for each in zip(*sampled, strict=True)))
