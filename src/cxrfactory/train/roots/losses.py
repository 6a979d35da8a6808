"""Losses of networks of roots."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

LossName = Literal["cross-entropy", "dice", "both"]


def root_loss(logits: Tensor | Sequence[Tensor], target: Float[Tensor, "n 1 h w"], name: LossName) -> Float[Tensor, ""]:
    """Return the loss of one answer, or the sum of the losses of several answers (deep supervision).

    Parameters
    ----------
    logits
        Logits of root ``[n, 1, h, w]``, or several of them.
    target
        1 on roots, else 0, float.
    name
        ``cross-entropy``: mean binary cross-entropy over all pixels, as in the paper. ``dice``: one minus the soft Dice
        of all pixels of the batch together. ``both``: their sum.
    """
    answers = [logits] if isinstance(logits, Tensor) else list(logits)
    total = target.new_zeros(())
    for each in answers:
        if name != "dice":
            total = total + F.binary_cross_entropy_with_logits(each, target)
        if name != "cross-entropy":
            share = torch.sigmoid(each)
            total = total + 1 - (2 * (share * target).sum() + 1) / (share.sum() + target.sum() + 1)
    return total
