"""Access to the networks for the public interface: weights by name or path, predictions, and published rows.

The other modules of this folder use the segmentation networks only through this module.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.infer.segment import Judge, Segmented
from cxrfactory.infer.segment import _row as command_row
from cxrfactory.infer.upright import Odds, check_upright, odds_of, turns_of
from cxrfactory.metrics.quality import Quality
from cxrfactory.models.segmenter import SampledLandmarks as Prediction
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import read_weights

View = UInt8[np.ndarray, "size size"]

# Public name of the weights in the package -> their name in configs and on the command line.
PRETRAINED_NAMES = {"lungs-heart": "pretrained", "whole-lungs": "pretrained-whole-lungs"}


def pretrained_weights(name: str) -> str:
    """Return the name of a set of package weights as used in configs and commands.

    Raises
    ------
    CxrError
        If the package has no weights of this name.
    """
    if name not in PRETRAINED_NAMES:
        raise CxrError(f"no pretrained weights '{name}'; expected one of {', '.join(PRETRAINED_NAMES)}")
    return PRETRAINED_NAMES[name]


class OpenedWeights:
    """A landmark network with its weights, ready for square 8-bit images.

    Parameters
    ----------
    weights
        A ``.safetensors`` file with its card beside it, or the name of package weights as used in configs.
    samples
        Number of latent samples for each image, 2 or more.
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
        """Yield one prediction for each view, in order; ``size`` is the side of the landmarks' frame, pixels."""
        return self._segmenter.run(views, size, batch_size, workers)

    def judge(
        self,
        reference: str | Path | None,
        compare: int,
        device: str,
        calibration: str | Path | None,
        flag_worst: float,
    ) -> Judge:
        """Return the judge of this network's predictions (:class:`cxrfactory.rca.judge.QualityJudge`)."""
        from cxrfactory.rca.judge import QualityJudge

        return QualityJudge(self._segmenter, self.card, reference, compare, device, calibration, flag_worst)


def published_line(
    image_id: str, geometry: Geometry, prediction: Prediction, graph: LandmarkGraph, quality: Quality | None
) -> str:
    """Return the line that the ``segment`` command writes for a prediction; without quality, RCA columns are empty.

    Raises
    ------
    ImageError
        If a landmark is not finite, or an organ covers no pixel.
    """
    return command_row(Segmented(image_id, geometry, prediction, quality), graph, None)


__all__ = [
    "PRETRAINED_NAMES",
    "Odds",
    "OpenedWeights",
    "Prediction",
    "check_upright",
    "odds_of",
    "pretrained_weights",
    "published_line",
    "turns_of",
]
