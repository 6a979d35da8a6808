"""The multi-atlas baseline as a segmenter whose weights are the atlases: images and landmarks.

It is therefore opened, evaluated and audited like any network. Nothing is trained. Inference is slow, because every
image is registered with its nearest atlases (:mod:`cxrfactory.models.baselines.multi_atlas`).
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
    """Predict the mean of the landmarks that the nearest atlases transfer to an image.

    Parameters
    ----------
    graph
        Landmark graph that names the landmarks.
    input_size
        Side of the atlases, in pixels; the registration's settings are made for 256.
    atlases
        Number of atlases that the weights hold.
    neighbours
        Number of atlases whose landmarks a prediction averages.
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
        """Keep the images whose landmarks cover the whole graph.

        Parameters
        ----------
        images
            8-bit images at the side of the input.
        targets
            Landmarks (x, y) as fractions of the side, one array per image; NaN where a node is not annotated.

        Raises
        ------
        CxrError
            If no image annotates the whole graph.
        """
        whole = [len(target) == self.graph.nodes and bool(np.isfinite(target).all()) for target in targets]
        kept = np.flatnonzero(whole)
        if not len(kept):
            raise CxrError(f"none of {len(targets)} images annotates all of the graph '{self.graph.name}'")
        self.images = torch.from_numpy(images[kept].copy())
        self.landmarks = torch.from_numpy(np.stack([targets[index] for index in kept]).astype(np.float32))
        self._library = None
        log.info("kept %d atlases of %d images; nothing is trained", len(kept), len(targets))

    def for_inference(self) -> "AtlasSegmenter":
        """Prepare all atlases for registration, and return the segmenter in evaluation mode.

        Raises
        ------
        CxrError
            If there is no atlas.
        """
        if not len(self.images):
            raise CxrError("multi-atlas: there is no atlas; make its weights with train --segmenter multi-atlas")
        points = to_pixels(self.landmarks.cpu().numpy().astype(np.float64), self.input_size)
        self._library = MultiAtlas(self.images.cpu().numpy(), points, self.neighbours)
        each = self._library.neighbours
        log.info("multi-atlas: %d atlases; each image is registered with %d: slow", len(points), each)
        return self.eval()

    def forward(self, image: Float[Tensor, "b 1 s s"]) -> tuple[Float[Tensor, "b n 2"], list[Tensor]]:
        """Return positions (x, y) as fractions of the side, and an empty list, as other landmark networks do.

        Raises
        ------
        ImageError
            If an image has no content to register, or no registration succeeds.
        """
        if self._library is None:
            self.for_inference()
        pixels = (image[:, 0] * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        found = [to_fractions(self._library.predict(each).landmarks, self.input_size) for each in pixels]
        return torch.from_numpy(np.stack(found).astype(np.float32)).to(image.device), []

    def settings(self) -> NetworkSettings:
        """Return what :func:`build` needs to make this segmenter again; it is part of the weights card."""
        return {
            "graph": self.graph.name,
            "input_size": self.input_size,
            "atlases": len(self.images),
            "neighbours": self.neighbours,
        }


def build(settings: NetworkSettings) -> AtlasSegmenter:
    """Make the segmenter; its atlases come with its weights or from a training set.

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
