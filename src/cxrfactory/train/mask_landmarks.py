"""Train and evaluate the models of :mod:`cxrfactory.anatomy.mask_landmarks` on a set of expert landmarks.

The set has the layout of ngaggion/Chest-xray-landmark-dataset: ``RL``, ``LL``, ``H``, ``RCLA`` and ``LCLA`` with
``<id>.npy`` (nodes x 2, (x, y) in pixels of 1024 x 1024), and ``clinical.csv``. No image is read: contours are filled,
and landmarks are found on the outlines of the masks. A fifth of the patients, chosen by a stable hash, is held out and
never used for training. Only weights are written, no shape of any patient.
"""

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.contour_features import (
    FEATURES,
    SAMPLES,
    Contour,
    context_distance,
    even_places,
    features,
    outer_contour,
)
from cxrfactory.anatomy.mask_landmarks import DILATIONS, KERNEL, WIDTH, landmarks_from_masks
from cxrfactory.anatomy.organs import LUNGS, ORGAN_NODES, ORGANS
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.config import MaskLandmarksConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.landmarks import landmark_mse
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.arrays import read_points
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.keys import put_aside, seed_of
from cxrfactory.tables.landmark_set import patient_of
from cxrfactory.tables.paths import path_inside

log = get_logger(__name__)

FRAME = 1024
HELD_OUT = 0.2
FOLDERS = {"right_lung": "RL", "left_lung": "LL", "heart": "H", "right_clavicle": "RCLA", "left_clavicle": "LCLA"}

_TARGET_SIGMA = 1.5  # width, in samples, of the target distribution of a node's place
_MEAN_WEIGHT = 0.02  # weight of the squared error of the mean place (samples squared), relative to the cross entropy
_WITHOUT_CONTEXT = 0.3  # share of the contours whose neighbouring organ is hidden
_FILLED_IN = 0.3  # share of lungs extended by the part before or behind the heart, as in other annotation conventions
# Nodes between which the medial border is moved, from the diaphragm over the cardiophrenic angle to the hilum. The full
# shift applies between the two inner nodes.
_MEDIAL = {"right_lung": (23, 29, 36, 42), "left_lung": (22, 27, 36, 41)}


@dataclass(frozen=True)
class Case:
    """Landmarks of one image by organ, (x, y) in pixels of 1024 x 1024, and whether its patient is held out."""

    image_id: str
    source: str
    held_out: bool
    landmarks: dict[str, Float[np.ndarray, "nodes 2"]]

    def masks(self) -> dict[str, np.ndarray]:
        """Fill the contours to masks of 1024 x 1024 pixels."""
        return {organ: fill_contour(points, FRAME, FRAME) for organ, points in self.landmarks.items()}


def read_cases(root: Path) -> list[Case]:
    """Read the landmark set, sorted by id; the images of one patient are held out together.

    Raises
    ------
    CxrError
        If the table is missing, no image has both lungs, or a file has an invalid shape.
    """
    table = root / "clinical.csv"
    if not table.is_file():
        raise CxrError(f"{table}: no such file; expected the landmark set, clinical.csv beside RL, LL and H")
    cases, absent = [], 0
    with table.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            image_id = row["File"].rsplit(".", 1)[0]
            paths = {organ: path_inside(root, f"{folder}/{image_id}.npy", True) for organ, folder in FOLDERS.items()}
            if not paths["right_lung"].is_file() or not paths["left_lung"].is_file():
                absent += 1
                continue
            points = {
                organ: read_points(path, ORGAN_NODES[organ]).astype(np.float64)
                for organ, path in paths.items()
                if path.is_file()
            }
            cases.append(Case(image_id, row["Dataset"], held_out(image_id, row["Dataset"], row["Condition"]), points))
    if not cases:
        raise CxrError(f"{table}: no image has landmarks of both lungs")
    log.info("read landmarks of %d images; %d rows of %s have none", len(cases), absent, table)
    return sorted(cases, key=lambda case: case.image_id)


