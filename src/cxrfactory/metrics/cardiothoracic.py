"""The cardiothoracic ratio from masks."""

import numpy as np
from jaxtyping import Bool

from cxrfactory.metrics.overlap import as_masks


def cardiothoracic_ratio(lungs: Bool[np.ndarray, "rows columns"], heart: Bool[np.ndarray, "rows columns"]) -> float:
    """Compute heart width over thoracic width of an upright frontal radiograph.

    The heart width runs from the leftmost to the rightmost column of the heart's mask. The thoracic width runs from the
    leftmost to the rightmost column of both lungs together; the outer borders of the lungs approximate the inner edge
    of the ribs ("maximum horizontal distance between lung borders and the maximum horizontal diameter of the heart
    mask", HybridGNet, section 5.6). The two ends of a width need not lie in one row; neither do they in the manual
    measurement, which adds the largest distances to the right and to the left of the midline. All columns must have
    the same width; the ratio does not depend on the scale.

    Parameters
    ----------
    lungs
        One mask of both lungs together.
    heart
        Mask of the heart, in the same frame.

    Returns
    -------
    float
        The ratio, usually 0.4 to 0.6; NaN where a mask is empty.

    Raises
    ------
    CxrError
        If the shapes differ.

    Examples
    --------
    >>> lungs, heart = np.zeros((8, 20), bool), np.zeros((8, 20), bool)
    >>> lungs[1:6, 1:8] = lungs[1:6, 12:19] = True
    >>> heart[4:7, 7:16] = True
    >>> cxr.cardiothoracic_ratio(lungs, heart)
    0.5
    """
    lungs, heart = as_masks(lungs, heart)
    thoracic_width, heart_width = _width(lungs), _width(heart)
    return heart_width / thoracic_width if thoracic_width and heart_width else float("nan")


def _width(mask: np.ndarray) -> int:
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[-1] - columns[0] + 1) if columns.size else 0
