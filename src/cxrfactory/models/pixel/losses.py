"""Losses of pixel segmenters: every organ on its own, and none for organs that a source did not annotate.

Heterogeneous labels (Gaggion et al., ISBI 2023, section 2): an image of lungs alone teaches nothing about its heart, in
particular not that there is none. So a batch comes with a table of which organ is annotated in which image, and
only those maps enter the loss.
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
    """Soft Dice loss plus binary cross-entropy (MONAI), each the mean over annotated maps.

    Parameters
    ----------
    logits
        Network output.
    target
        Masks, 0 or 1; what stands in maps that are not annotated is never read.
    annotated
        Which organ is annotated in which image.

    Raises
    ------
    CxrError
        If shapes do not fit, or nothing is annotated.
    """
    from monai.losses import DiceCELoss

    # One map a row: with one channel MONAI takes the binary cross-entropy, with more the softmax one.
    return DiceCELoss(sigmoid=True)(*_annotated(logits, target, annotated))


def tanimoto_loss(
    logits: Float[Tensor, "b o h w"], target: Float[Tensor, "b o h w"], annotated: Bool[Tensor, "b o"]
) -> Float[Tensor, ""]:
    """One minus the Tanimoto coefficient with complement under contour-aware weights: mean over annotated maps.

    Parameters, errors: as for :func:`dice_cross_entropy`.
    """
    maps, masks = _annotated(logits, target, annotated)
    return 1 - tanimoto(torch.sigmoid(maps), masks, contour_weights(masks)).mean()


PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "dice-cross-entropy": dice_cross_entropy,
    "tanimoto": tanimoto_loss,
}


def pixel_loss(name: str) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The loss of that name: (logits, masks, annotated) to a scalar.

    Raises
    ------
    CxrError
        If there is none.
    """
    if name not in PIXEL_LOSSES:
        raise CxrError(f"unknown loss '{name}'; expected one of {', '.join(PIXEL_LOSSES)}")
    return PIXEL_LOSSES[name]
