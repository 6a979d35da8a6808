"""Landmarks and masks that are spoiled on purpose, in known degrees, to test whether a score detects it.

Each kind imitates a way in which segmentations fail. Severity 0 leaves the landmarks unchanged, and 1 is the worst. The
image's id seeds the random choices, so a spoiled mask is the same in every run.
"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.rca.labels import Codes
from cxrfactory.tables.keys import seed_of

Points = Float[np.ndarray, "nodes 2"]

SHIFT = 0.15  # displacement as a share of the frame's side, at severity 1
SCALE = 0.35  # growth or shrinkage, at severity 1
BEND = 0.06  # RMS displacement of the deformation along each axis, as a share of the frame's side, at severity 1
WAVES = 6
MAX_WAVES_A_SIDE = 3.0
HOLE = 0.04  # radius of a disc as a share of the map's side
COLLAPSE = 0.9  # shrinkage of the collapsed organ, at severity 1


def spoil(
    landmarks: Points,
    graph: LandmarkGraph,
    kind: str,
    severity: float,
    image_id: str,
    size: float,
    other: Points | None = None,
) -> Points:
    """Spoil the landmarks of one image.

    Parameters
    ----------
    landmarks
        (x, y) in pixels of a frame of ``size`` x ``size``.
    graph
        Landmark graph that names the organs and their nodes.
    kind
        One of :data:`KINDS`:

        ``shift``
            all organs are moved in a random direction;
        ``scale``
            all organs are enlarged or shrunk about their common centre;
        ``deform``
            each organ is bent by its own smooth random field (a sum of plane waves);
        ``swap``
            the landmarks are moved towards another patient's landmarks, which they reach at severity 1;
        ``collapse``
            one organ, chosen at random, is shrunk about its centre.
    severity
        Degree of spoiling, in [0, 1].
    image_id
        Id of the image; it seeds the random choices.
    size
        Side of the frame, in pixels.
    other
        Another patient's landmarks in the same frame; only ``swap`` needs them.

    Returns
    -------
    ndarray
        Spoiled landmarks, float64; they may lie outside the frame.

    Raises
    ------
    CxrError
        If the kind is unknown, the severity is outside [0, 1], the landmarks do not fit the graph, or ``other`` is
        missing.
    """
    if kind not in KINDS:
        raise CxrError(f"unknown way to spoil '{kind}'; expected one of {', '.join(KINDS)}")
    if not 0 <= severity <= 1:
        raise CxrError(f"severity {severity}; expected a number in [0, 1]")
    points = np.array(landmarks, dtype=np.float64)
    if points.shape != (graph.nodes, 2):
        raise CxrError(f"landmarks of shape {points.shape}; graph '{graph.name}' expects ({graph.nodes}, 2)")
    if kind == "swap":
        if other is None or np.shape(other) != points.shape:
            raise CxrError(f"swap needs another patient's landmarks of shape {points.shape}")
        return points + severity * (np.asarray(other, np.float64) - points)
    rng = np.random.default_rng(seed_of(image_id, f"spoil {kind}"))
    return _BY_RNG[kind](points, graph, severity, size, rng)


def _shift(points: Points, graph: LandmarkGraph, severity: float, size: float, rng: np.random.Generator) -> Points:
    angle = rng.uniform(0, 2 * np.pi)
    return points + severity * SHIFT * size * np.array([np.cos(angle), np.sin(angle)])


def _scale(points: Points, graph: LandmarkGraph, severity: float, size: float, rng: np.random.Generator) -> Points:
    factor = (1 + SCALE * severity) ** rng.choice([-1, 1])
    centre = points.mean(axis=0)
    return centre + factor * (points - centre)


def _deform(points: Points, graph: LandmarkGraph, severity: float, size: float, rng: np.random.Generator) -> Points:
    spoiled = points.copy()
    for where in graph.slices.values():
        waves = rng.uniform(-MAX_WAVES_A_SIDE, MAX_WAVES_A_SIDE, (WAVES, 2))  # (x, y), cycles per side
        phases = rng.uniform(0, 2 * np.pi, (WAVES, 2))
        angles = 2 * np.pi / size * (points[where] @ waves.T)
        # A sum of WAVES sines of unit amplitude has the RMS sqrt(WAVES / 2).
        field = np.sin(angles[:, :, None] + phases).sum(axis=1) / np.sqrt(WAVES / 2)
        spoiled[where] += severity * BEND * size * field
    return spoiled


def _collapse(points: Points, graph: LandmarkGraph, severity: float, size: float, rng: np.random.Generator) -> Points:
    where = graph.slices[graph.organs[rng.integers(len(graph.organs))]]
    spoiled = points.copy()
    centre = points[where].mean(axis=0)
    spoiled[where] = centre + (1 - COLLAPSE * severity) * (points[where] - centre)
    return spoiled


_BY_RNG: dict[str, Callable[..., Points]] = {
    "shift": _shift,
    "scale": _scale,
    "deform": _deform,
    "collapse": _collapse,
}
KINDS = (*_BY_RNG, "swap")


def spoil_codes(codes: Codes, kind: str, severity: float, image_id: str) -> Codes:
    """Spoil masks in ways that landmarks cannot represent.

    Parameters
    ----------
    codes
        Map of codes (:mod:`cxrfactory.rca.labels`).
    kind
        One of :data:`MASK_KINDS`:

        ``holes``
            discs are cut out of every organ, which at severity 1 loses about two thirds of its pixels;
        ``sides``
            right and left lung are exchanged from the lowest row of the lungs upwards; at severity 1 everywhere.
    severity
        Degree of spoiling, in [0, 1].
    image_id
        Id of the image; it seeds the random choices.

    Raises
    ------
    CxrError
        If the kind is unknown or the severity is outside [0, 1].
    """
    if kind not in MASK_KINDS:
        raise CxrError(f"unknown way to spoil masks '{kind}'; expected one of {', '.join(MASK_KINDS)}")
    if not 0 <= severity <= 1:
        raise CxrError(f"severity {severity}; expected a number in [0, 1]")
    spoiled = codes.copy()
    if kind == "holes":
        rows, columns = np.nonzero(codes)
        if not len(rows):
            return spoiled
        radius = max(1, round(HOLE * codes.shape[0]))
        rng = np.random.default_rng(seed_of(image_id, "spoil holes"))
        # This number of discs, placed at random, covers the share 1 - exp(-severity) of the organs.
        count = round(severity * len(rows) / (np.pi * radius**2))
        for index in rng.integers(len(rows), size=count):
            cv2.circle(spoiled, (int(columns[index]), int(rows[index])), radius, 0, cv2.FILLED)
        return spoiled
    lungs = np.flatnonzero((codes & 3).any(axis=1))
    if not len(lungs):
        return spoiled
    first = lungs[-1] + 1 - round(severity * (lungs[-1] + 1 - lungs[0]))
    below = spoiled[first:]
    below[:] = (below & ~np.uint8(3)) | ((below & 1) << 1) | ((below & 2) >> 1)
    return spoiled


MASK_KINDS = ("holes", "sides")
