"""The training loss of landmark networks: the landmark error at every supervised stage, and the variational term."""

from collections.abc import Collection, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

ALONG = 0.2  # weight of the distance along the contour, relative to the distance across it
SCALE = 0.02  # scales distances to the size of the squared errors that they replace, relative to the other terms


def kl_divergence(mu: Float[Tensor, "b latent"], logvar: Float[Tensor, "b latent"]) -> Float[Tensor, ""]:
    """Compute the KL divergence of the latent distribution from the unit Gaussian, averaged over code and batch."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).mean()


def contour_error(
    found: Float[Tensor, "b n 2"], target: Float[Tensor, "b n 2"], contours: Iterable[slice]
) -> Float[Tensor, ""]:
    """Average the distance across the true contour plus a share of the distance along it, in 50ths of the side.

    The position of a landmark along the contour is an annotator's convention. On JSRT's validation images, errors along
    the contour were 1.5 to 1.9 times those across it, so squared errors mostly train what does not change the mask.
    To first order, Dice depends only on the distance across the contour.

    Parameters
    ----------
    found, target
        (x, y) as fractions of the side.
    contours
        Slice of the nodes of each closed contour. A contour is counted in the images that annotate all of its nodes
        (the target is a number there); without any, the error is 0.
    """
    parts = []
    for where in contours:
        there = target[:, where].isfinite().flatten(1).all(1)
        truth, error = target[there, where], found[there, where] - target[there, where]
        tangent = nn.functional.normalize(torch.roll(truth, -1, 1) - torch.roll(truth, 1, 1), dim=-1, eps=1e-6)
        along = (error * tangent).sum(-1)
        across = error[..., 1] * tangent[..., 0] - error[..., 0] * tangent[..., 1]
        parts.append((_distance(across) + ALONG * _distance(along)).flatten())
    together = torch.cat(parts)
    return SCALE * together.mean() if len(together) else target.new_zeros(())


def _distance(value: Tensor) -> Tensor:
    """Return the absolute value, smoothed below a thousandth of the side."""
    return (value.square() + 1e-6).sqrt() - 1e-3


def landmark_loss(
    positions: Float[Tensor, "b n 2"],
    intermediate: list[Tensor],
    target: Float[Tensor, "b m 2"],
    pooling: Float[Tensor, "p n"],
    contours: Collection[slice] = (),
) -> Float[Tensor, ""]:
    """Sum the mean errors of the output and of each intermediate stage, over the annotated nodes only.

    Parameters
    ----------
    positions
        Output of the network, as fractions of the side.
    intermediate
        Positions of the skip connections, at half or full node resolution.
    target
        Annotation of the first ``m <= n`` nodes, NaN where a node is not annotated. Nodes without annotation do not
        enter the loss, and a coarse node does only where all of its nodes are annotated.
    pooling
        Pooling matrix of the graph.
    contours
        Slices of the contours. Where given, errors at full resolution are those of :func:`contour_error`; otherwise
        all errors are squared, as published.
    """
    target = nn.functional.pad(target, (0, 0, 0, positions.shape[1] - target.shape[1]), value=torch.nan)
    there = target.isfinite().all(-1)
    coarse_there = (~there).to(pooling.dtype) @ pooling.T == 0
    coarse_target = pooling @ target.nan_to_num(0.0)
    loss = target.new_zeros(())
    for stage in (positions, *intermediate):
        if stage.shape[1] != positions.shape[1]:
            loss = loss + _squared(stage[coarse_there], coarse_target[coarse_there])
        elif contours:
            loss = loss + contour_error(stage, target, contours)
        else:
            loss = loss + _squared(stage[there], target[there])
    return loss


def _squared(found: Float[Tensor, "k 2"], target: Float[Tensor, "k 2"]) -> Float[Tensor, ""]:
    """Return the mean squared error, 0 where nothing is annotated."""
    return nn.functional.mse_loss(found, target) if len(found) else target.new_zeros(())
