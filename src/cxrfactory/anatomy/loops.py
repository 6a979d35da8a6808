"""Contours that cross themselves: count the crossings, and take small loops out."""

import numpy as np
from jaxtyping import Bool, Float

SMALL_LOOP = 1 / 6  # share of the contour's nodes; a larger loop is no slip of a few nodes, and stays


def crossings(contour: Float[np.ndarray, "nodes 2"]) -> int:
    """Count the pairs of edges of a closed contour that cross each other."""
    return int(_crossing(contour).sum())


def without_loops(contour: Float[np.ndarray, "nodes 2"]) -> Float[np.ndarray, "nodes 2"]:
    """Draw the small loops of a closed contour together into the points where they start.

    A contour that crosses itself has a loop on one side of the crossing. The nodes of the shorter side are moved to the
    crossing, shortest loop first, until no loop of at most :data:`SMALL_LOOP` of the nodes is left. All other nodes
    keep their place, and every node keeps its number.

    Parameters
    ----------
    contour
        Nodes (x, y) in their order.

    Returns
    -------
    The contour with the moved nodes; the same object if no small loop was found.

    Examples
    --------
    >>> square = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [4, 4], [3.9, 4.5], [4.1, 4.5], [3, 4],
    ...                    [2, 4], [1, 4], [0, 4], [0, 2]])
    >>> crossings(square), crossings(without_loops(square))
    (1, 0)
    """
    nodes = len(contour)
    for _ in range(nodes):
        pairs = np.argwhere(_crossing(contour))
        inner = pairs[:, 1] - pairs[:, 0] if len(pairs) else np.empty(0, np.int64)
        lengths = np.minimum(inner, nodes - inner)
        if not len(lengths) or lengths.min() > SMALL_LOOP * nodes:
            break
        first, second = pairs[np.argmin(lengths)]
        loop = np.arange(first + 1, second + 1)
        if len(loop) > nodes - len(loop):
            loop = np.arange(second + 1, first + 1 + nodes) % nodes
        contour = contour.copy()
        contour[loop] = _meeting(contour, first, second)
    return contour


def _crossing(contour: Float[np.ndarray, "nodes 2"]) -> Bool[np.ndarray, "nodes nodes"]:
    """Return which edge (row, the one with the smaller number) crosses which (column)."""
    start, end = contour[:, None], np.roll(contour, -1, axis=0)[:, None]
    other, beyond = contour[None], np.roll(contour, -1, axis=0)[None]
    apart = (_side(start, end, other) * _side(start, end, beyond) < 0) & (
        _side(other, beyond, start) * _side(other, beyond, end) < 0
    )
    return np.triu(apart, 1)


def _side(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    along, across = end - start, point - start
    return along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]


def _meeting(contour: np.ndarray, first: int, second: int) -> np.ndarray:
    """Return the point (x, y) at which two edges cross."""
    start, other = contour[first], contour[second]
    along, beyond = contour[(first + 1) % len(contour)] - start, contour[(second + 1) % len(contour)] - other
    gap = other - start
    share = (gap[0] * beyond[1] - gap[1] * beyond[0]) / (along[0] * beyond[1] - along[1] * beyond[0])
    return start + share * along
