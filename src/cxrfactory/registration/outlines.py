"""Landmarks of one convention fitted to lung outlines of another.

Some public masks of the lungs include the part behind the heart (V7's), those of the landmark data do not. Where both
mean the same border, along the ribs, the apex and the diaphragm away from the heart, such an outline can correct
landmarks that a network found; elsewhere, and for the heart, landmarks keep their place in the shape and move with it.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.organs import LUNGS

ROUNDS = 12  # of nearest points and affine fit; more change nothing visible
PRIOR_PX = 300.0  # keeps the affine map near the identity where the outline says little, at 1024
LARGEST_STEP = 0.06  # of the frame's side: farther from the outline, a landmark has another meaning
SMOOTH_NODES = 1.3
APEX = 0.09  # of the frame's side below a lung's top


def outer_nodes(mean_shape: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph) -> Bool[np.ndarray, "nodes"]:
    """Nodes of the lungs on the border that both conventions share: lateral of each lung's middle, and its apex.

    Parameters
    ----------
    mean_shape
        (x, y) as fractions of the side; the patient's right is on the left.
    graph
        Names the nodes.
    """
    outer = np.zeros(graph.nodes, bool)
    for organ, outward in (("right_lung", -1), ("left_lung", 1)):
        where = graph.slices[organ]
        x, y = mean_shape[where].T
        outer[where] = ((x - (x.min() + x.max()) / 2) * outward > 0) | (y < y.min() + APEX)
    return outer


def fit_to_outlines(
    landmarks: Float[np.ndarray, "nodes 2"],
    lungs: dict[str, UInt8[np.ndarray, "size size"]],
    outer: Bool[np.ndarray, "nodes"],
    graph: LandmarkGraph,
) -> tuple[Float[np.ndarray, "nodes 2"], float]:
    """Move a shape onto the outlines of both lungs.

    An affine map is fitted by iterated closest points of the outer nodes; then these go to the outline, with the
    displacement smoothed along the contour so that their neighbours follow.

    Parameters
    ----------
    landmarks
        (x, y), pixels of the masks' frame.
    lungs
        ``right_lung`` and ``left_lung``, one piece each, 0 or 1.
    outer
        Nodes that the outline is true for (:func:`outer_nodes`).
    graph
        Names the nodes.

    Returns
    -------
    tuple
        The moved landmarks, and the mean distance in pixels that outer nodes had from the outline after the affine
        fit: large where shape and outline do not agree.
    """
    side = next(iter(lungs.values())).shape[0]
    trees = {organ: cKDTree(_border(lungs[organ])) for organ in LUNGS}
    shape = np.asarray(landmarks, np.float64)
    prior = PRIOR_PX * side / 1024 * np.eye(2)
    for _ in range(ROUNDS):
        nearest = _nearest(shape, trees, graph)
        known = np.column_stack([shape[outer], np.ones(int(outer.sum()))])
        equations = np.vstack([known, np.column_stack([prior, np.zeros(2)])])
        matrix = np.linalg.lstsq(equations, np.vstack([nearest[outer], prior]), rcond=None)[0]
        shape = np.column_stack([shape, np.ones(len(shape))]) @ matrix
    step = np.where(outer[:, None], _nearest(shape, trees, graph) - shape, 0)
    length = np.linalg.norm(step, axis=1, keepdims=True)
    gap = float(length[outer].mean())
    step *= np.minimum(1, LARGEST_STEP * side / np.maximum(length, 1e-9))
    for organ in trees:
        where = graph.slices[organ]
        shape[where] += gaussian_filter1d(step[where], SMOOTH_NODES, axis=0, mode="wrap")
    return shape, gap


def _border(mask: UInt8[np.ndarray, "size size"]) -> Float[np.ndarray, "n 2"]:
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=len)[:, 0].astype(np.float64)


def _nearest(shape: np.ndarray, trees: dict[str, cKDTree], graph: LandmarkGraph) -> np.ndarray:
    """The outlines' points nearest to the lungs' nodes; other nodes as they are."""
    found = shape.copy()
    for organ, tree in trees.items():
        where = graph.slices[organ]
        found[where] = tree.data[tree.query(shape[where])[1]]
    return found
