"""The cardiothoracic ratio from masks."""

import numpy as np
from jaxtyping import Bool

from cxrfactory.metrics.overlap import as_masks


def cardiothoracic_ratio(lungs: Bool[np.ndarray, "rows columns"], heart: Bool[np.ndarray, "rows columns"]) -> float:
    """Heart width over thoracic width of an upright frontal radiograph.

    The heart's width runs from the leftmost to the rightmost column of its mask, the thoracic width from the leftmost
    to the rightmost column of both lungs together: the lungs' outer borders stand for the inner edge of the ribs
    ("maximum horizontal distance between lung borders and the maximum horizontal diameter of the heart mask",
    HybridGNet, section 5.6). The ends need not lie in one row, as the reader's sum of the largest distances to the
    right and to the left of the midline. Columns must be equally wide; a scale does not matter.

    Parameters
    ----------
    lungs
        Both lungs, one mask.
    heart
        The heart, same frame.

    Returns
    -------
    float
        Usually 0.4 to 0.6; NaN where a mask is empty.

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