def held_out(image_id: str, source: str, condition: str) -> bool:
    """Return whether the hash of an image's patient falls into the fifth that is never used for training."""
    return put_aside(f"{source}:{patient_of(image_id, source, condition)}", "mask-landmarks", HELD_OUT)


@dataclass(frozen=True)
class Examples:
    """Contours of one organ: points, distance to the neighbouring organ (NaN without one), true places in samples."""

    points: Float[np.ndarray, "n samples 2"]
    distances: Float[np.ndarray, "n samples"]
    places: Float[np.ndarray, "n nodes"]


def examples_of(cases: Sequence[Case]) -> dict[str, Examples]:
    """Fill the masks of every case, and find the places of its landmarks on the contours of the masks.

    Organs that no case annotates are left out. The neighbours of heart and clavicles are the lungs, and the neighbour
    of a lung is the heart.
    """
    rows: dict[str, list[tuple[np.ndarray, ...]]] = {organ: [] for organ in ORGAN_NODES}
    for case in progress(cases, "contours"):
        masks = case.masks()
        lungs = masks["right_lung"] | masks["left_lung"]
        for organ, mask in masks.items():
            contour = outer_contour(organ, mask)
            distance = context_distance(contour.points, masks.get("heart") if organ in LUNGS else lungs)
            rows[organ].append((contour.points, distance, true_places(contour, case.landmarks[organ])))
    return {organ: Examples(*map(np.stack, zip(*each, strict=True))) for organ, each in rows.items() if each}


def true_places(contour: Contour, landmarks: Float[np.ndarray, "nodes 2"]) -> Float[np.ndarray, " nodes"]:
    """Find the places of the landmarks on the contour, as fractional sample indices that increase from node 0.

    Each place is the nearest point of the contour within a window around the position that the arc length of the
    landmarks' own polygon gives. The window keeps the two sides of a thin tip from being confused.
    """
    fine = 8
    grid = contour.locate(np.arange(SAMPLES * fine) / fine)
    steps = np.hypot(*(np.roll(landmarks, -1, axis=0) - landmarks).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])[:-1] / steps.sum() * SAMPLES
    away = np.hypot(*(grid[:, None] - landmarks).transpose(2, 0, 1))
    # Choose the rotation of the polygon against the samples with the smallest total distance (capped per node).
    shifts = np.arange(SAMPLES * fine)
    near = [away[(shifts + round(place * fine)) % len(grid), node] for node, place in enumerate(along)]
    start = int(np.argmin(np.minimum(near, 40.0).sum(axis=0)))
    window = np.arange(-5 * fine, 5 * fine + 1)
    places = np.empty(len(landmarks))
    for node, place in enumerate(along):
        index = start + round(place * fine) + window
        places[node] = index[np.argmin(away[index % len(grid), node] + 0.02 * np.abs(window) / fine)] / fine
    return np.maximum.accumulate(places)


