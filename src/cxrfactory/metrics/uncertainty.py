"""One number an organ for the spread of its landmarks over latent samples."""

import numpy as np
from jaxtyping import Float

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError


def organ_spread(std: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph, size: float) -> dict[str, float]:
    """Mean over an organ's landmarks of their standard deviation (root of both axes' variances).

    Parameters
    ----------
    std
        Standard deviation of each landmark along (x, y), pixels.
    graph
        Names the organs and their nodes.
    size
        Side of the frame of the landmarks, pixels.

    Returns
    -------
    dict
        ``lungs`` (both together), ``heart`` where the graph has one, and ``both``: their mean as in RCA (the lungs'
        alone without a heart). Shares of the side, so that frames of any size compare.

    Raises
    ------
    CxrError
        If the landmarks are not the graph's.
    """
    std = np.asarray(std, np.float64)
    if std.shape != (graph.nodes, 2):
        raise CxrError(f"deviations of shape {std.shape}; graph '{graph.name}' expects ({graph.nodes}, 2)")
    spread = np.sqrt((std**2).sum(axis=1)) / size
    where = graph.slices
    lungs = np.concatenate([spread[where["right_lung"]], spread[where["left_lung"]]])
    found = {"lungs": float(lungs.mean())}
    if "heart" in where:
        found["heart"] = float(spread[where["heart"]].mean())
    return found | {"both": float(np.mean(list(found.values())))}
