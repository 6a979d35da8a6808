"""Train a network of roots, and write its weights, card and history."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cxrfactory import __version__
from cxrfactory.config.roots import RootsTrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.models.device import fixed_threads
from cxrfactory.models.roots.example_table import RootExample, read_example_table
from cxrfactory.models.roots.networks import NORMALISATION, build, network_of
from cxrfactory.models.roots.normalise import local_contrast
from cxrfactory.models.roots.tiles import probabilities
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.weights import sha256_of, write_weights
from cxrfactory.train.course import State, run, steps, write_history
from cxrfactory.train.roots.losses import root_loss
from cxrfactory.train.roots.patches import PatchSource, both_kinds, draw_batch

log = get_logger(__name__)

EPOCHS = 6  # the steps are shared among this many epochs; every second one ends with a validation and a checkpoint
MOST_VALIDATED = 8  # pictures of a split that are used to validate or to calibrate
THRESHOLD = 0.5
SHIFTS = tuple(0.25 * step for step in range(-8, 25))  # changes of the logits that calibration tries


def train_roots(
    examples: Path,
    network: str,
    output: Path,
    history: Path | None,
    settings: RootsTrainConfig,
    device: torch.device,
    resume: bool = True,
) -> dict[str, float]:
    """Train a network of roots, calibrate it (:func:`calibrate`), and write ``output`` with its card.

    Parameters
    ----------
    examples
        Table of training pictures (:mod:`cxrfactory.models.roots.example_table`).
    network
        Name of the network (:data:`cxrfactory.models.roots.networks.NETWORKS`).
    output
        Weights to write (``.safetensors``), with their card in the same folder.
    history
        If given, CSV file to write with the course of the run.
    settings
        Settings of the training.
    device
        Device that the network is trained on.
    resume
        Whether to continue from the checkpoint that an interrupted run with the same settings and pictures left beside
        ``output``.

    Returns
    -------
    dict
        Of the whole validation pictures, at the probability 0.5: ``val_dice``, ``val_precision`` and ``val_recall``,
        each the mean over the pictures, and ``val_pooled_dice`` of all their pixels together, which depends less on
        pictures with little root.

    Raises
    ------
    CxrError
        If there is no network of this name, the table cannot be read or lacks a split, or its pictures have several
        scales.
    """
    known = network_of(network)
    with fixed_threads(settings.threads):
        torch.manual_seed(seed_of(f"roots {network}", "init", settings.seed))
        model = build(network).to(device, memory_format=torch.channels_last).train()
        train, held = (read_example_table(examples, split) for split in ("train", "validate"))
        course = _Course.of(settings, known.weight_decay)
        if len(scales := sorted({each.shrink for each in (*train, *held)})) > 1:
            raise CxrError(f"{examples}: pictures shrunk by {scales}; expected one factor for all")
        sources = [PatchSource.of(each) for each in train]
        invert = both_kinds(sources)
        work = _Work(network, model, sources, _chosen(held), settings, course, device, invert)
        recipe: dict[str, Any] = {
            **settings.model_dump(include=set(RootsTrainConfig.model_fields)),
            "course": vars(course),
        }
        digest = sha256_of(examples)
        key = json.dumps([network, recipe, digest, NORMALISATION], sort_keys=True)
        checkpoint = output.with_name(f"{output.stem}.{seed_of(key, 'checkpoint'):016x}.checkpoint")
        if not resume:
            checkpoint.unlink(missing_ok=True)
        record = run(model, model, work, course, checkpoint)
        lowered = calibrate(network, model, _chosen(train), device)
        metrics, _ = work.validate()
    widths = [each.root_width for each in train if each.root_width is not None]
    card = {
        "segmenter": network,
        "settings": {"shrink": train[0].shrink},
        "normalisation": NORMALISATION,
        "data": {
            "train": len(train),
            "validate": len(held),
            "examples_sha256": digest,
            "traced": len(widths),
            "median_drawn_width_px": float(np.median(widths)) if widths else None,
        },
        "training": recipe,
        "logits_lowered_by": lowered,
        "metrics": {"validate": metrics},
        "cxrfactory": __version__,
        "torch": torch.__version__,
    }
    write_weights(output, {name: value.cpu().numpy() for name, value in model.state_dict().items()}, card)
    if history is not None:
        write_history(record, history)
    checkpoint.unlink(missing_ok=True)
    log.info("wrote %s", output)
    return metrics


def calibrate(name: str, network: nn.Module, examples: Sequence[RootExample], device: torch.device) -> float:
    """Lower the logits of a trained network in place, so that the probability 0.5 is the best threshold.

    Half of the patches of training are centred on roots, so a network expects more root than pictures have. The best
    threshold is the one of the largest Dice of all pixels of whole training pictures together.

    Parameters
    ----------
    name, network
        Name of the network, and the network; it is in training mode afterwards.
    examples
        Training pictures.
    device
        Device of the network.

    Returns
    -------
    float
        By how much the logits were lowered, one of :data:`SHIFTS`.
    """
    network.eval()
    limits = 1 / (1 + np.exp(-np.array(SHIFTS)))
    counts = np.zeros((len(SHIFTS), 2), np.int64)
    true = 0
    for each in examples:
        share = probabilities(name, network, local_contrast(each.grey), device)
        for place, limit in enumerate(limits):
            found = share >= limit
            counts[place] += int((found & (each.mask > 0)).sum()), int(found.sum())
        true += int(each.mask.sum())
    dice = 2 * counts[:, 0] / np.maximum(counts[:, 1] + true, 1)
    best = SHIFTS[int(dice.argmax())]
    with torch.no_grad():
        network.shift[1] -= best
    network.train()
    return best


@dataclass(frozen=True)
class _Course:
    """Settings of :func:`cxrfactory.train.course.run`: the paper's Adam and decay, and a rate that falls to zero."""

    epochs: int
    learning_rate: float
    weight_decay: float
    optimizer: str = "adam"
    clip: float | None = 1.0
    schedule: str = "cosine"
    step_factor: float = 1.0
    step_epochs: int = 1
    average: float = 0.97
    validate_every: int = 2
    patience: int | None = None

    @classmethod
    def of(cls, settings: RootsTrainConfig, weight_decay: float) -> "_Course":
        return cls(min(EPOCHS, settings.steps), settings.learning_rate, weight_decay)


