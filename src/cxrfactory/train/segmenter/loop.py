"""The training loop of a segmenter, on CPU or CUDA."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cxrfactory.config import TrainConfig
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.networks import KeepsExamples, LearnsGreyValues
from cxrfactory.tables.keys import seed_of
from cxrfactory.train.checkpoint import load_checkpoint, save_checkpoint
from cxrfactory.train.data.ahead import batches_of
from cxrfactory.train.data.balance import balanced
from cxrfactory.train.data.images import LabelledImages, epoch_batches
from cxrfactory.train.data.layers import LayeredImages
from cxrfactory.train.data.reshape import Reshaper
from cxrfactory.train.segmenter.many import MANY
from cxrfactory.train.segmenter.stopping import Best, mean_dice
from cxrfactory.train.segmenter.tasks import Task, task_of
from cxrfactory.train.segmenter.validate import Metrics

log = get_logger(__name__)

UNVALIDATED = 4  # number of columns of a history row without metrics
OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
SCORES = {"dice": "mean Dice", "loss": "validation loss"}
WARMUP = 0.03  # share of the steps during which the rate of the cosine schedule rises from zero


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


def learning_rate(settings: TrainConfig, passed: float, epoch: int) -> float:
    """Return the learning rate at a point of the run; ``passed`` runs from 0 to 1 over all steps."""
    if settings.schedule == "step":
        return settings.learning_rate * settings.step_factor ** (epoch // settings.step_epochs)
    if passed < WARMUP:
        return settings.learning_rate * passed / WARMUP
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (passed - WARMUP) / (1 - WARMUP)))


def fit(
    network: nn.Module,
    train: LabelledImages | LayeredImages,
    val: LabelledImages | LayeredImages,
    settings: TrainConfig,
    device: torch.device,
    checkpoint: Path | None = None,
    fresh: bool = True,
    strata: list[str] | None = None,
    reshape: Reshaper | None = None,
) -> History:
    """Train in place; the network ends with the averaged weights of the last epoch or, with patience, of the best.

    Multi-atlas is not trained: it keeps the training set, and the history is empty.

    Parameters
    ----------
    network
        A segmenter of the registry.
    train, val
        Images of the two splits.
    settings
        Settings of the training.
    device
        Device that the network is trained on.
    checkpoint
        File that is written at every validation. If it exists at the start, the run continues from it with the same
        random streams, since they depend only on the seed and the epoch.
    fresh
        Whether the network learns from this training set what it needs before the first step (such as its mean shape).
        This is False if it starts from trained weights, which already contain it.
    strata
        Source or class of every training image; images of small strata are repeated within an epoch.
    reshape
        If given, it bends training images towards other people's shapes.

    Returns
    -------
    History
        Loss and metrics by epoch.
    """
    if isinstance(network, KeepsExamples):
        network.learn_atlases(train.images, list(train.targets))
        return History()
    images = torch.from_numpy(train.images)
    task = task_of(network, settings)
    if fresh:
        _learn_set(network, task, train, images)
    network.to(device, memory_format=torch.channels_last).train()
    trained = task.trained(network).to(device)
    optimizer = OPTIMIZERS[settings.optimizer](
        trained.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    history, first, best = History(), 0, Best(settings.patience)
    if checkpoint is not None and checkpoint.is_file():
        state = load_checkpoint(checkpoint, trained, average, optimizer, best.weights)
        first, history.rows = state["epoch"], state["history"]
        best.restore(state)
        log.info("resumed from %s after epoch %d", checkpoint, first)
    spent = sum(row["seconds"] for row in history.rows)
    for epoch in progress(range(first, settings.epochs), "train", settings.epochs - first):
        started = time.monotonic()
        drawn = np.arange(len(train.ids))
        if strata is not None:
            drawn = balanced(strata, epoch, settings.seed, root=settings.balance == "root")
        loss, rate = _epoch(network, task, train, drawn, reshape, settings, device, optimizer, average, epoch)
        spent += time.monotonic() - started
        row = {"epoch": epoch + 1, "loss": loss, "learning_rate": rate, "seconds": time.monotonic() - started}
        last = epoch + 1 == settings.epochs
        if last or (epoch + 1) % settings.validate_every == 0:
            current = {name: value.detach().clone() for name, value in network.state_dict().items()}
            network.load_state_dict(average)
            metrics = task.metrics(network, val, device, distances=False)
            lost = validation_loss(network, task, val, settings, device) if settings.select == "loss" else None
            if not last:
                network.load_state_dict(current)
            if lost is not None:
                row["val_loss"] = lost
            if "all" in metrics:
                row |= {"val_mse": metrics.pop("all")["mse"]}
            row |= _shown(metrics)
            best.offer(epoch + 1, mean_dice(metrics) if lost is None else -lost, average)
            shown = ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name.startswith("val"))
            log.info("epoch %d of %d, %.0f s: loss %.3g, %s", epoch + 1, settings.epochs, spent, loss, shown)
        history.rows.append(row)
        if best.exhausted and not last:
            log.info(
                "stopped after epoch %d: no better %s since epoch %d", epoch + 1, SCORES[settings.select], best.epoch
            )
            break
        if len(row) > UNVALIDATED and checkpoint is not None and not last:
            state = {"epoch": epoch + 1, "history": history.rows} | best.state()
            save_checkpoint(checkpoint, trained, average, optimizer, state, best.weights)
    network.load_state_dict(best.weights or average)
    if best.epoch is not None:
        history.best_epoch = best.epoch
        history.rows[best.epoch - 1]["kept"] = 1
    return history


def _shown(metrics: Metrics) -> dict[str, float]:
    """Return the columns of a history's row: the Dice of each organ, or the mean of many."""
    if len(metrics) > MANY:
        return {"val_dice_mean": mean_dice(metrics)}
    return {f"val_dice_{organ}": values["dice"] for organ, values in metrics.items()}


