"""Early stopping: the best weights so far, and the decision when to stop."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class Best:
    """The best weights of a run.

    Attributes
    ----------
    patience
        Number of validations without a better score that ends the run. With None, no weights are kept and the run does
        not end early.
    weights
        Copies of the best averaged weights; empty before the first validation.
    epoch, score
        Epoch and score of the best weights.
    waited
        Number of validations since then.
    """

    patience: int | None
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    epoch: int | None = None
    score: float | None = None
    waited: int = 0

    def offer(self, epoch: int, score: float, weights: dict[str, torch.Tensor]) -> None:
        """Keep these weights if their score is higher than any before; otherwise count one more validation."""
        if self.patience is None:
            return
        if score > (-math.inf if self.score is None else self.score):
            self.epoch, self.score, self.waited = epoch, score, 0
            self.weights.update({name: value.detach().clone() for name, value in weights.items()})
        else:
            self.waited += 1

    @property
    def exhausted(self) -> bool:
        """Whether the run should stop."""
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """Return the plain values for a checkpoint, which stores the weights separately."""
        return {"best_epoch": self.epoch, "best_score": self.score, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the plain values from a checkpoint."""
        self.epoch, self.score, self.waited = state["best_epoch"], state["best_score"], state["waited"]
