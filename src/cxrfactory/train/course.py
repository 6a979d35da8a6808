"""The course of a training, on CPU or CUDA: epochs, learning rate, averaged weights, validations and checkpoints.

What is trained, on what and how it is measured is the work's, :class:`Work`; all trainings of segmenters and of hearts
run this one loop.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import nn

from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.train.best import Best
from cxrfactory.train.checkpoint import load_checkpoint, save_checkpoint

log = get_logger(__name__)

Batch = TypeVar("Batch")
OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
WARMUP = 0.03  # share of the steps during which the rate of the cosine schedule rises from zero


class CourseSettings(Protocol):
    """Settings of the course of a training, as in :class:`cxrfactory.config.TrainConfig`."""

    epochs: int
    optimizer: Literal["adamw", "adam"]
    learning_rate: float
    weight_decay: float
    clip: float | None
    schedule: Literal["cosine", "step"]
    step_factor: float
    step_epochs: int
    average: float
    validate_every: int
    patience: int | None


@dataclass
class History:
    """Course of a training run.

    Attributes
    ----------
    rows
        One row per epoch: ``epoch``, ``loss``, ``learning_rate``, ``seconds`` and, after a validation, metrics (with
        selection by the loss, also ``val_loss``). With
        patience, ``kept`` is 1 in the row of the weights that the run ends with.
    best_epoch
        Epoch whose weights were kept; None without patience, when the last weights are kept.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None


def write_history(record: History, path: Path) -> None:
    """Write the course of a run as a CSV file."""
    with atomic_path(path) as temporary:
        pd.DataFrame(record.rows).to_csv(temporary, index=False, float_format="%.6g")


@dataclass(frozen=True)
class State:
    """What the steps of a training change.

    Attributes
    ----------
    network
        The network whose weights are averaged and kept.
    optimizer
        Optimiser of all trained parameters.
    average
        Running average of the network's weights, by name.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, torch.Tensor]


class Work(Protocol):
    """What is trained: one epoch of it, and its validation."""

    score_name: str  # what chooses the weights with patience, in words

    def epoch(self, state: State, epoch: int) -> tuple[float, float]:
        """Train one epoch (see :func:`steps`), and return its mean loss and its last learning rate."""

    def validate(self) -> tuple[dict[str, float], float]:
        """Measure the network as it is; return columns of the history whose names start with ``val``, and a score.

        The larger score is the better.
        """


def learning_rate(settings: CourseSettings, passed: float, epoch: int) -> float:
    """Return the learning rate at a point of the run; ``passed`` runs from 0 to 1 over all steps."""
    if settings.schedule == "step":
        return settings.learning_rate * settings.step_factor ** (epoch // settings.step_epochs)
    if passed < WARMUP:
        return settings.learning_rate * passed / WARMUP
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (passed - WARMUP) / (1 - WARMUP)))


def run(
    network: nn.Module,
    trained: nn.Module,
    work: Work,
    settings: CourseSettings,
    checkpoint: Path | None = None,
    keep: Callable[[int, Mapping[str, torch.Tensor]], None] | None = None,
) -> History:
    """Train in place; the network ends with the averaged weights of the last epoch or, with patience, of the best.

    Parameters
    ----------
    network
        The network, on its device and in training mode.
    trained
        What the optimiser trains and a checkpoint holds: the network, and parts that are used only in training.
    work
        What is done in an epoch and at a validation. Its random streams depend only on the seed and the epoch.
    settings
        Settings of the training.
    checkpoint
        File that is written at every validation. If it exists at the start, the run continues from it.
    keep
        If given, it gets the number of every epoch, from 1, and the averaged weights after it, which still change.

    Returns
    -------
    History
        Loss and metrics by epoch.
    """
    optimizer = OPTIMIZERS[settings.optimizer](
        trained.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    state = State(network, optimizer, average)
    history, first, best = History(), 0, Best(settings.patience)
    if checkpoint is not None and checkpoint.is_file():
        stored = load_checkpoint(checkpoint, trained, average, optimizer, best.weights)
        first, history.rows = stored["epoch"], stored["history"]
        best.restore(stored)
        log.info("resumed from %s after epoch %d", checkpoint, first)
    spent = sum(row["seconds"] for row in history.rows)
    for epoch in progress(range(first, settings.epochs), "train", settings.epochs - first):
        started = time.monotonic()
        loss, rate = work.epoch(state, epoch)
        if keep is not None:
            keep(epoch + 1, average)
        spent += time.monotonic() - started
        row = {"epoch": epoch + 1, "loss": loss, "learning_rate": rate, "seconds": time.monotonic() - started}
        last = epoch + 1 == settings.epochs
        validated = last or (epoch + 1) % settings.validate_every == 0
        if validated:
            current = {name: value.detach().clone() for name, value in network.state_dict().items()}
            network.load_state_dict(average)
            found, score = work.validate()
            if not last:
                network.load_state_dict(current)
            row |= found
            best.offer(epoch + 1, score, average)
            shown = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
            log.info("epoch %d of %d, %.0f s: loss %.3g, %s", epoch + 1, settings.epochs, spent, loss, shown)
        history.rows.append(row)
        if best.exhausted and not last:
            log.info("stopped after epoch %d: no better %s since epoch %d", epoch + 1, work.score_name, best.epoch)
            break
        if validated and checkpoint is not None and not last:
            plain = {"epoch": epoch + 1, "history": history.rows} | best.state()
            save_checkpoint(checkpoint, trained, average, optimizer, plain, best.weights)
    network.load_state_dict(best.weights or average)
    if best.epoch is not None:
        history.best_epoch = best.epoch
        history.rows[best.epoch - 1]["kept"] = 1
    return history


def steps(
    state: State,
    batches: Iterable[Batch],
    count: int,
    loss_of: Callable[[Batch], torch.Tensor],
    settings: CourseSettings,
    epoch: int,
) -> tuple[float, float]:
    """Take one step of the optimiser for each batch of an epoch.

    Parameters
    ----------
    state
        Network, optimiser and average, which are changed.
    batches, count
        The batches and their number.
    loss_of
        Loss of a batch.
    settings
        Settings of the training.
    epoch
        Number of the epoch, from 0.

    Returns
    -------
    Mean loss of the epoch, and its last learning rate.
    """
    losses: list[torch.Tensor] = []
    rate = 0.0
    for step, batch in enumerate(batches):
        rate = learning_rate(settings, (epoch + step / count) / settings.epochs, epoch)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(batch)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if settings.clip is not None:
            nn.utils.clip_grad_norm_(state.optimizer.param_groups[0]["params"], settings.clip)
        state.optimizer.step()
        _average(state.average, state.network, settings.average, epoch * count + step)
        losses.append(loss.detach())  # a number of the device; reading it here would wait for the step to end
    return float(np.mean([float(loss) for loss in losses])), rate


def _average(average: dict[str, torch.Tensor], network: nn.Module, decay: float, step: int) -> None:
    # The decay rises from a small value, so that the initial random weights soon lose their influence.
    decay = min(decay, (1 + step) / (10 + step)) if decay else 0.0
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                average[name].lerp_(value, 1 - decay)
            else:
                average[name].copy_(value)
