"""The training of a segmenter: what it does in an epoch and at a validation of the course of a training."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cxrfactory.config import TrainConfig
from cxrfactory.models.networks import KeepsExamples, LearnsGreyValues
from cxrfactory.tables.keys import seed_of
from cxrfactory.train.course import History, State, run, steps
from cxrfactory.train.data.ahead import batches_of
from cxrfactory.train.data.balance import balanced
from cxrfactory.train.data.images import LabelledImages, epoch_batches
from cxrfactory.train.data.layers import LayeredImages
from cxrfactory.train.data.reshape import Reshaper
from cxrfactory.train.segmenter.many import MANY
from cxrfactory.train.segmenter.stopping import mean_dice
from cxrfactory.train.segmenter.tasks import Task, task_of
from cxrfactory.train.segmenter.validate import Metrics

SCORES = {"dice": "mean Dice", "loss": "validation loss"}


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
    keep: Callable[[int, Mapping[str, torch.Tensor]], None] | None = None,
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
    keep
        If given, it gets the averaged weights after every epoch (:func:`cxrfactory.train.course.run`).

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
    work = _SegmenterWork(network, task, train, val, settings, device, strata, reshape)
    return run(network, trained, work, settings, checkpoint, keep)


@dataclass(frozen=True)
class _SegmenterWork:
    """The work of a course: see :class:`cxrfactory.train.course.Work`; attributes are arguments of :func:`fit`."""

    network: nn.Module
    task: Task
    train: LabelledImages | LayeredImages
    val: LabelledImages | LayeredImages
    settings: TrainConfig
    device: torch.device
    strata: list[str] | None
    reshape: Reshaper | None

    @property
    def score_name(self) -> str:
        return SCORES[self.settings.select]

    def epoch(self, state: State, epoch: int) -> tuple[float, float]:
        drawn = np.arange(len(self.train.ids))
        if self.strata is not None:
            drawn = balanced(self.strata, epoch, self.settings.seed, root=self.settings.balance == "root")
        return _epoch(state, self.task, self.train, drawn, self.reshape, self.settings, self.device, epoch)

    def validate(self) -> tuple[dict[str, float], float]:
        metrics = self.task.metrics(self.network, self.val, self.device, distances=False)
        if self.settings.select != "loss":
            return _columns(metrics), mean_dice(metrics)
        lost = validation_loss(self.network, self.task, self.val, self.settings, self.device)
        return {"val_loss": lost} | _columns(metrics), -lost


def _columns(metrics: Metrics) -> dict[str, float]:
    """Return the columns of a history's row: the landmarks' error, and the Dice of each organ or the mean of many."""
    error = {"val_mse": metrics["all"]["mse"]} if "all" in metrics else {}
    return error | _shown({organ: values for organ, values in metrics.items() if organ != "all"})


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
    state: State,
    task: Task,
    train: LabelledImages | LayeredImages,
    drawn: np.ndarray,
    reshape: Reshaper | None,
    settings: TrainConfig,
    device: torch.device,
    epoch: int,
) -> tuple[float, float]:
    generator = torch.Generator().manual_seed(seed_of(str(epoch), "epoch", settings.seed))
    rng = np.random.default_rng(seed_of(str(epoch), "order", settings.seed))
    batches = epoch_batches(drawn, settings.batch_size, rng)

    def loss_of(batch: tuple) -> torch.Tensor:
        images = batch[0].to(device, memory_format=torch.channels_last)
        return task.loss(state.network, images, batch[1], settings, generator)

    augmented = batches_of(train, batches, reshape, settings, device, generator, epoch)
    return steps(state, augmented, len(batches), loss_of, settings, epoch)


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
