"""Errors of corresponding landmarks."""

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError

PAPER_SIZE_PX = 1024


def landmark_mse(
    a: Float[np.ndarray, "nodes 2"], b: Float[np.ndarray, "nodes 2"], size: float = PAPER_SIZE_PX
) -> float:
    """Compute the mean squared error of corresponding points, in squared pixels of the 1024 x 1024 frame.

    The mean runs over the coordinates, that is over x and y of every node ("MSE in pixel space over the vectored
    landmark location", HybridGNet, section on baselines). It is therefore half the mean squared distance of the points.
    The paper's figures refer to 1024 x 1024 pixels, so coordinates in a frame of another ``size`` are first scaled to
    that frame.

    Parameters
    ----------
    a, b
        Points (x, y) in pixels ``[nodes, 2]``, the same nodes in the same order.
    size
        Side in pixels of the square frame of the points; 1024 leaves them unchanged.

    Raises
    ------
    CxrError
        If the shapes differ, there are no points, a coordinate is not finite, or the size is not above 0.

    Examples
    --------
    >>> a = np.array([[10.0, 20.0], [30.0, 40.0]])
    >>> cxr.landmark_mse(a, a + [3.0, 4.0])
    12.5
    """
    squares = _differences(a, b, size) ** 2
    return float(squares.mean())


def landmark_distances(
    a: Float[np.ndarray, "nodes 2"], b: Float[np.ndarray, "nodes 2"], size: float = PAPER_SIZE_PX
) -> Float[np.ndarray, "nodes"]:
    """Compute the Euclidean distance of each pair of points, in pixels of the 1024 x 1024 frame.

    Parameters and errors are those of :func:`landmark_mse`.
    """
    return np.linalg.norm(_differences(a, b, size), axis=1)


def _differences(a: np.ndarray, b: np.ndarray, size: float) -> np.ndarray:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 2 or not len(a):
        raise CxrError(f"landmarks of shapes {a.shape} and {b.shape}; expected two equal shapes [nodes, 2]")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise CxrError("landmarks hold a coordinate that is not finite")
    if not size > 0:
        raise CxrError(f"frame size {size}; expected a number of pixels above 0")
    return (a - b) * (PAPER_SIZE_PX / size)
