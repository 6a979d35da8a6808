"""How much a mask of a pixel network can be trusted, from the network's own answers to one film.

The raw score of a mask is the geometric mean of four numbers in [0, 1]:

soft Dice
    Agreement of the mask with the probabilities that it was cut from. It is low where the network hesitates.
stability
    Mean Dice of the mask with the masks of the same film, shifted and scaled a little, after the change is undone.
kept
    Share of the mask that remains when it is cleaned (:mod:`cxrfactory.models.anatomy.cleaning`).
place
    1 if the mask lies where the structure lies in the films of the calibration and has a usual size, else 0.5
    (:mod:`cxrfactory.models.anatomy.places`).

The score is turned into an expected Dice by a calibration, which the weights card holds.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

# Scale, and shift to the right and downwards as shares of the side, of the changed films.
CHANGES = ((1.06, 0.0, 0.0), (0.94, 0.0, 0.0), (1.0, 0.03, 0.03), (1.0, -0.03, -0.03))
SUREST = 1e-6  # probabilities nearer to 0 or 1 count as this one and its complement
UNUSUAL = 0.5  # sign of a mask in an unusual place or of an unusual size


def changed(image: Float[Tensor, "1 1 h w"], change: tuple[float, float, float]) -> Float[Tensor, "1 1 h w"]:
    """Return the film scaled about its middle and shifted; what comes in from outside is black."""
    scale, right, down = change
    return _moved(image, 1 / scale, -2 * right / scale, -2 * down / scale)


def undone(maps: Float[Tensor, "1 o h w"], change: tuple[float, float, float]) -> Float[Tensor, "1 o h w"]:
    """Return maps of a changed film in the frame of the film itself."""
    scale, right, down = change
    return _moved(maps, scale, 2 * right, 2 * down)


def averaged(
    own: Float[Tensor, "1 o h w"], others: Sequence[Float[Tensor, "1 o h w"]], seen: Sequence[Float[Tensor, "1 1 h w"]]
) -> Float[Tensor, "1 o h w"]:
    """Return the mean probability over a film and its changed copies, each after :func:`undone`.

    Parameters
    ----------
    own
        Probabilities of the film itself.
    others
        Those of the changed copies.
    seen
        Share of each pixel that the changed copy shows; a copy counts by that much.
    """
    total = own + sum(maps * share for maps, share in zip(others, seen, strict=True))
    return total / (1 + sum(seen))


def soft_dice(shares: Float[np.ndarray, "o h w"], masks: Bool[np.ndarray, "o h w"]) -> Float[np.ndarray, " o"]:
    """Return the agreement of each mask with its probabilities; 0 for an empty mask."""
    both = (shares * masks).sum(axis=(1, 2), dtype=np.float64)
    return _quotient(2 * both, shares.sum(axis=(1, 2), dtype=np.float64) + masks.sum(axis=(1, 2)))


def stability(masks: Bool[np.ndarray, "o h w"], others: Sequence[Bool[np.ndarray, "o h w"]]) -> Float[np.ndarray, " o"]:
    """Return the mean Dice of each mask with the same mask of the changed films; 0 for an empty mask."""
    sizes = masks.sum(axis=(1, 2))
    found = [_quotient(2.0 * (masks & each).sum(axis=(1, 2)), sizes + each.sum(axis=(1, 2))) for each in others]
    return np.mean(found, axis=0)


def raw_score(soft: float, stable: float, kept: float, usual: bool) -> float:
    """Return the geometric mean of the four signs."""
    return float(max(soft * stable * kept * (1.0 if usual else UNUSUAL), 0.0) ** 0.25)


def fit_knots(scores: Sequence[float], dices: Sequence[float], knots: int = 10) -> tuple[list[float], list[float]]:
    """Fit the expected Dice as a rising function of the raw score.

    The pairs are sorted by score and cut into equal groups. The group means are made monotone by pooling neighbours
    that fall (isotonic regression), so a higher score never gives a lower expectation.

    Parameters
    ----------
    scores, dices
        Raw score and true Dice of each mask.
    knots
        Largest number of groups; each has at least five masks.

    Returns
    -------
    Ascending knots: scores and expected Dice; two empty lists for fewer than ten masks.
    """
    order = np.argsort(np.asarray(scores, np.float64), kind="stable")
    groups = min(knots, len(order) // 5)
    if groups < 2:
        return [], []
    x = np.array([np.mean(part) for part in np.array_split(np.asarray(scores, np.float64)[order], groups)])
    parts = np.array_split(np.asarray(dices, np.float64)[order], groups)
    pooled: list[list[float]] = []  # mean, number of groups
    for value in (float(np.mean(part)) for part in parts):
        pooled.append([value, 1])
        while len(pooled) > 1 and pooled[-2][0] > pooled[-1][0]:
            value, count = pooled.pop()
            first, number = pooled[-1]
            pooled[-1] = [(first * number + value * count) / (number + count), number + count]
    y = np.repeat([value for value, _ in pooled], [int(count) for _, count in pooled])
    return [round(float(each), 4) for each in x], [round(float(each), 4) for each in y]


def _moved(maps: Tensor, scale: float, right: float, down: float) -> Tensor:
    theta = torch.tensor([[[scale, 0.0, right], [0.0, scale, down]]], dtype=maps.dtype, device=maps.device)
    grid = affine_grid(theta, [1, 1, *maps.shape[-2:]], align_corners=False)
    return grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _quotient(above: np.ndarray, below: np.ndarray) -> Float[np.ndarray, " o"]:
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
