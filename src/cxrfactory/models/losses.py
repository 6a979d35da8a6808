"""The training loss of HybridGNet: landmark error at every supervised stage, and the variational term."""

import torch
from jaxtyping import Float
from torch import Tensor


def kl_divergence(mu: Float[Tensor, "b latent"], logvar: Float[Tensor, "b latent"]) -> Float[Tensor, ""]:
    """KL divergence of the latent distribution from the unit Gaussian: mean over the code and over the batch."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).mean()


def landmark_loss(
    positions: Float[Tensor, "b n 2"],
    intermediate: list[Tensor],
    target: Float[Tensor, "b m 2"],
    pooling: Float[Tensor, "p n"],
) -> Float[Tensor, ""]:
    """Mean squared error of the output and of each intermediate stage, over the annotated nodes only.

    Parameters
    ----------
    positions
        Network output, fractions of the side.
    intermediate
        Positions of the skip connections, at half or at full node resolution.
    target
        Annotation of the first ``m <= n`` nodes: heterogeneous labels by indexing, as organs missing from a
        source are the last nodes of the graph and take no loss.
    pooling
        Pooling matrix of the graph.
    """
    nodes = target.shape[1]
    rows = pooling[:, :nodes].sum(dim=1) > 0.5  # coarse nodes that the annotation covers
    coarse_target = pooling[rows, :nodes] @ target
    loss = torch.nn.functional.mse_loss(positions[:, :nodes], target)
    for stage in intermediate:
        if stage.shape[1] == positions.shape[1]:
            loss = loss + torch.nn.functional.mse_loss(stage[:, :nodes], target)
        else:
            loss = loss + torch.nn.functional.mse_loss(stage[:, rows], coarse_target)
    return loss
