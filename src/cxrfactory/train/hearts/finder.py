"""Train the network that finds the heart in a whole short-axis stack."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from cxrfactory.models.hybridvnet.finder import FINDER_CHANNELS, FINDER_GRID, HeartFinder, whole_frame
from cxrfactory.models.hybridvnet.frame import Frame
from cxrfactory.models.hybridvnet.graph import read_graph
from cxrfactory.models.hybridvnet.picture_table import PicturedHeart
from cxrfactory.models.hybridvnet.sampling import sample_stack
from cxrfactory.models.hybridvnet.weights import FINDER
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.weights import sha256_of
from cxrfactory.train.course import State, steps, write_history
from cxrfactory.train.data.images import epoch_batches
from cxrfactory.train.hearts.data import load_hearts, recoloured, true_frame, turned
from cxrfactory.train.hearts.run import fit_with_card

SHIFT_WEIGHT = 100.0  # weight of the squared error of the centre, in shares of the side, against that of the direction


@dataclass(frozen=True)
class FinderTraining:
    """How the finder is trained; the fields of the course are those of ``TrainConfig``.

    Attributes
    ----------
    grid, channels
        Grid on which the stack is sampled, and channels of the encoder's blocks.
    turn_degrees
        Largest random turn about the stack's normal, besides the usual direction of the right ventricle.
    shift_mm
        Standard deviation of the random shift along each axis.
    scale
        Standard deviation of the random relative change of size.
    appearance
        Strength of random changes of grey values.
    """

    grid: tuple[int, int, int] = FINDER_GRID
    channels: tuple[int, ...] = FINDER_CHANNELS
    epochs: int = 20
    batch_size: int = 8
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = 5e-3
    weight_decay: float = 1e-5
    clip: float | None = 1.0
    schedule: Literal["cosine", "step"] = "cosine"
    step_factor: float = 0.99
    step_epochs: int = 1
    average: float = 0.98
    validate_every: int = 5
    patience: int | None = None
    turn_degrees: float = 25.0
    shift_mm: float = 15.0
    scale: float = 0.05
    appearance: float = 1.0
    seed: int = 0

    def recipe(self) -> dict[str, Any]:
        """Return all settings, by name."""
        return asdict(self)


def train_finder(
    pictures: Path | Sequence[Path],
    graph: Path,
    output: Path,
    settings: FinderTraining,
    device: torch.device,
    history: Path | None = None,
    resume: bool = True,
) -> dict[str, float]:
    """Train the finder, and write ``output`` with its card; arguments are those of ``train_hearts``.

    Returns
    -------
    dict
        On ``validate``: mean distance of the centres in mm and mean angle between the directions in degrees.
    """
    torch.manual_seed(seed_of("finder", "init", settings.seed))
    mesh = read_graph(graph)
    train, val = (load_hearts(pictures, split, mesh.places, mesh.template_nodes) for split in ("train", "validate"))
    network = HeartFinder(settings.grid, channels=settings.channels).to(device).train()
    frames, val_frames = ([true_frame(heart, mesh, 1.0) for heart in hearts] for hearts in (train, val))
    work = _FinderWork(network, train, frames, val, val_frames, settings, device)
    counts = {"train": len(train), "validate": len(val)}
    facts = {"graph_sha256": sha256_of(graph)}
    record = fit_with_card(network, work, settings, output, pictures, facts, FINDER, counts, resume)
    if history is not None:
        write_history(record, history)
    return {name: value for name, value in record.rows[-1].items() if name.startswith("val")}


@dataclass(frozen=True)
class _FinderWork:
    network: HeartFinder
    train: Sequence[PicturedHeart]
    frames: Sequence[Frame]
    val: Sequence[PicturedHeart]
    val_frames: Sequence[Frame]
    settings: FinderTraining
    device: torch.device

    score_name = "mean distance of the centres"

    def epoch(self, state: State, epoch: int) -> tuple[float, float]:
        rng = np.random.default_rng(seed_of(str(epoch), "order", self.settings.seed))
        batches = epoch_batches(np.arange(len(self.train)), self.settings.batch_size, rng)

        def loss_of(batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
            stacks, centres, directions = (each.to(self.device) for each in batch)
            centre, direction = self.network(stacks)
            error = nn.functional.mse_loss(direction, directions)
            return error + SHIFT_WEIGHT * nn.functional.mse_loss(centre, centres)

        return steps(state, self._batches(batches, epoch), len(batches), loss_of, self.settings, epoch)

    def _batches(self, batches: Sequence[np.ndarray], epoch: int) -> Iterator[tuple[torch.Tensor, ...]]:
        for batch in batches:
            rows = [self._changed(self.train[index], self.frames[index], epoch) for index in batch]
            yield tuple(torch.from_numpy(np.stack(each).astype(np.float32)) for each in zip(*rows, strict=True))

    def _changed(self, heart: PicturedHeart, truth: Frame, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        settings = self.settings
        rng = np.random.default_rng(seed_of(f"{heart.key} {epoch}", "heart", settings.seed))
        whole = whole_frame(heart.pictures, self.network.side_mm)
        axes = turned(whole.axes, np.radians(settings.turn_degrees) * rng.uniform(-1, 1))
        scale = np.exp(settings.scale * rng.standard_normal(3)) * whole.scale
        centre = whole.centre_mm + settings.shift_mm * rng.standard_normal(3)
        frame = replace(whole, centre_mm=centre, axes=axes, scale=tuple(scale))
        empty = np.zeros((0, 2, 1, 1), np.float32), np.zeros((0, 1), np.float32), np.zeros(0, bool)
        stack = sample_stack(heart.pictures, frame, self.network.grid)
        stack = recoloured((stack, *empty), settings.appearance, 0.0, rng)[0]
        return stack, frame.to_relative(truth.centre_mm[None])[0], (axes @ truth.axes[0])[:2]

    def validate(self) -> tuple[dict[str, float], float]:
        self.network.eval()
        apart, angles = [], []
        for heart, truth in zip(self.val, self.val_frames, strict=True):
            found = self.network.find_in_stack(heart.pictures, 1.0)
            apart.append(np.linalg.norm(found.centre_mm - truth.centre_mm))
            angles.append(np.degrees(np.arccos(np.clip(found.axes[0] @ truth.axes[0], -1, 1))))
        self.network.train()
        found = {"val_centre_mm": float(np.mean(apart)), "val_angle_degrees": float(np.mean(angles))}
        return found, -found["val_centre_mm"]
