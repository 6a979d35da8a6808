"""Spread of the landmarks over latent samples, summarised as one number per organ."""

import numpy as np
from jaxtyping import Float

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError


def organ_spread(std: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph, size: float) -> dict[str, float]:
    """Average the standard deviation of an organ's landmarks (the root of the summed variances of both axes).

    Parameters
    ----------
    std
        Standard deviation of each landmark along (x, y), in pixels.
    graph
        Landmark graph that names the organs and their nodes.
    size
        Side of the frame of the landmarks, in pixels.

    Returns
    -------
    dict
        Spread of ``lungs`` (both together), of ``heart`` where the graph has one, and of ``both``: the mean of the two
        as in RCA, or that of the lungs where there is no heart. Values are shares of the side, so that frames of any
        size can be compared.

    Raises
    ------
    CxrError
        If ``std`` does not have the shape that the graph's nodes give.
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