def _learn_set(network: nn.Module, task: Task, train: LabelledImages | LayeredImages, images: torch.Tensor) -> None:
    """Fit the parts of the network that depend on the training set, before the first step."""
    task.start(network, train)
    if isinstance(network.normaliser, LearnsGreyValues):
        with torch.no_grad():
            network.normaliser.learn(images.unsqueeze(1).float() / 255)


def _epoch(
    network: nn.Module,
    task: Task,
    train: LabelledImages | LayeredImages,
    drawn: np.ndarray,
    reshape: Reshaper | None,
    settings: TrainConfig,
    device: torch.device,
    optimizer: torch.optim.Optimizer,
    average: dict[str, torch.Tensor],
    epoch: int,
) -> tuple[float, float]:
    generator = torch.Generator().manual_seed(seed_of(str(epoch), "epoch", settings.seed))
    rng = np.random.default_rng(seed_of(str(epoch), "order", settings.seed))
    batches = epoch_batches(drawn, settings.batch_size, rng)
    losses: list[torch.Tensor] = []
    rate = 0.0
    for step, (batch, annotations) in enumerate(
        batches_of(train, batches, reshape, settings, device, generator, epoch)
    ):
        passed = (epoch + step / len(batches)) / settings.epochs
        rate = learning_rate(settings, passed, epoch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = batch.to(device, memory_format=torch.channels_last)
        loss = task.loss(network, batch, annotations, settings, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if settings.clip is not None:
            nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], settings.clip)
        optimizer.step()
        _average(average, network, settings.average, epoch * len(batches) + step)
        losses.append(loss.detach())  # a number of the device; reading it here would wait for the step to end
    return float(np.mean([float(loss) for loss in losses])), rate


@torch.no_grad()
def validation_loss(
    network: nn.Module, task: Task, val: LabelledImages | LayeredImages, settings: TrainConfig, device: torch.device
) -> float:
    """Return the mean training loss over the validation images, without augmentation and in evaluation mode.

    The latent noise of every validation is the same, so that losses of different epochs can be compared.
    """
    was_training = network.training
    network.eval()
    generator = torch.Generator().manual_seed(seed_of("val", "loss", settings.seed))
    losses, indices = [], np.arange(len(val.ids))
    for chosen in np.split(indices, range(settings.batch_size, len(indices), settings.batch_size)):
        batch = torch.from_numpy(val.images[chosen]).unsqueeze(1).float() / 255
        batch = batch.to(device, memory_format=torch.channels_last)
        losses.append(len(chosen) * float(task.loss(network, batch, val.annotations(chosen), settings, generator)))
    network.train(was_training)
    return math.fsum(losses) / len(indices)


def _average(average: dict[str, torch.Tensor], network: nn.Module, decay: float, step: int) -> None:
    # The decay rises from a small value, so that the initial random weights soon lose their influence.
    decay = min(decay, (1 + step) / (10 + step)) if decay else 0.0
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                average[name].lerp_(value, 1 - decay)
            else:
                average[name].copy_(value)
