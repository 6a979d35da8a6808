"""Any trained segmenter as one function: a square 8-bit image in, masks of its organs out.

A landmark network's latent mean is decoded and its contours are filled; a pixel network's logits are enlarged to the
frame and taken from 0 upwards (a probability of one half). Every image runs alone, on the CPU in one thread, so that no
neighbour and no number of cores changes a result.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import ImageError
from cxrfactory.models.device import choose_device, single_threaded
from cxrfactory.models.inputs import to_input, to_pixels
from cxrfactory.models.registry import segmenter_from_card

Masks = dict[str, UInt8[np.ndarray, "size size"]]


@dataclass(frozen=True)
class Segmentation:
    """What a segmenter finds in one image.

    Attributes
    ----------
    masks
        Organ to a mask of 0 and 1 in the frame that was asked for.
    landmarks
        (x, y) pixels of that frame, in the order of ``graph``; None for a pixel network.
    graph
        Names the landmarks; None for a pixel network.
    """

    masks: Masks
    landmarks: Float[np.ndarray, "nodes 2"] | None = None
    graph: LandmarkGraph | None = None


class Segmenter:
    """A trained network, landmarks or pixels, ready for images.

    Parameters
    ----------
    tensors, card
        As read by :func:`cxrfactory.tables.weights.read_weights`.
    device
        ``auto``, ``cpu`` or ``cuda``.
    source
        The weights' name, for errors.

    Raises
    ------
    CxrError
        If the weights do not fit their card, or the device is unknown.
    """

    def __init__(
        self, tensors: dict[str, np.ndarray], card: dict[str, Any], device: str = "cpu", source: str = "weights"
    ) -> None:
        network = segmenter_from_card(card, tensors, source).eval()
        self.network = network.for_inference() if hasattr(network, "for_inference") else network
        self.device, self.source = choose_device(device), source
        self.network.to(self.device)
        self.parameters = sum(each.numel() for each in self.network.parameters())

    @property
    def definition(self) -> str:
        """What its organs include, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`."""
        network = self.network
        return network.graph.definition if hasattr(network, "graph") else network.definition

    def __call__(self, image: UInt8[np.ndarray, "s s"], size: int) -> Segmentation:
        """Segment one square preprocessed image.

        Parameters
        ----------
        image
            8-bit.
        size
            Side of the frame of masks and landmarks, pixels.

        Raises
        ------
        ImageError
            If the network answers with numbers that are not finite.
        """
        tensor = torch.from_numpy(to_input(image, self.network.input_size))[None, None].to(self.device)
        with single_threaded(), torch.inference_mode():
            answer = self.network(tensor)
        if isinstance(answer, tuple):
            return self._from_landmarks(answer[0][0].float().cpu().numpy(), size)
        return self._from_logits(answer[0].float().cpu().numpy(), size)

    def _from_landmarks(self, fractions: Float[np.ndarray, "nodes 2"], size: int) -> Segmentation:
        self._check(fractions)
        graph = self.network.graph
        points = to_pixels(fractions.astype(np.float64), size)
        return Segmentation(landmarks_to_masks(points, graph, size, size), points, graph)

    def _from_logits(self, logits: Float[np.ndarray, "organs h w"], size: int) -> Segmentation:
        import cv2

        self._check(logits)
        enlarged = (cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in logits)
        organs = self.network.organs
        return Segmentation({organ: (each >= 0).astype(np.uint8) for organ, each in zip(organs, enlarged, strict=True)})

    def _check(self, numbers: np.ndarray) -> None:
        if not np.isfinite(numbers).all():
            raise ImageError(f"{self.source}: the network's answer holds numbers that are not finite")
