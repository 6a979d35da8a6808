"""The multi-atlas baseline as a segmenter: its weights are the atlases, images and landmarks.

So it is opened, evaluated and audited like any network. Nothing is trained, and it is slow: every image is registered
with its nearest atlases (:mod:`cxrfactory.models.baselines.multi_atlas`).
"""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.models.baselines.multi_atlas import MultiAtlas
from cxrfactory.models.inputs import to_fractions, to_pixels
from cxrfactory.models.networks import LandmarkNetwork
from cxrfactory.tables.weights import NetworkSettings

log = get_logger(__name__)

NEIGHBOURS = 5  # Gaggion et al., section 4.2.3


class AtlasSegmenter(LandmarkNetwork):
    """Image to the mean of its nearest atlases' landmarks.

    Parameters
    ----------
    graph
        Names the landmarks.
    input_size
        Side of the atlases, pixels; the registration's settings are for 256.
    atlases
        How many the weights hold.
    neighbours
        Atlases a prediction is the mean of.
    """

    def __init__(
        self, graph: LandmarkGraph, input_size: int = 256, atlases: int = 0, neighbours: int = NEIGHBOURS
    ) -> None:
        super().__init__()
        self.graph, self.input_size, self.neighbours = graph, input_size, neighbours
        self._library: MultiAtlas | None = None
        self.register_buffer("images", torch.zeros((atlases, input_size, input_size), dtype=torch.uint8))
        self.register_buffer("landmarks", torch.zeros((atlases, graph.nodes, 2)))

    def learn_atlases(self, images: UInt8[np.ndarray, "n s s"], targets: list[Float[np.ndarray, "m 2"]]) -> None:
        """Keep the images that annotate the whole graph.

        Parameters
        ----------
        images
            8-bit, at the input's side.
        targets
            (x, y) as fractions of the side, one array an image.
        """
        kept = [index for index, target in enumerate(targets) if len(target) == self.graph.nodes]
        self.images = torch.from_numpy(images[kept].copy())
        self.landmarks = torch.from_numpy(np.stack([targets[index] for index in kept]).astype(np.float32))
        self._library = None
        log.info("kept %d atlases of %d images; nothing is trained", len(kept), len(targets))

    def for_inference(self) -> "AtlasSegmenter":
        """Prepare all atlases for registration."""
        if not len(self.images):
            raise CxrError("multi-atlas: there is no atlas; make its weights with train --segmenter multi-atlas")
        points = to_pixels(self.landmarks.cpu().numpy().astype(np.float64), self.input_size)
        self._library = MultiAtlas(self.images.cpu().numpy(), points, self.neighbours)
        each = self._library.neighbours
        log.info("multi-atlas: %d atlases; each image is registered with %d: slow", len(points), each)
        return self.eval()

    def forward(self, image: Float[Tensor, "b 1 s s"]) -> tuple[Float[Tensor, "b n 2"], list[Tensor]]:
        """Positions as fractions of the side, and an empty list, as landmark networks answer.

        Raises
        ------
        ImageError
            If an image holds nothing to register, or no registration succeeds.
        """
        if self._library is None:
            self.for_inference()
        pixels = (image[:, 0] * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        found = [to_fractions(self._library.predict(each).landmarks, self.input_size) for each in pixels]
        return torch.from_numpy(np.stack(found).astype(np.float32)).to(image.device), []

    def settings(self) -> NetworkSettings:
        """What :func:`build` needs; part of the weights card."""
        return {
            "graph": self.graph.name,
            "input_size": self.input_size,
            "atlases": len(self.images),
            "neighbours": self.neighbours,
        }


def build(settings: NetworkSettings) -> AtlasSegmenter:
    """Make the segmenter; its atlases come with its weights, or from a training set.

    Raises
    ------
    CxrError
        If a setting is missing.
    """
    missing = [key for key in ("graph", "input_size") if key not in settings]
    if missing:
        raise CxrError(f"multi-atlas: settings {missing} are missing")
    return AtlasSegmenter(
        landmark_graph(settings["graph"]),
        int(settings["input_size"]),
        int(settings.get("atlases", 0)),
        int(settings.get("neighbours", NEIGHBOURS)),
    )