class ContourNet(nn.Module):
    """Torch counterpart of :class:`cxrfactory.anatomy.mask_landmarks.ContourModel`."""

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(FEATURES, WIDTH, 1)
        self.blocks = nn.ModuleList(
            nn.Conv1d(
                WIDTH, WIDTH, KERNEL, padding=dilation * (KERNEL // 2), dilation=dilation, padding_mode="circular"
            )
            for dilation in DILATIONS
        )
        self.last = nn.Conv1d(WIDTH, nodes, 1)

    def forward(self, seen: Float[Tensor, "b features samples"]) -> Float[Tensor, "b nodes samples"]:
        """Compute the logits of every node's place."""
        x = torch.relu(self.first(seen))
        for block in self.blocks:
            x = x + torch.relu(block(x))
        return self.last(x)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights as the fields of ContourModel, in float16."""
        flat = lambda layer: layer.weight.detach().cpu().numpy()  # noqa: E731
        found = {
            "first": flat(self.first)[:, :, 0].T,
            "first_bias": self.first.bias.detach().cpu().numpy(),
            "blocks": np.stack([flat(each).transpose(2, 1, 0).reshape(-1, WIDTH) for each in self.blocks]),
            "block_biases": np.stack([each.bias.detach().cpu().numpy() for each in self.blocks]),
            "last": flat(self.last)[:, :, 0].T,
            "last_bias": self.last.bias.detach().cpu().numpy(),
        }
        return {name: value.astype(np.float16) for name, value in found.items()}


def disturbed(
    organ: str, examples: Examples, chosen: np.ndarray, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "b samples features"], Float[np.ndarray, "b nodes"]]:
    """Disturb contours by a random affine map, a smooth warp and a wavy border; return their features and places."""
    points, distances = examples.points[chosen], examples.distances[chosen].copy()
    batch, samples = points.shape[:2]
    centre = points.mean(axis=1, keepdims=True)
    size = np.abs(points - centre).mean(axis=(1, 2), keepdims=True) * 2
    unit = (points - centre) / size
    angle = rng.uniform(-0.15, 0.15, batch)
    shear = rng.normal(0, 0.05, batch)
    scale = np.exp(rng.normal(0, 0.1, (batch, 2)))
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 2, 2)
    matrix = turn @ np.stack([scale[:, 0], shear, np.zeros(batch), scale[:, 1]], axis=1).reshape(-1, 2, 2)
    moved = unit @ matrix.transpose(0, 2, 1)
    for _ in range(3):
        wave = rng.normal(0, 1.8, (batch, 2, 1))
        phase = rng.uniform(0, 2 * np.pi, (batch, 1, 1))
        moved = moved + np.sin(unit @ wave + phase) * rng.normal(0, 0.03, (batch, 1, 2))
    turns = np.arange(samples) * (2 * np.pi / samples)
    for frequency in rng.integers(4, 30, 4):
        phase = rng.uniform(0, 2 * np.pi, (batch, 1, 2))
        moved = moved + np.sin(frequency * turns[:, None] + phase) * rng.normal(0, 0.02 / frequency, (batch, 1, 2)) * 2
    moved = moved * size
    distances *= np.exp(rng.normal(0, 0.2, (batch, 1)))
    distances += rng.normal(0, 0.01, (batch, 1)) * size[:, 0]
    distances[rng.random(batch) < _WITHOUT_CONTEXT] = np.nan
    if organ in _MEDIAL:
        for row in np.flatnonzero(rng.random(batch) < _FILLED_IN):
            moved[row] = filled_in(organ, moved[row], examples.places[chosen[row]], rng.uniform(0.2, 1.0))
            distances[row] = np.nan  # the distances belonged to the border before the change
    places = np.empty_like(examples.places[chosen])
    index = np.arange(samples + 1)
    for row in range(batch):
        at = even_places(moved[row], samples)
        true = examples.places[chosen[row]]
        back = np.interp(true % samples, [*at, samples], index) + samples * (true // samples)
        closed = np.concatenate([moved[row], moved[row, :1]])
        moved[row] = np.stack([np.interp(at, index, closed[:, axis]) for axis in range(2)], axis=1)
        distances[row] = np.interp(at, index, [*distances[row], distances[row, 0]])
        places[row] = back
    return features(moved, distances), places


def filled_in(
    organ: str, points: Float[np.ndarray, "samples 2"], places: Float[np.ndarray, " nodes"], share: float
) -> Float[np.ndarray, "samples 2"]:
    """Move a lung's border at the heart by ``share`` of the way to the horizontal position of its medial extreme.

    The lungs of the V7 masks, and lungs projected from CT, have no notch where the heart is.
    """
    samples = len(points)
    along = (np.arange(samples) - places[0]) % samples + places[0]
    weight = np.interp(along, places[list(_MEDIAL[organ])], [0.0, 1.0, 1.0, 0.0])
    across = points[:, 0]
    extreme = across.max() if organ == "right_lung" else across.min()
    return np.stack([across + share * weight * (extreme - across), points[:, 1]], axis=1)


def contour_loss(
    logits: Float[Tensor, "b nodes samples"], places: Float[Tensor, "b nodes"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Compute the cross entropy with a narrow bell at the true place, and the squared error of the mean (samples²)."""
    samples = logits.shape[-1]
    away = torch.arange(samples, dtype=logits.dtype) - places[..., None]
    away = away - samples * torch.round(away / samples)
    bell = torch.softmax(-0.5 * (away / _TARGET_SIGMA) ** 2, dim=-1)
    logs = torch.log_softmax(logits, dim=-1)
    mean = (logs.exp() * away).sum(dim=-1)
    return -(bell * logs).sum(dim=-1).mean(), (mean**2).mean()


def fit_organ(
    organ: str, examples: Examples, steps: int, seed: int = 0, batch_size: int = 32, rate: float = 4e-3
) -> dict[str, np.ndarray]:
    """Train the network of one organ on the CPU in one thread; the same seed gives the same weights."""
    torch.set_num_threads(1)
    torch.manual_seed(seed_of(organ, "mask-landmarks-init", seed))
    rng = np.random.default_rng(seed_of(organ, "mask-landmarks-batches", seed))
    network = ContourNet(examples.places.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    started, entropies, squares = time.monotonic(), [], []
    for step in range(steps):
        chosen = rng.choice(len(examples.points), min(batch_size, len(examples.points)), replace=False)
        seen, places = disturbed(organ, examples, chosen, rng)
        logits = network(torch.from_numpy(seen).float().transpose(1, 2))
        entropy, square = contour_loss(logits, torch.from_numpy(places).float())
        optimizer.zero_grad(set_to_none=True)
        (entropy + _MEAN_WEIGHT * square).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        entropies.append(float(entropy.detach()))
        squares.append(float(square.detach()))
        if (step + 1) % 250 == 0 or step + 1 == steps:
            shown = (organ, step + 1, steps, time.monotonic() - started, np.mean(entropies), np.mean(squares))
            log.info("%s: step %d of %d, %.0f s: cross entropy %.3f, place error %.2f samples²", *shown)
            entropies, squares = [], []
    fractions = (examples.places - examples.places[:, :1]).mean(axis=0) / SAMPLES
    return {f"{organ}.{name}": value for name, value in (network.arrays() | {"fractions": fractions}).items()}


def train_mask_landmarks(root: Path, output: Path, settings: MaskLandmarksConfig) -> None:
    """Train the models of lungs and heart on patients that are not held out; write them as ``.npz`` (float16)."""
    cases = read_cases(root)
    train = [case for case in cases if not case.held_out]
    log.info("train on %d images, hold out %d", len(train), len(cases) - len(train))
    arrays: dict[str, np.ndarray] = {}
    for organ, examples in examples_of(train).items():
        if organ in ORGANS:  # clavicles have a rule (anatomy/clavicles.py)
            arrays |= fit_organ(organ, examples, settings.steps, settings.seed)
    with atomic_path(output) as temporary:
        np.savez_compressed(temporary, **{name: value.astype(np.float16) for name, value in sorted(arrays.items())})
    log.info("wrote %s, %d bytes", output, output.stat().st_size)


def evaluate_mask_landmarks(root: Path, only_held_out: bool = True) -> list[dict[str, object]]:
    """Find the landmarks of filled contours again and compare them with the true ones.

    There is one row per image and organ, with ``mse`` (pixels² at 1024) and the ``dice`` of the refilled contour.
    """
    rows = []
    for case in progress([case for case in read_cases(root) if case.held_out or not only_held_out], "evaluate"):
        masks = case.masks()
        found = landmarks_from_masks(**masks)
        start = 0
        for organ, truth in case.landmarks.items():
            points = found[start : start + len(truth)]
            start += len(truth)
            overlap = dice(fill_contour(points, FRAME, FRAME), masks[organ])
            row = {"image_id": case.image_id, "source": case.source, "organ": organ, "held_out": case.held_out}
            rows.append(row | {"mse": landmark_mse(points, truth), "dice": overlap})
    return rows
