"""Training of a pixel network on masks of many regions, as bit planes (:mod:`cxrfactory.train.data.planes`)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.config import TrainConfig
from cxrfactory.models.pixel.losses import batch_dice_cross_entropy, pixel_loss
from cxrfactory.train.data.layers import LayeredImages
from cxrfactory.train.data.planes import PlaneMasks
from cxrfactory.train.segmenter.pixel import PixelNetworkTask
from cxrfactory.train.segmenter.validate import Metrics

MANY = 16  # number of regions above which masks are bit planes
BATCH = 8  # images of a step of validation


@dataclass(frozen=True)
class ManyRegionsTask(PixelNetworkTask):
    """Training of a pixel network on the masks of many regions, any of which may overlap."""

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        annotations: PlaneMasks,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Compute the configured loss over the regions that the batch annotates."""
        truth = annotations.to(images.device)
        logits = self.logits(network, images, settings, generator)
        loss = pixel_loss(self.loss_name)
        if loss is batch_dice_cross_entropy:
            return loss(logits, truth.planes, truth.known, truth.ignored)
        return loss(logits.float(), truth.masks().float(), truth.known, truth.valid())

    def metrics(self, network: nn.Module, val: LayeredImages, device: torch.device, distances: bool) -> Metrics:
        """Compute the Dice of each region at the size of the network's input.

        It is the mean over the images that annotate the region, without those in which neither mask has a pixel. With
        several views, each also has a mean of its own (``dice_pa``, ``dice_ll``). Distances are not computed.
        """
        scores = dices(network, val, device)
        found: Metrics = {}
        groups = {
            f"dice_{view.lower()}": np.array([one == view for one in val.views]) for view in sorted(set(val.views))
        }
        groups = {"dice": np.ones(len(scores), bool)} | (groups if len(groups) > 1 else {})
        for organ, column in zip(self.organs, scores.T, strict=True):
            values = {name: column[group & np.isfinite(column)] for name, group in groups.items()}
            means = {name: float(each.mean()) for name, each in values.items() if len(each)}
            if means:
                found[organ] = means
        return found


def dices(network: nn.Module, data: LayeredImages, device: torch.device) -> Float[np.ndarray, "n r"]:
    """Compute the Dice of each image and region; NaN where it is not annotated, or neither mask has a pixel."""
    was_training = network.training
    network.eval()
    parts = []
    for start in range(0, len(data.ids), BATCH):
        indices = np.arange(start, min(start + BATCH, len(data.ids)))
        images = torch.from_numpy(data.images[indices])[:, None].to(device, memory_format=torch.channels_last)
        with torch.inference_mode():
            answer = network(images.float() / 255) >= 0
            parts.append(_dices(answer, data.annotations(indices).to(device)).cpu().numpy())
    network.train(was_training)
    return np.concatenate(parts)


def _dices(answer: Tensor, truth: PlaneMasks) -> Float[Tensor, "b r"]:
    masks, valid = truth.masks(), truth.valid()
    if valid is not None:
        answer = answer & valid
    both, sizes = ((answer & masks).sum((2, 3)), answer.sum((2, 3)) + masks.sum((2, 3)))
    return torch.where(truth.known & (sizes > 0), 2 * both / sizes, torch.nan)
