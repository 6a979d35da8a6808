"""Losses of pixel segmenters: each organ has its own term, and an organ that a source did not annotate has none.

Heterogeneous labels (Gaggion et al., ISBI 2023, section 2): an image that annotates only the lungs does not show
whether it contains a heart. A batch therefore has a table of the organs that are annotated in each image, and only
those maps enter the loss.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from cxrfactory.errors import CxrError
from cxrfactory.models.tanimoto import contour_weights, tanimoto

CERTAIN = 30.0  # logit of the background in pixels that do not count: its probability and its loss vanish in fp32
MAPS_AT_A_TIME = 4  # maps whose numbers stay in the processor's cache
SMOOTH = 1.0  # pixels added to both sides of the fraction of the Dice


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


def batch_dice_cross_entropy(
    logits: Float[Tensor, "b o h w"],
    target: Tensor,
    annotated: Bool[Tensor, "b o"],
    valid: Tensor | None = None,
) -> Float[Tensor, ""]:
    """Compute binary cross-entropy plus the soft Dice loss of each organ over the batch, made for hundreds of organs.

    The Dice of an organ counts the pixels of all images of the batch together, and is averaged over the organs of which
    the batch holds a pixel. So a rib weighs as much as a lung, and an organ that one image barely shows does not
    disturb the others. The cross-entropy is the mean over the annotated maps. The gradient is computed together with
    the value, a few maps at a time, so that nothing but the gradient itself is kept.

    Parameters
    ----------
    logits
        Output of the network.
    target
        Masks, 0 or 1, ``[b, o, h, w]``; or bit planes, uint8 ``[b, p, h, w]`` with 8 p >= o, where organ o is bit
        o % 8 of plane o // 8.
    annotated
        Whether each organ is annotated in each image; other maps are never read.
    valid
        Whether each pixel counts, ``[b, o, h, w]``; or bit planes of the pixels that do not. Without it, all count.

    Raises
    ------
    CxrError
        If the shapes do not fit, or nothing is annotated.
    """
    organs = logits.shape[1]
    packed = target.dtype == torch.uint8 and target.shape[1] == -(-organs // 8)
    expected = (len(logits), -(-organs // 8) if packed else organs, *logits.shape[2:])
    if tuple(target.shape) != expected or annotated.shape != logits.shape[:2]:
        raise CxrError(
            f"logits are {list(logits.shape)}, masks {list(target.shape)}, annotated {list(annotated.shape)}; "
            "expected [batch, organs, rows, columns] or bit planes, and [batch, organs]"
        )
    if not annotated.any():
        raise CxrError("no image of the batch has an annotated organ; expected at least one")
    return _BatchDiceCrossEntropy.apply(logits, target, packed, annotated, valid)


class _BatchDiceCrossEntropy(torch.autograd.Function):
    """The loss with its gradient, a few maps at a time."""

    @staticmethod
    def forward(ctx, logits, target, packed, annotated, valid):
        logits = logits.contiguous()  # maps are read one after the other
        organs, pixels = logits.shape[1], logits.shape[2] * logits.shape[3]
        total = float(annotated.sum()) * pixels
        gradient = torch.empty_like(logits)
        parts = [slice(start, min(start + MAPS_AT_A_TIME, organs)) for start in range(0, organs, MAPS_AT_A_TIME)]
        there = _shown(target, packed, annotated, valid, parts)
        shown = int(there.sum())
        entropy, dices = logits.new_zeros((), dtype=torch.float32), logits.new_zeros((), dtype=torch.float32)
        for part in parts:
            truth, counts = _maps(target, packed, part, annotated), _counts(annotated, valid, packed, part)
            x = logits[:, part].float()
            chance = torch.sigmoid(x)
            entropy += ((functional.softplus(x) - x * truth) * counts).sum()
            both = (chance * truth * counts).sum(dim=(0, 2, 3))
            sizes = ((chance + truth) * counts).sum(dim=(0, 2, 3)) + SMOOTH
            dice = (2 * both + SMOOTH) / sizes
            weight = there[part] / max(1, shown)
            dices += (weight * (1 - dice)).sum()
            # d(1 - dice) / d chance = (dice - 2 truth) / sizes
            slope = (dice[:, None, None] - 2 * truth) * (weight / sizes)[:, None, None]
            gradient[:, part] = ((slope * chance * (1 - chance) + (chance - truth) / total) * counts).to(logits.dtype)
        ctx.save_for_backward(gradient)
        return entropy / total + dices

    @staticmethod
    def backward(ctx, above):
        (gradient,) = ctx.saved_tensors
        return gradient * above.to(gradient.dtype), None, None, None, None


def _maps(target: Tensor, packed: bool, part: slice, annotated: Tensor | None = None) -> Float[Tensor, "b k h w"]:
    if not packed:
        maps = target[:, part].float()
        return maps if annotated is None else torch.where(annotated[:, part, None, None], maps, 0.0)
    return torch.stack([(target[:, place // 8] >> place % 8) & 1 for place in range(part.start, part.stop)], 1).float()


def _counts(annotated: Tensor, valid: Tensor | None, packed: bool, part: slice) -> Tensor:
    counts = annotated[:, part, None, None].float()
    if valid is None:
        return counts
    return counts * (1 - _maps(valid, True, part) if packed else valid[:, part].float())


def _shown(
    target: Tensor, packed: bool, annotated: Tensor, valid: Tensor | None, parts: list[slice]
) -> Float[Tensor, " o"]:
    """Return 1 for the organs of which the batch holds a pixel that counts, else 0."""
    found = [
        (
            (_maps(target, packed, part, annotated) * _counts(annotated, valid, packed, part)).sum(dim=(0, 2, 3)) > 0
        ).float()
        for part in parts
    ]
    return torch.cat(found)


PixelLoss = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
PIXEL_LOSSES: dict[str, PixelLoss] = {
    "dice-cross-entropy": dice_cross_entropy,
    "tanimoto": tanimoto_loss,
    "batch-dice-cross-entropy": batch_dice_cross_entropy,
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
