"""PCA baseline: HybridGNet's encoder estimates the coefficients of a point distribution model.

Gaggion et al. (IEEE TMI 2022), section 4.2.1. The latent code holds the coefficients in standard deviations of the
training shapes. The prior of the variational term, a unit Gaussian, is therefore the distribution of the shapes
themselves. Modes and mean are buffers: they are part of the weights and are not trained.
:meth:`PointDistribution.fit_shapes` must receive the training landmarks before the first training step.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.models.baselines.code_segmenter import CodeSegmenter
from cxrfactory.models.encoder import CHANNELS
from cxrfactory.tables.weights import NetworkSettings


class PointDistribution(CodeSegmenter):
    """Predict the coefficients of the principal modes of shape; the parameters are those of :class:`CodeSegmenter`.

    ``latent`` is the number of modes.
    """

    parts: ClassVar[Mapping[str, str]] = {"encoder": "encoder"}

    def __init__(
        self,
        graph: LandmarkGraph,
        input_size: int = 1024,
        latent: int = 64,
        channels: tuple[int, ...] = CHANNELS,
        normalise: str = "none",
    ) -> None:
        super().__init__(graph, input_size, latent, channels, normalise)
        if latent > 2 * graph.nodes:
            raise CxrError(f"model latent is {latent}; graph '{graph.name}' has at most {2 * graph.nodes} modes")
        # Each mode is scaled by its standard deviation: a code of ones is one standard deviation along every mode.
        self.register_buffer("modes", torch.zeros(latent, 2 * graph.nodes))

    @torch.no_grad()
    def fit_shapes(self, targets: list[Float[np.ndarray, "m 2"]]) -> None:
        """Set the mean and the modes from the training shapes that annotate every node.

        Parameters
        ----------
        targets
            Landmarks (x, y) as fractions of the side; NaN where a node is not annotated.
            Modes beyond the rank of the shapes stay zero.

        Raises
        ------
        CxrError
            If fewer than two shapes annotate the whole graph.
        """
        whole = [target for target in targets if len(target) == self.graph.nodes and np.isfinite(target).all()]
        if len(whole) < 2:
            raise CxrError(
                f"{len(whole)} training shapes annotate the graph '{self.graph.name}'; PCA needs two or more"
            )
        shapes = np.stack(whole).astype(np.float64).reshape(len(whole), -1)
        mean = shapes.mean(axis=0)
        _, values, rows = np.linalg.svd(shapes - mean, full_matrices=False)
        # The sign of a mode is arbitrary. It is chosen so that the mode's largest element is positive.
        rows *= np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])[:, None]
        scaled = rows * (values / np.sqrt(len(whole) - 1))[:, None]
        scaled[values < 1e-9 * values[0]] = 0
        count = min(self.latent, len(scaled))
        self.modes.zero_()
        self.modes[:count] = torch.from_numpy(scaled[:count]).float()
        self.mean_shape.copy_(torch.from_numpy(mean.reshape(-1, 2)))

    @torch.no_grad()
    def codes_of(self, positions: Float[Tensor, "*b n 2"]) -> Float[Tensor, "*b latent"]:
        """Compute the coefficients of shapes, in standard deviations; modes that were not fitted get zero."""
        offset = (positions - self.mean_shape).flatten(-2)
        variance = self.modes.square().sum(dim=1)
        return torch.where(variance > 0, (offset @ self.modes.T) / variance.clamp_min(1e-30), 0.0)

    def positions_of(self, z: Float[Tensor, "*b latent"]) -> Float[Tensor, "*b n 2"]:
        """Add the sum of the modes, weighted by the code, to the mean shape."""
        return self.mean_shape + (z @ self.modes).unflatten(-1, (self.graph.nodes, 2))


def build(settings: NetworkSettings) -> PointDistribution:
    """Make the network from its settings (:meth:`CodeSegmenter.settings`); other settings are ignored."""
    return PointDistribution(
        landmark_graph(settings["graph"]),
        input_size=int(settings["input_size"]),
        latent=int(settings["latent"]),
        channels=tuple(settings.get("channels", CHANNELS)),
        normalise=settings.get("normalise", "none"),
    )
