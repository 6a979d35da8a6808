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


def _annotated(logits: Tensor, target: Tensor, annotated: Tensor) -> tuple[Tensor, Tensor]:
    """Keep the annotated maps, ``[maps, 1, h, w]``, in fp32."""
    if logits.shape != target.shape or annotated.shape != logits.shape[:2]:
        raise CxrError(
            f"logits are {list(logits.shape)}, masks {list(target.shape)}, annotated {list(annotated.shape)}; "
            "expected [batch, organs, rows, columns] twice and [batch, organs]"
        )
    if not annotated.any():
        raise CxrError("no image of the batch has an annotated organ; expected at least one")
    return logits[annotated].unsqueeze(1).float(), target[annotated].unsqueeze(1).float()


def dice_cross_entropy(
    logits: Float[Tensor, "b o h w"], target: Float[Tensor, "b o h w"], annotated: Bool[Tensor, "b o"]
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

    Raises
    ------
    CxrError
        If the shapes do not fit, or nothing is annotated.
    """
    from monai.losses import DiceCELoss

    # Each map is a row of the batch: MONAI uses the binary cross-entropy for one channel, the softmax one for more.
    return DiceCELoss(sigmoid=True)(*_annotated(logits, target, annotated))


def tanimoto_loss(
    logits: Float[Tensor, "b o h w"], target: Float[Tensor, "b o h w"], annotated: Bool[Tensor, "b o"]
) -> Float[Tensor, ""]:
    """Compute 1 minus the Tanimoto coefficient with complement, averaged over the annotated maps.

    Pixels have contour-aware weights (:mod:`cxrfactory.models.tanimoto`). Parameters and errors are those of
    :func:`dice_cross_entropy`.
    """
    maps, masks = _annotated(logits, target, annotated)
    return 1 - tanimoto(torch.sigmoid(maps), masks, contour_weights(masks)).mean()


PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "dice-cross-entropy": dice_cross_entropy,
    "tanimoto": tanimoto_loss,
}


def pixel_loss(name: str) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the loss of that name, a function from (logits, masks, annotated) to a scalar.

    Raises
    ------
    CxrError
        If there is no such loss.
    """
    if name not in PIXEL_LOSSES:
        raise CxrError(f"unknown loss '{name}'; expected one of {', '.join(PIXEL_LOSSES)}")
    return PIXEL_LOSSES[name]
