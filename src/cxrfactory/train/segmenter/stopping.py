"""Early stopping: the best weights so far, and when to wait no longer."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch

UNIONS = ("lungs", "clavicles")  # organs that are two others together


def mean_dice(metrics: dict[str, dict[str, float]]) -> float:
    """Mean validation Dice over the single organs (``lungs`` is both lungs again, and is left out)."""
    dices = {organ: each["dice"] for organ, each in metrics.items() if "dice" in each}
    single = {organ: value for organ, value in dices.items() if organ not in UNIONS} or dices
    return math.fsum(single.values()) / len(single)


@dataclass
class Best:
    """The best weights of a run.

    Attributes
    ----------
    patience
        Validations without a better score that end the run; None: nothing is kept and nothing ends.
    weights
        Copies of the best averaged weights; empty before the first validation.
    epoch, score
        When, and how good.
    waited
        Validations since.
    """

    patience: int | None
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    epoch: int | None = None
    score: float | None = None
    waited: int = 0

    def offer(self, epoch: int, score: float, weights: dict[str, torch.Tensor]) -> None:
        """Keep these weights if they are better than any before; otherwise wait. Equal is not better."""
        if self.patience is None:
            return
        if score > (-math.inf if self.score is None else self.score):
            self.epoch, self.score, self.waited = epoch, score, 0
            self.weights.update({name: value.detach().clone() for name, value in weights.items()})
        else:
            self.waited += 1

    @property
    def exhausted(self) -> bool:
        """Whether to stop."""
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; the weights go beside them."""
        return {"best_epoch": self.epoch, "best_score": self.score, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Take the plain values of a checkpoint back."""
        self.epoch, self.score, self.waited = state["best_epoch"], state["best_score"], state["waited"]
