"""Training of a network with a dense head and a landmark head: both learn from landmarks and drawn masks together."""

from dataclasses import dataclass

import torch
from torch import nn

from cxrfactory.config import TrainConfig
from cxrfactory.models.losses import kl_divergence
from cxrfactory.models.pixel.losses import dice_cross_entropy
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.images import FINE
from cxrfactory.train.segmenter.latent import LatentTask, decoded_loss

# The landmark loss is small because distances are shares of the side. The sum is scaled so that the limit of the
# gradient and the optimiser's smallest divisor are of the right size for it.
SCALE = 1000.0


@dataclass(frozen=True)
class JointTask(LatentTask):
    """Training of both heads: landmark errors of every stage, the variational term, and the loss of the dense head.

    An image that annotates some of the regions, by landmarks or by drawn masks, trains the heads on these alone.

    Attributes
    ----------
    regions
        Regions of the dense head, in its order.
    """

    regions: tuple[str, ...]

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        annotations: Annotations,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Sum the losses of the heads and the divergence of the code from its prior."""
        noise = torch.randn(len(images), network.latent, generator=generator).to(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            encoded = network.encode(images)
            code = encoded.code(noise)
            logits = network.dense_answer(encoded, code)
        positions, intermediate = network.decode(encoded, code.unsqueeze(1))
        target = annotations.points.to(images.device)
        loss = settings.kl_weight * kl_divergence(encoded.mu, encoded.logvar)
        if torch.isfinite(target).any():
            loss = loss + decoded_loss(network, positions, intermediate, target, settings)
        truth = annotations.region_masks(max(1, FINE // images.shape[-1])).to(images.device)
        if truth.known.any():
            step = images.shape[-1] // logits.shape[-1]
            masks = nn.functional.avg_pool2d(truth.masks, step)
            valid = None if truth.valid.all() else nn.functional.avg_pool2d(truth.valid.float(), step) == 1
            loss = loss + settings.dense_weight * dice_cross_entropy(logits.float(), masks, truth.known, valid)
        return SCALE * loss
