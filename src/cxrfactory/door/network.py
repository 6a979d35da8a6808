"""The one module of the door that knows the networks: weights by name or path, predictions of an image's views, and
what the ``segment`` command makes of them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.infer.segment import CLOCKWISE_DEGREES, Segmented
from cxrfactory.infer.segment import _check_upright as check_upright
from cxrfactory.infer.segment import _row as command_row
from cxrfactory.models.segmenter import SampledLandmarks as Prediction
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import read_weights

ORIENTATIONS = len(CLOCKWISE_DEGREES)
View = UInt8[np.ndarray, "size size"]

# What the door calls the weights that come with the package -> their name in configs and on the command line.
PRETRAINED_NAMES = {"lungs-heart": "pretrained", "whole-lungs": "pretrained-whole-lungs"}


def pretrained_weights(name: str) -> str:
    """Return the name that configs and commands use for weights of the package.

    Raises
    ------
    CxrError
        If there are no weights of that name.
    """
    if name not in PRETRAINED_NAMES:
        raise CxrError(f"no pretrained weights '{name}'; expected one of {', '.join(PRETRAINED_NAMES)}")
    return PRETRAINED_NAMES[name]


class OpenedWeights:
    """A landmark network with its weights, ready for square 8-bit images.

    Parameters
    ----------
    weights
        A ``.safetensors`` file with its card beside it, or a name that configs use for weights of the package.
    samples
        Latent samples an image, 2 or more.
    precision
        ``fp32``, or ``bf16`` for the convolutions.
    device
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    CxrError
        If the weights are missing, damaged or not those of a landmark network, or a setting is unknown.
    """

    def __init__(self, weights: str | Path, samples: int, precision: str, device: str) -> None:
        tensors, self.card = read_weights(weights)
        self._segmenter = Segmenter(tensors, self.card, device, str(weights), samples, precision)
        self.graph: LandmarkGraph = self._segmenter.graph

    def run(
        self, views: Iterable[tuple[str, View]], size: int, batch_size: int, workers: int
    ) -> Iterator[tuple[str, Prediction]]:
        """Yield one prediction a view, in the order of the views; ``size`` is the side of the landmarks' frame."""
        return self._segmenter.run(views, size, batch_size, workers)


def published_line(image_id: str, geometry: Geometry, prediction: Prediction, graph: LandmarkGraph) -> str:
    """Return the line that the ``segment`` command writes for a prediction, RCA columns empty.

    Raises
    ------
    ImageError
        If a landmark is not finite, or an organ covers no pixel.
    """
    return command_row(Segmented(image_id, geometry, prediction), graph, None)


__all__ = [
    "ORIENTATIONS",
    "PRETRAINED_NAMES",
    "OpenedWeights",
    "Prediction",
    "check_upright",
    "pretrained_weights",
    "published_line",
]
