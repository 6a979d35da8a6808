"""Train a heart's network, and write its weights, card and history."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cxrfactory import __version__
from cxrfactory.logs import get_logger
from cxrfactory.models.hybridvnet.frame import Frame
from cxrfactory.models.hybridvnet.graph import read_graph
from cxrfactory.models.hybridvnet.inputs import collated, sample
from cxrfactory.models.hybridvnet.losses import MeshLoss
from cxrfactory.models.hybridvnet.network import Inputs
from cxrfactory.models.hybridvnet.picture_table import PicturedHeart
from cxrfactory.models.hybridvnet.weights import build, settings_of, stored_arrays
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.weights import sha256_of, write_weights
from cxrfactory.train.course import History, State, run, steps, write_history
from cxrfactory.train.data.images import epoch_batches
from cxrfactory.train.hearts.data import changed_frame, load_hearts, training_batches, true_frame
from cxrfactory.train.hearts.settings import HeartTraining

log = get_logger(__name__)

NORMALISATION = "8-bit grey / 255 after a stretch of the 0.5 to 99.5 percentiles"


def train_hearts(
    pictures: Path | Sequence[Path],
    graph: Path,
    output: Path,
    settings: HeartTraining,
    device: torch.device,
    history: Path | None = None,
    resume: bool = True,
) -> dict[str, float]:
    """Train a network of a mesh, and write ``output`` with its card.

    Parameters
    ----------
    pictures
        Prepared pictures, splits ``train`` and ``validate``.
    graph
        Graph of the surface or of the volume.
    output
        Weights to write (``.safetensors``), with their card in the same folder.
    settings
        Network, loss and training.
    device
        Device that the network is trained on.
    history
        If given, CSV file to write with the course of the run.
    resume
        Whether to continue from the checkpoint that an interrupted run with the same settings left beside ``output``.

    Returns
    -------
    dict
        Errors on ``validate`` in mm, in frames about the true heart that are turned and shifted at random.
    """
    torch.manual_seed(seed_of("hearts", "init", settings.seed))
    mesh = read_graph(graph)
    train, val = (load_hearts(pictures, split, mesh.places, mesh.template_nodes) for split in ("train", "validate"))
    network = build(settings.model, mesh, settings.network)
    side = settings.network.side_mm
    frames, val_frames = ([true_frame(heart, mesh, side) for heart in hearts] for hearts in (train, val))
    network.fit_shapes(
        np.stack([frame.to_relative(heart.vertices_mm) for heart, frame in zip(train, frames, strict=True)]).astype(
            np.float32
        )
    )
    network.to(device).train()
    loss = MeshLoss(mesh, settings.weights, side).to(device)
    work = _MeshWork(network, loss, train, frames, _Held.of(val, val_frames, settings), settings, device)
    record = fit_with_card(
        network, work, settings, output, pictures, {"graph_sha256": sha256_of(graph)}, settings.model,
        {"train": len(train), "validate": len(val)}, resume,
    )  # fmt: skip
    if history is not None:
        write_history(record, history)
    return {name: value for name, value in record.rows[-1].items() if name.startswith("val")}


def fit_with_card(
    network: nn.Module,
    work: Any,
    settings: Any,
    output: Path,
    pictures: Path | Sequence[Path],
    facts: dict[str, Any],
    name: str,
    counts: dict[str, int],
    resume: bool,
) -> History:
    """Run the course of a training, and write weights and card; the checkpoint belongs to the settings and the data."""
    tables = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    digests = [sha256_of(path) for path in tables]
    key = json.dumps([name, settings_of(network), settings.recipe(), digests, facts], sort_keys=True)
    checkpoint = output.with_name(f"{output.stem}.{seed_of(key, 'checkpoint'):016x}.checkpoint")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    record = run(network, network, work, settings, checkpoint)
    card = {
        "segmenter": name,
        "settings": settings_of(network),
        "normalisation": NORMALISATION,
        "data": {**counts, "pictures_sha256": digests, **facts},
        "training": settings.recipe(),
        "metrics": {"validate": {key: value for key, value in record.rows[-1].items() if key.startswith("val")}},
        "cxrfactory": __version__,
        "torch": torch.__version__,
    }
    write_weights(output, stored_arrays(network), card)
    checkpoint.unlink(missing_ok=True)
    log.info("wrote %s", output)
    return record


@dataclass(frozen=True)
class _Held:
    """Validation cases, sampled once, with the frames that map answers to mm."""

    batches: list[Inputs]
    frames: list[Frame]
    hearts: Sequence[PicturedHeart]

    @classmethod
    def of(cls, hearts: Sequence[PicturedHeart], frames: Iterable[Frame], settings: HeartTraining) -> "_Held":
        changed, batches = [], []
        for heart, frame in zip(hearts, frames, strict=True):
            rng = np.random.default_rng(seed_of(heart.key, "heart", settings.seed))
            moved = changed_frame(frame, settings, rng)
            changed.append(Frame(moved.centre_mm, moved.axes, moved.side_mm))
            batches.append(collated([sample(heart.pictures, changed[-1], settings.network)]))
        return cls(batches, changed, hearts)


@dataclass(frozen=True)
class _MeshWork:
    network: nn.Module
    loss: MeshLoss
    train: Sequence[PicturedHeart]
    frames: Sequence[Frame]
    held: _Held
    settings: HeartTraining
    device: torch.device

    score_name = "mean distance"

    def epoch(self, state: State, epoch: int) -> tuple[float, float]:
        settings = self.settings
        generator = torch.Generator().manual_seed(seed_of(str(epoch), "epoch", settings.seed))
        rng = np.random.default_rng(seed_of(str(epoch), "order", settings.seed))
        batches = epoch_batches(np.arange(len(self.train)), settings.batch_size, rng)

        def loss_of(batch: tuple[Inputs, torch.Tensor]) -> torch.Tensor:
            inputs, target = batch[0].to(self.device), batch[1].to(self.device)
            noise = torch.randn(len(target), self.network.latent, generator=generator).to(self.device)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                mu, logvar = self.network.encoder(inputs)
            return self.loss(self.network.answer(mu.float(), logvar.float(), inputs, noise), target)

        sampled = training_batches(self.train, self.frames, batches, settings, epoch)
        return steps(state, sampled, len(batches), loss_of, settings, epoch)

    @torch.no_grad()
    def validate(self) -> tuple[dict[str, float], float]:
        self.network.eval()
        absolute, distances = [], []
        for inputs, frame, heart in zip(self.held.batches, self.held.frames, self.held.hearts, strict=True):
            answer = self.network(inputs.to(self.device))
            apart = frame.to_mm(answer.positions[0].cpu().numpy()) - heart.vertices_mm
            absolute.append(np.abs(apart).mean())
            distances.append(np.linalg.norm(apart, axis=1).mean())
        self.network.train()
        found = {"val_mae_mm": float(np.mean(absolute)), "val_distance_mm": float(np.mean(distances))}
        return found, -found["val_distance_mm"]
