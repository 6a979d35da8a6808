"""Codes of images in trained networks: the latent mean of a landmark network, the bottleneck of a pixel network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

Encode = Callable[[UInt8[np.ndarray, "s s"]], Float[np.ndarray, " features"]]


def encoder_of(weights: Path, device: str) -> Encode:
    """Return the function from a square 8-bit image to its code in a trained network.

    A landmark network gives the mean of the latent distribution. A pixel network gives its smallest feature map, the
    bottleneck, averaged over the map, so that the code does not say where something is.

    Raises
    ------
    CxrError
        If the weights are unreadable.
    """
    from cxrfactory.models.segmenter import Segmenter
    from cxrfactory.tables.weights import read_weights

    segmenter = Segmenter(*read_weights(weights), device=device, source=str(weights))
    if segmenter.graph is not None:
        return segmenter.latent_mean
    layer = _bottleneck(segmenter)
    kept: list[Any] = []
    layer.register_forward_hook(lambda module, given, answer: kept.append(answer))

    def encode(image: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, " features"]:
        kept.clear()
        segmenter(image, image.shape[0])
        return kept[-1][0].float().mean((1, 2)).cpu().numpy()

    return encode


def _bottleneck(segmenter: Any) -> Any:
    """Return the convolution whose map is smallest; of several, the last that runs."""
    from torch import nn

    ran: list[tuple[int, Any]] = []
    layers = [each for each in segmenter.network.modules() if isinstance(each, nn.Conv2d)]
    hooks = [
        each.register_forward_hook(lambda module, given, answer: ran.append((answer[0, 0].numel(), module)))
        for each in layers
    ]
    segmenter(np.zeros((64, 64), np.uint8), 64)
    for each in hooks:
        each.remove()
    least = min(size for size, _ in ran)
    return [module for size, module in ran if size == least][-1]
