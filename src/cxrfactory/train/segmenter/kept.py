"""Weights of chosen epochs, which a training writes beside those of its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.weights import write_weights


@dataclass(frozen=True)
class KeptEpochs:
    """Weights of chosen epochs, in files that are named after the weights of the end: ``{stem}-{epoch}.safetensors``.

    Attributes
    ----------
    output
        Weights of the end of the training.
    epochs
        Epochs, counted from 1, after which the weights are kept.
    """

    output: Path
    epochs: Sequence[int]

    def path(self, epoch: int) -> Path:
        """Return the file of an epoch, such as ``weights-012.safetensors``."""
        return self.output.with_name(f"{self.output.stem}-{epoch:03d}{self.output.suffix}")

    def check(self, last: int) -> None:
        """Refuse epochs that the training does not reach.

        Raises
        ------
        CxrError
            If an epoch is below 1 or above ``last``, the number of epochs of the training.
        """
        if wrong := [epoch for epoch in self.epochs if not 1 <= epoch <= last]:
            raise CxrError(f"--keep-epochs {wrong[0]}: the training has epochs 1 to {last}; expected one of these")

    def offer(self, epoch: int, weights: Mapping[str, torch.Tensor]) -> None:
        """Write the weights if the epoch is a chosen one; its card is written at the end of the training."""
        if epoch not in self.epochs:
            return
        from safetensors.torch import save_file

        with atomic_path(self.path(epoch)) as temporary:
            save_file({name: value.detach().cpu().contiguous() for name, value in sorted(weights.items())}, temporary)

    def finish(self, card: Mapping[str, Any]) -> None:
        """Write the cards of all kept epochs; they are that of the end, without its measures.

        Raises
        ------
        CxrError
            If the training stopped before an epoch, or passed it in an interrupted run that was not to keep it.
        """
        from safetensors.numpy import load_file

        for epoch in sorted(set(self.epochs)):
            if not self.path(epoch).is_file():
                raise CxrError(
                    f"{self.path(epoch)}: the weights of epoch {epoch} were not kept; train without --patience, and "
                    "after an interruption with --no-resume"
                )
            own = {
                "metrics": {**card["metrics"], "val": {}},
                "training": {**card["training"], "stopped_epoch": epoch, "kept_epoch": epoch},
            }
            write_weights(self.path(epoch), load_file(self.path(epoch)), {**card, **own})
