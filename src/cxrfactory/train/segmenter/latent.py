"""What trainings of networks with a latent code share: their start, their loss of the landmarks, and their metrics."""

import torch
from torch import nn

from cxrfactory.config import TrainConfig
from cxrfactory.models.losses import landmark_loss
from cxrfactory.models.networks import FitsShapes, LatentNetwork
from cxrfactory.train.data.images import LabelledImages, mean_shape
from cxrfactory.train.segmenter.validate import Metrics, predict, score


class LatentTask:
    """Training of a network that decodes landmarks from a latent code."""

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Set the mean shape or, for a network that fits shapes, the modes of shape."""
        if isinstance(network, FitsShapes):
            network.fit_shapes(list(train.targets))
            return
        with torch.no_grad():
            network.mean_shape.copy_(torch.from_numpy(mean_shape(train.targets)))

    def trained(self, network: nn.Module) -> nn.Module:
        """Return the network itself."""
        return network

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Compute the landmark MSE, and Dice, HD and HD95 of the filled contours."""
        return score(predict(network, val, device), val, distances)


def decoded_loss(
    network: LatentNetwork,
    positions: torch.Tensor,
    intermediate: list[torch.Tensor],
    target: torch.Tensor,
    settings: TrainConfig,
) -> torch.Tensor:
    """Sum the landmark errors of the last and of every intermediate stage, for one latent code per image.

    Parameters
    ----------
    network
        The network.
    positions, intermediate
        Answer of its ``decode``, ``[b, 1, nodes, 2]``.
    target
        True landmarks ``[b, nodes, 2]``; NaN where a node is not annotated.
    settings
        Settings of the training.
    """
    stages = [each[:, 0].float() for each in intermediate]
    contours = list(network.graph.slices.values()) if settings.landmark_loss == "contour" else []
    return landmark_loss(positions[:, 0].float(), stages, target, network.pooling, contours)
