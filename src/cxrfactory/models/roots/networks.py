"""The networks that find roots, by name: how they are built, and what tiling must know about them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from cxrfactory.errors import CxrError
from cxrfactory.models.roots.deeplab import DeepLab
from cxrfactory.models.roots.segnet import SegNet
from cxrfactory.models.roots.unet import DSResUNet, ResUNet, UNet
from cxrfactory.tables.weights import read_weights, weights_file


@dataclass(frozen=True)
class RootNetwork:
    """One kind of network.

    Attributes
    ----------
    make
        Builds it with random weights.
    parameters
        Published number of trained parameters.
    stride
        Sides of pictures must be multiples of this.
    reach
        A pixel's answer depends on pixels up to this far away, in pixels, a multiple of ``stride``; None: on all.
    weight_decay
        The paper's, for training.
    """

    make: Callable[[], nn.Module]
    parameters: int
    stride: int
    reach: int | None
    weight_decay: float


class TrainedNetwork(NamedTuple):
    """A trained network, ready for inference.

    Attributes
    ----------
    name
        Name of the network.
    network
        The network in evaluation mode.
    shrink
        How many times smaller the pictures were that it learned from; those that it sees are shrunk alike.
    """

    name: str
    network: nn.Module
    shrink: int


NETWORKS = {
    "unet": RootNetwork(UNet, 488_212, 8, 64, 1e-8),
    "resunet": RootNetwork(ResUNet, 505_046, 8, 64, 1e-8),
    "ds-resunet": RootNetwork(DSResUNet, 532_336, 8, 80, 1e-8),
    "segnet": RootNetwork(SegNet, 29_460_450, 32, 256, 1e-10),
    "deeplabv3": RootNetwork(DeepLab, 58_009_410, 8, None, 1e-9),
}
NORMALISATION = "local contrast of 8-bit grey (cxrfactory.models.roots.normalise)"


def network_of(name: str) -> RootNetwork:
    """Return the facts of a network.

    Raises
    ------
    CxrError
        If there is no network of this name.
    """
    if name not in NETWORKS:
        raise CxrError(f"there is no network of roots named '{name}'; expected one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def build(name: str) -> nn.Module:
    """Build a network with random weights from torch's random stream.

    Returns
    -------
    Network from normalised pictures ``[n, 1, h, w]``, float32, to logits ``[n, 1, h, w]``; in training mode, a
    ``ds-resunet`` returns two such arrays, the final one first.

    Raises
    ------
    CxrError
        If there is no network of this name, or it has not the published number of parameters.
    """
    known = network_of(name)
    network = known.make()
    count = sum(each.numel() for each in network.parameters())
    if count != known.parameters:
        raise CxrError(f"network '{name}' has {count} parameters; expected the published {known.parameters}")
    return network


def read_network(weights: str | Path, device: torch.device) -> TrainedNetwork:
    """Read trained weights for inference, with normalisations folded into convolutions where that is possible.

    Parameters
    ----------
    weights
        Weights (``.safetensors``) with their card beside them.
    device
        Device of the network.

    Returns
    -------
    The network with its name and the scale of its pictures.

    Raises
    ------
    CxrError
        If the files cannot be read, or are not the weights of a network of roots.
    """
    tensors, card = read_weights(weights)
    name, path = str(card["segmenter"]), weights_file(weights)
    if name not in NETWORKS:
        raise CxrError(f"{path}: weights of '{name}'; expected a network of roots: {', '.join(NETWORKS)}")
    network = build(name)
    try:
        network.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in tensors.items()})
    except RuntimeError as error:
        raise CxrError(f"{path}: its tensors do not fit the network '{name}' of its card") from error
    fold(network.eval())
    shrink = int(card["settings"].get("shrink", 1))
    return TrainedNetwork(name, network.to(device, memory_format=torch.channels_last), shrink)


def fold(network: nn.Module) -> None:
    """Put the batch normalisations of a network in evaluation mode into its convolutions, in place.

    Results differ from the unfolded network's by rounding only.
    """
    for module in list(network.modules()):
        if callable(getattr(module, "fold", None)):
            module.fold()