def _chosen(held: Sequence[RootExample]) -> list[RootExample]:
    """Return the pictures of a split that are used whole, chosen by a hash of their names."""
    order = sorted(held, key=lambda each: seed_of(each.name, "roots, validated"))
    return sorted(order[:MOST_VALIDATED], key=lambda each: each.name)


@dataclass(frozen=True)
class _Work:
    name: str
    network: nn.Module
    sources: Sequence[PatchSource]
    held: Sequence[RootExample]
    settings: RootsTrainConfig
    course: _Course
    device: torch.device
    invert: bool

    score_name = "Dice"

    def epoch(self, state: State, epoch: int) -> tuple[float, float]:
        settings, epochs = self.settings, self.course.epochs
        count = settings.steps * (epoch + 1) // epochs - settings.steps * epoch // epochs
        torch.manual_seed(seed_of(f"roots {epoch}", "dropout", settings.seed))

        def loss_of(batch: tuple[Tensor, Tensor]) -> Tensor:
            return root_loss(self.network(batch[0]), batch[1], settings.loss)

        return steps(state, self._batches(epoch, count), count, loss_of, self.course, epoch)

    def _batches(self, epoch: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        for step in range(count):
            rng = np.random.default_rng(seed_of(f"roots {epoch} {step}", "patches", self.settings.seed))
            pictures, masks = draw_batch(
                self.sources, self.settings.patch_px, self.settings.train_batch_size, rng, self.invert
            )
            seen = torch.from_numpy(pictures).to(self.device).contiguous(memory_format=torch.channels_last)
            yield seen, torch.from_numpy(masks).to(self.device)

    def validate(self) -> tuple[dict[str, float], float]:
        self.network.eval()
        counts = []
        for each in self.held:
            share = probabilities(self.name, self.network, local_contrast(each.grey), self.device)
            found, true = share >= THRESHOLD, each.mask > 0
            counts.append([int((found & true).sum()), int(found.sum()), int(true.sum())])
        self.network.train()
        dice, precision, recall = np.mean([_overlap(*each) for each in counts], axis=0).tolist()
        pooled = _overlap(*np.sum(counts, axis=0).tolist())[0]
        return {"val_dice": dice, "val_precision": precision, "val_recall": recall, "val_pooled_dice": pooled}, dice


def _overlap(both: int, found: int, true: int) -> tuple[float, float, float]:
    """Return Dice, precision and recall of numbers of pixels; each is 1 where its denominator is 0."""
    return (
        2 * both / (found + true) if found + true else 1.0,
        both / found if found else 1.0,
        both / true if true else 1.0,
    )
