"""Common base of all trained networks: weights on a device, and a check of the output."""

import numpy as np
from jaxtyping import Float, UInt8
from torch import nn

from cxrfactory.errors import ImageError
from cxrfactory.models.device import choose_device


class TrainedNetwork:
    """A network with its weights, on the device where it runs.

    Parameters
    ----------
    network
        A network that is ready for inference.
    device
        ``auto``, ``cpu`` or ``cuda``.
    source
        Name of the weights, for error messages.

    Attributes
    ----------
    parameters
        Number of trained parameters.

    Raises
    ------
    CxrError
        If the device is unknown or not available.
    """

    def __init__(self, network: nn.Module, device: str, source: str) -> None:
        self.device, self.source = choose_device(device), source
        self.network = network.to(self.device)
        self.parameters = sum(each.numel() for each in network.parameters())

    def check_finite(self, numbers: np.ndarray) -> None:
        """Reject an output of the network that contains infinities or NaN.

        Raises
        ------
        ImageError
            If a number is not finite.
        """
        if not np.isfinite(numbers).all():
            raise ImageError(f"{self.source}: the network's answer holds numbers that are not finite")


def logits_to_masks(logits: Float[np.ndarray, "o h w"], size: int) -> UInt8[np.ndarray, "o size size"]:
    """Enlarge logits linearly to ``size`` x ``size`` pixels, and return 1 where a logit is at least 0, else 0."""
    import cv2

    enlarged = [cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in logits]
    return np.stack([(each >= 0).astype(np.uint8) for each in enlarged])
