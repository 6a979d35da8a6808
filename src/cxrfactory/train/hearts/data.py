"""Training cases of hearts: frames about the true heart with random changes, and sampled batches."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32

from cxrfactory.errors import CxrError
from cxrfactory.models.hybridvnet.frame import Frame, frame_of, turn_of
from cxrfactory.models.hybridvnet.graph import MeshGraph
from cxrfactory.models.hybridvnet.inputs import Sampled, collated, sample
from cxrfactory.models.hybridvnet.network import Inputs
from cxrfactory.models.hybridvnet.picture_table import PicturedHeart, read_pictures
from cxrfactory.tables.keys import seed_of
from cxrfactory.train.hearts.settings import HeartTraining


def load_hearts(
    tables: Path | Sequence[Path], split: str, nodes: np.ndarray, template_nodes: int
) -> list[PicturedHeart]:
    """Load the pictures of a split, with the vertices of the graph's nodes alone.

    Parameters
    ----------
    tables
        Tables of prepared pictures.
    split
        ``train`` or ``validate``.
    nodes
        Nodes of the template that the graph has.
    template_nodes
        Number of nodes of the template, which every mesh must have.

    Raises
    ------
    CxrError
        If no case has the split, or a mesh has another number of nodes.
    """
    found = []
    for heart in read_pictures(tables, split):
        if heart.vertices_mm is None or len(heart.vertices_mm) != template_nodes:
            count = "no mesh" if heart.vertices_mm is None else f"a mesh of {len(heart.vertices_mm)} nodes"
            raise CxrError(f"case '{heart.key}': {count}; the template has {template_nodes} nodes: use its own cohort")
        vertices = heart.vertices_mm[nodes]
        found.append(PicturedHeart(heart.case_id, heart.patient_id, heart.frame, heart.split, heart.pictures, vertices))
    if not found:
        where = tables if isinstance(tables, str | Path) else ", ".join(map(str, tables))
        raise CxrError(f"{where}: no case has split '{split}'; expected cases of train and of validate")
    return found


def true_frame(heart: PicturedHeart, graph: MeshGraph, side_mm: float) -> Frame:
    """Return the frame about the true ventricles, turned as the template."""
    centre = heart.vertices_mm[graph.central].mean(0, dtype=np.float64)
    straight = frame_of(heart.pictures, centre, side_mm)
    inside = (heart.vertices_mm - centre) @ straight.axes.T
    return frame_of(heart.pictures, centre, side_mm, turn_of(inside, graph.reference_mm, graph.central.astype(float)))


def changed_frame(frame: Frame, settings: HeartTraining, rng: np.random.Generator) -> Frame:
    """Turn, shift and scale a frame at random."""
    axes = turned(frame.axes, np.radians(settings.turn_degrees) * rng.standard_normal())
    scale = np.exp(settings.scale * rng.standard_normal(3))
    shift = settings.shift_mm * rng.standard_normal(3)
    return Frame(frame.centre_mm + shift, axes, frame.side_mm, tuple(scale))


def turned(axes: Float[np.ndarray, "3 3"], angle: float) -> Float[np.ndarray, "3 3"]:
    """Turn axes about the third by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]]) @ axes


def recoloured(sampled: Sampled, strength: float, drop: float, rng: np.random.Generator) -> Sampled:
    """Change the grey values of the stack and of each view at random, and leave out views."""
    stack, planes, facts, present = sampled
    stack = _recoloured(stack, strength, rng)
    for place in range(len(planes)):
        planes[place] = _recoloured(planes[place], strength, rng)
    kept = present & (rng.random(len(present)) >= drop)
    return stack, planes * kept[:, None, None, None], facts * kept[:, None], kept


def _recoloured(picture: Float32[np.ndarray, "2 ..."], strength: float, rng: np.random.Generator) -> np.ndarray:
    if not strength:
        return picture
    grey, inside = picture
    gamma, gain = np.exp(strength * rng.standard_normal(2) * (0.25, 0.12))
    noise = 0.03 * strength * rng.random() * rng.standard_normal(grey.shape, dtype=np.float32)
    changed = np.clip(np.float32(gain) * grey ** np.float32(gamma) + noise, 0, 1.5)
    return np.stack([changed * inside, inside]).astype(np.float32)


def training_batches(
    hearts: Sequence[PicturedHeart],
    frames: Sequence[Frame],
    batches: Sequence[np.ndarray],
    settings: HeartTraining,
    epoch: int,
) -> Iterator[tuple[Inputs, torch.Tensor]]:
    """Yield the inputs and the true relative positions of each batch of an epoch.

    The random changes of a case depend only on the seed, the epoch and the case.
    """
    for batch in batches:
        sampled, targets = [], []
        for index in batch:
            heart = hearts[index]
            rng = np.random.default_rng(seed_of(f"{heart.key} {epoch}", "heart", settings.seed))
            frame = changed_frame(frames[index], settings, rng)
            found = sample(heart.pictures, frame, settings.network)
            sampled.append(recoloured(found, settings.appearance, settings.drop_views, rng))
            targets.append(frame.to_relative(heart.vertices_mm))
        yield collated(sampled), torch.from_numpy(np.stack(targets).astype(np.float32))
