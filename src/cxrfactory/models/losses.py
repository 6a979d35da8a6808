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
        Slice of the nodes of each closed contour; only contours within ``target`` are counted.
    """
    parts = []
    for where in contours:
        if where.stop > target.shape[1]:
            continue
        truth, error = target[:, where], found[:, where] - target[:, where]
        tangent = nn.functional.normalize(torch.roll(truth, -1, 1) - torch.roll(truth, 1, 1), dim=-1, eps=1e-6)
        along = (error * tangent).sum(-1)
        across = error[..., 1] * tangent[..., 0] - error[..., 0] * tangent[..., 1]
        parts.append(_distance(across) + ALONG * _distance(along))
    return SCALE * torch.cat(parts, dim=1).mean()


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
        Annotation of the first ``m <= n`` nodes. Heterogeneous labels need no mask: the organs that a source may lack
        are the last nodes of the graph, and nodes from ``m`` on do not enter the loss.
    pooling
        Pooling matrix of the graph.
    contours
        Slices of the contours. Where given, errors at full resolution are those of :func:`contour_error`; otherwise
        all errors are squared, as published.
    """
    nodes = target.shape[1]
    rows = pooling[:, :nodes].sum(dim=1) > 0.5  # coarse nodes that the annotation covers
    coarse_target = pooling[rows, :nodes] @ target
    loss = target.new_zeros(())
    for stage in (positions, *intermediate):
        if stage.shape[1] != positions.shape[1]:
            loss = loss + nn.functional.mse_loss(stage[:, rows], coarse_target)
        elif contours:
            loss = loss + contour_error(stage[:, :nodes], target, contours)
        else:
            loss = loss + nn.functional.mse_loss(stage[:, :nodes], target)
    return loss
