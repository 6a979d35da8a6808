"""The weighted Tanimoto loss with complement, and the contour-aware weights.

Abdulah et al., "Lung Segmentation in Chest X-rays with Res-CR-Net" (2021), section 1.3; the coefficient is that of
Diakogiannis et al. (ResUNet-a, 2020). The paper gives the loss. Of the weights it says that a raised border replaces
the step at the edge of a mask. Width, height and power of that border are those of the authors' public code.
"""

from jaxtyping import Float
from torch import Tensor, ones_like
from torch.nn import functional

SMOOTH = 1.0
# A pixel belongs to the border if the share of foreground in its window is above this and below 1 minus this.
EDGE = 0.005
BORDER = 2.0  # additional weight of a border pixel, before the weights are scaled and squared


def tanimoto(
    probability: Float[Tensor, "*maps h w"],
    target: Float[Tensor, "*maps h w"],
    weights: Float[Tensor, "*maps h w"] | None = None,
    smooth: float = SMOOTH,
) -> Float[Tensor, "*maps"]:
    """Compute the Tanimoto coefficient with complement of every map; it is 1 where prediction and truth agree.

    It is the mean of ``T(p, y)`` and ``T(1 - p, 1 - y)``, where
    ``T = (sum w p y + s) / (sum w (p^2 + y^2 - p y) + s)``.

    Parameters
    ----------
    probability
        Predicted probabilities in [0, 1].
    target
        Masks, 0 or 1.
    weights
        Weights of the pixels; all 1 where not given.
    smooth
        The term ``s``, which keeps the coefficient of an empty map defined.
    """
    weights = ones_like(probability) if weights is None else weights
    both = _coefficient(probability, target, weights, smooth)
    neither = _coefficient(1 - probability, 1 - target, weights, smooth)
    return (both + neither) / 2


def _coefficient(p: Tensor, y: Tensor, w: Tensor, smooth: float) -> Tensor:
    common = (w * p * y).sum(dim=(-2, -1))
    either = (w * (p.square() + y.square() - p * y)).sum(dim=(-2, -1))
    return (common + smooth) / (either + smooth)


def contour_window(short_side: int) -> int:
    """Return the side in pixels of the window that finds the border: 11 to 41, larger for larger images."""
    for limit, window in ((150, 11), (300, 21), (600, 31)):
        if short_side <= limit:
            return window
    return 41


def contour_weights(target: Float[Tensor, "b o h w"], window: int | None = None) -> Float[Tensor, "b o h w"]:
    """Compute weights that raise a border along the contour of every mask.

    A pixel lies on the border where its window contains foreground and background. It then weighs 3, and all others
    weigh 1. The weights are scaled to a mean of 1 in every map and squared. Every map is treated separately, so that
    the loss of an image does not depend on its batch (the authors' code scales over the batch).

    Parameters
    ----------
    target
        Masks, 0 or 1.
    window
        Side of the window in pixels, an odd number; by default it follows from the image size
        (:func:`contour_window`).
    """
    window = contour_window(min(target.shape[-2:])) if window is None else window
    # The window is cropped at the edge of the image, so a mask that touches the edge has no border there.
    average = functional.avg_pool2d(target, window, stride=1, padding=window // 2, count_include_pad=False)
    border = ((average > EDGE) & (average < 1 - EDGE)).to(target.dtype)
    weights = 1 + BORDER * border
    return (weights / weights.mean(dim=(-2, -1), keepdim=True)).square()
