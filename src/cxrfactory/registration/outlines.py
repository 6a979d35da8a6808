"""Fitting of landmarks of one convention to lung outlines of another convention.

Some public lung masks, such as V7's, include the part of the lungs behind the heart; the contours of the landmark data
do not. Both conventions agree on the border along the ribs, the apex, and the diaphragm away from the heart. There such
an outline can correct landmarks that a network predicted. Elsewhere, and for the heart, landmarks keep their position
in the shape and move with it.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.organs import LUNGS

ROUNDS = 12  # iterations of nearest-point search and affine fit; more iterations change nothing visible
PRIOR_PX = 300.0  # weight, at a side of 1024 px, that keeps the affine map near the identity
LARGEST_STEP = 0.06  # largest move, as a share of the frame's side; a node farther off may belong to another border
SMOOTH_NODES = 1.3  # Gaussian sigma of the smoothing along the contour, in nodes
APEX = 0.09  # height of the apex region below a lung's top, as a share of the frame's side


def outer_nodes(mean_shape: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph) -> Bool[np.ndarray, "nodes"]:
    """Return which nodes lie on the lung border that both conventions share.

    These are the nodes lateral of the middle of each lung, and those of its apex.

    Parameters
    ----------
    mean_shape
        Nodes (x, y) as fractions of the frame's side; the patient's right is on the image's left.
    graph
        Graph of the nodes.
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

    First an affine map is fitted to the outer nodes by the iterative closest point method. Then the outer nodes move to
    the outline. Their displacement is smoothed along the contour, so that their neighbours follow.

    Parameters
    ----------
    landmarks
        Nodes (x, y), pixels of the masks' frame.
    lungs
        Masks ``right_lung`` and ``left_lung`` [row, column], each in one piece, with values 0 and 1.
    outer
        Nodes for which the outline is valid (:func:`outer_nodes`).
    graph
        Graph of the nodes.

    Returns
    -------
    tuple
        The moved landmarks, and the mean distance in pixels from the outer nodes to the outline after the affine fit. A
        large distance means that shape and outline disagree.
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
    """Return the nearest outline point for each lung node; other nodes are returned unchanged."""
    found = shape.copy()
    for organ, tree in trees.items():
        where = graph.slices[organ]
        found[where] = tree.data[tree.query(shape[where])[1]]
    return found
