"""Losses of pixel segmenters: each organ has its own term, and an organ that a source did not annotate has none.

Heterogeneous labels (Gaggion et al., ISBI 2023, section 2): an image that annotates only the lungs does not show
whether it contains a heart. A batch therefore has a table of the organs that are annotated in each image, and only
those maps enter the loss.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cxrfactory.errors import CxrError
from cxrfactory.models.tanimoto import contour_weights, tanimoto

CERTAIN = 30.0  # logit of the background in pixels that do not count: its probability and its loss vanish in fp32


def _annotated(
    logits: Tensor, target: Tensor, annotated: Tensor, valid: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Keep the annotated maps, ``[maps, 1, h, w]``, in fp32; pixels that are not valid become certain background."""
    if logits.shape != target.shape or annotated.shape != logits.shape[:2]:
        raise CxrError(
            f"logits are {list(logits.shape)}, masks {list(target.shape)}, annotated {list(annotated.shape)}; "
            "expected [batch, organs, rows, columns] twice and [batch, organs]"
        )
    if not annotated.any():
        raise CxrError("no image of the batch has an annotated organ; expected at least one")
    maps, masks = logits[annotated].unsqueeze(1).float(), target[annotated].unsqueeze(1).float()
    if valid is None:
        return maps, masks, None
    counts = valid[annotated].unsqueeze(1)
    return torch.where(counts, maps, -CERTAIN), torch.where(counts, masks, 0.0), counts


def dice_cross_entropy(
    logits: Float[Tensor, "b o h w"],
    target: Float[Tensor, "b o h w"],
    annotated: Bool[Tensor, "b o"],
    valid: Bool[Tensor, "b o h w"] | None = None,
) -> Float[Tensor, ""]:
    """Compute soft Dice loss plus binary cross-entropy (MONAI), each averaged over the annotated maps.

    Parameters
    ----------
    logits
        Output of the network.
    target
        Masks, 0 or 1; maps that are not annotated are never read.
    annotated
        Whether each organ is annotated in each image.
    valid
        Whether each pixel counts; without it, all do. A pixel that does not count adds nothing to the sums of a map.

    Raises
    ------
    CxrError
        If the shapes do not fit, or nothing is annotated.
    """
    from monai.losses import DiceCELoss

    # Each map is a row of the batch: MONAI uses the binary cross-entropy for one channel, the softmax one for more.
    return DiceCELoss(sigmoid=True)(*_annotated(logits, target, annotated, valid)[:2])


def tanimoto_loss(
    logits: Float[Tensor, "b o h w"],
    target: Float[Tensor, "b o h w"],
    annotated: Bool[Tensor, "b o"],
    valid: Bool[Tensor, "b o h w"] | None = None,
) -> Float[Tensor, ""]:
    """Compute 1 minus the Tanimoto coefficient with complement, averaged over the annotated maps.

    Pixels have contour-aware weights (:mod:`cxrfactory.models.tanimoto`). Parameters and errors are those of
    :func:`dice_cross_entropy`.
    """
    maps, masks, counts = _annotated(logits, target, annotated, valid)
    weights = contour_weights(masks) if counts is None else contour_weights(masks) * counts
    return 1 - tanimoto(torch.sigmoid(maps), masks, weights).mean()


PixelLoss = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
PIXEL_LOSSES: dict[str, PixelLoss] = {
    "dice-cross-entropy": dice_cross_entropy,
    "tanimoto": tanimoto_loss,
}


def pixel_loss(name: str) -> PixelLoss:
    """Return the loss of that name, a function from (logits, masks, annotated, valid) to a scalar.

    Raises
    ------
    CxrError
        If there is no such loss.
    """
    if name not in PIXEL_LOSSES:
        raise CxrError(f"unknown loss '{name}'; expected one of {', '.join(PIXEL_LOSSES)}")
    return PIXEL_LOSSES[name]
