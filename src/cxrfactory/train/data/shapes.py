"""Contours without images, which train networks that read only masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_labels
from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.models.inputs import to_fractions, to_pixels
from cxrfactory.tables.parquet import read_table
from cxrfactory.train.mask_landmarks import FRAME, read_cases

log = get_logger(__name__)

COLUMNS = ["image_id", "source", "labels", "split", "size", "landmarks"]  # columns of LABELLED_IMAGES


@dataclass(frozen=True)
class Shape:
    """Contours of one image.

    Attributes
    ----------
    image_id, source
        Id and source of the image, as in the table.
    contours
        Organ to points (x, y) as fractions of the side; organs that are not annotated are absent.
    """

    image_id: str
    source: str
    contours: dict[str, Float[np.ndarray, "nodes 2"]]

    def masks(
        self, organs: Sequence[str], size: int
    ) -> tuple[UInt8[np.ndarray, "organs size size"], Bool[np.ndarray, " organs"]]:
        """Fill the contours in the order of ``organs``, and mark the annotated organs; the other masks are empty."""
        filled = np.zeros((len(organs), size, size), np.uint8)
        for place, organ in enumerate(organs):
            if organ in self.contours:
                filled[place] = fill_contour(to_pixels(self.contours[organ], size), size, size)
        return filled, np.array([organ in self.contours for organ in organs])


def shapes_of_tables(paths: Sequence[Path], graph: LandmarkGraph) -> tuple[list[Shape], list[Shape]]:
    """Read shapes from preprocessed labelled tables: those of split ``train`` and those of ``val``, sorted by id.

    Images whose labels follow another definition of the organs than the graph, or that have no landmarks of both lungs,
    are left out.

    Raises
    ------
    CxrError
        If a row's landmarks do not fit its labels, an id occurs twice, or one of the two splits is empty.
    """
    parts: dict[str, list[Shape]] = {"train": [], "val": []}
    seen: set[str] = set()
    without_lungs = 0
    for path in paths:
        for row in read_table(path, columns=COLUMNS).itertuples():
            annotated = graph_of_labels(row.labels, f"{path}: image '{row.image_id}'")
            if annotated.definition != graph.definition:
                continue
            if not set(LUNGS) <= set(annotated.organs):
                without_lungs += 1
                continue
            points = np.asarray(row.landmarks, np.float64).reshape(-1, 2)
            if len(points) != annotated.nodes:
                raise CxrError(f"{path}: image '{row.image_id}' has labels {row.labels} but {len(points)} landmarks")
            if row.image_id in seen:
                raise CxrError(f"{path}: image_id '{row.image_id}' occurs twice; ids must be unique over all tables")
            seen.add(row.image_id)
            fractions = to_fractions(points, row.size)
            contours = {organ: fractions[where] for organ, where in annotated.slices.items() if organ in graph.organs}
            if row.split in parts:
                parts[row.split].append(Shape(row.image_id, row.source, contours))
    where = ", ".join(map(str, paths))
    if without_lungs:
        log.info("%s: left out %d images without landmarks of both lungs", where, without_lungs)
    return _checked(parts["train"], parts["val"], where)


def shapes_of_landmarks(root: Path, graph: LandmarkGraph) -> tuple[list[Shape], list[Shape]]:
    """Read shapes from a landmark set (``clinical.csv``, ``RL``, ``LL``, ``H``); a fifth of the patients is held out.

    Raises
    ------
    CxrError
        If the set is unreadable, or has no shape to train on or none that is held out.
    """
    train, val = [], []
    for case in read_cases(root):
        contours = {
            organ: to_fractions(points, FRAME) for organ, points in case.landmarks.items() if organ in graph.organs
        }
        (val if case.held_out else train).append(Shape(case.image_id, case.source, contours))
    return _checked(train, val, str(root))


def _checked(train: list[Shape], val: list[Shape], source: str) -> tuple[list[Shape], list[Shape]]:
    if not train or not val:
        raise CxrError(f"{source}: {len(train)} shapes to train on and {len(val)} held out; expected both")
    log.info("%s: %d shapes to train on, %d held out", source, len(train), len(val))
    return sorted(train, key=lambda each: each.image_id), sorted(val, key=lambda each: each.image_id)


def moved(shape: Shape, rng: np.random.Generator) -> Shape:
    """Rotate, scale, shear, shift and slightly bend all contours of a shape in the same way."""
    everything = np.concatenate(list(shape.contours.values()))
    centre = (everything.min(axis=0) + everything.max(axis=0)) / 2
    angle = np.radians(rng.uniform(-8, 8))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = np.exp(rng.normal(0, 0.10)) * np.exp(rng.normal(0, 0.05, 2))
    matrix = turn @ np.array([[scale[0], rng.normal(0, 0.03)], [0.0, scale[1]]])
    shift = rng.normal(0, 0.03, 2)
    waves, phases = rng.normal(0, 6, (2, 2)), rng.uniform(0, 2 * np.pi, (2, 1))
    heights = rng.normal(0, 0.006, (2, 2))  # amplitudes of the bend, as fractions of the side

    def move(points: np.ndarray) -> np.ndarray:
        bent = points + np.sin(points @ waves.T + phases[:, 0]) @ heights
        return centre + shift + (bent - centre) @ matrix.T

    return Shape(shape.image_id, shape.source, {organ: move(points) for organ, points in shape.contours.items()})
