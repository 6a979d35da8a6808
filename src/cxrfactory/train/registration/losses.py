"""Losses of registration: overlap of warped masks, similarity of aligned images, and smoothness of the displacement."""

import warnings
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.models.inputs import to_pixels
from cxrfactory.models.registration import Alignment

WINDOW = 9  # side of the window of the local correlation, in cells
SMOOTH = 1.0  # added to numerator and denominator of the Dice, in pixels, so that it is defined for empty masks


def filled(targets: Float[Tensor, "b m 2"], graph: LandmarkGraph, side: int) -> Float[Tensor, "b o side side"]:
    """Fill the masks of the graph's organs from (x, y) as fractions of the side."""
    organs = [
        landmarks_to_masks(to_pixels(each.numpy().astype(np.float64), side), graph, side, side) for each in targets
    ]
    return torch.from_numpy(np.stack([np.stack(list(each.values())) for each in organs])).float()


def warped(images: Float[Tensor, "b c s s"], grid: Float[Tensor, "b t t 2"], mode: str = "bilinear") -> Tensor:
    """Sample the moving images at each point of the fixed image; outside is 0."""
    return functional.grid_sample(images, grid.to(images.dtype), mode=mode, align_corners=False)


def soft_dice(found: Float[Tensor, "b o s s"], known: Float[Tensor, "b o s s"]) -> Float[Tensor, "b o"]:
    """Compute the Dice of soft masks, by image and organ."""
    shared = (found * known).sum((2, 3))
    return (2 * shared + SMOOTH) / (found.sum((2, 3)) + known.sum((2, 3)) + SMOOTH)


class Smoothness:
    """Bending energy of a displacement and local correlation of aligned images, both from MONAI."""

    def __init__(self) -> None:
        from monai.losses import BendingEnergyLoss, LocalNormalizedCrossCorrelationLoss

        self._bending = BendingEnergyLoss()
        self._correlation = LocalNormalizedCrossCorrelationLoss(spatial_dims=2, kernel_size=WINDOW)

    def bending(self, alignment: Alignment) -> Tensor:
        """Compute the mean squared second derivative of the displacement, in cells."""
        field = alignment.displacement
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # raised by indexing inside MONAI
            return self._bending(field * (field.shape[-1] / 2))

    def correlation(self, moving: Tensor, fixed: Tensor, alignment: Alignment) -> Tensor:
        """Compute the correlation loss, from -1 (alike) to 0, at half the side of the images."""
        side = fixed.shape[-1] // 2
        small = functional.interpolate(fixed, size=side, mode="area")
        return self._correlation(warped(moving, alignment.grid(side)), small)


def folded(alignment: Alignment) -> float:
    """Compute the share of cells in which the map folds, that is, its Jacobian determinant is not positive."""
    grid = alignment.grid(alignment.displacement.shape[-1])
    across = grid[:, :-1, 1:] - grid[:, :-1, :-1]
    down = grid[:, 1:, :-1] - grid[:, :-1, :-1]
    determinant = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    return float((determinant <= 0).float().mean())


def facts_of(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, float]:
    """Average each named number over the rows."""
    return {name: float(np.mean([row[name] for row in rows])) for name in names}
