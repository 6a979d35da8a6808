"""What trainings of pixel networks share, whatever form their masks have."""

from dataclasses import dataclass

import torch
from torch import nn

from cxrfactory.config import TrainConfig


@dataclass(frozen=True)
class PixelNetworkTask:
    """Training of a pixel network.

    Attributes
    ----------
    organs
        Organs of the network.
    regions
        Region that each organ is by the network's definition.
    loss_name
        Name of the loss (:func:`cxrfactory.models.pixel.losses.pixel_loss`).
    """

    organs: tuple[str, ...]
    regions: tuple[str, ...]
    loss_name: str

    def start(self, network: nn.Module, train: object) -> None:
        """Do nothing: pixel networks learn nothing from the training set before the first step."""

    def trained(self, network: nn.Module) -> nn.Module:
        """Return the network itself."""
        return network

    def logits(
        self, network: nn.Module, images: torch.Tensor, settings: TrainConfig, generator: torch.Generator
    ) -> torch.Tensor:
        """Run the network on a batch ``[b, 1, h, w]`` in the precision of the training."""
        # Dropout uses the global stream. The epoch's stream seeds it here, so that a resumed run draws the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(0, 2**62, (1,), generator=generator)))
            with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                return network(images)
