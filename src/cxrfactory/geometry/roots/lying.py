"""Which way the roots of a plate grew, to tell a plate that lies on its side or stands on its head."""

import cv2
import numpy as np
from jaxtyping import Int32

_LEAST_PX = 30  # pixels of a part of the mask that tells
_ASIDE = 2.0  # times as much growth to the side as down
_ASIDE_SHAPE = 6.0  # the same in a single picture, by the squared spread of the roots
_UP = 0.5  # growth upwards over that to the side


def lies(arrival: Int32[np.ndarray, "height width"]) -> str | None:
    """Return where the roots of a plate grew to if that is not down: ``right``, ``left``, ``up`` or ``aside``.

    Each connected part of the mask tells by the covariance of the place of its pixels with the picture in which they
    became root. In a single picture, its spread tells only that the roots lie ``aside``.

    Parameters
    ----------
    arrival
        First picture with root at each pixel, indexed [row, column]; -1 for never.

    Examples
    --------
    >>> arrival = np.full((100, 100), -1, np.int32)
    >>> arrival[50:53, 10:90] = np.arange(80)
    >>> lies(arrival), lies(np.ascontiguousarray(arrival.T)), lies(np.ascontiguousarray(arrival.T[::-1]))
    ('right', None, 'up')
    """
    number, labels, boxes, _ = cv2.connectedComponentsWithStats((arrival >= 0).astype(np.uint8), connectivity=8)
    rows, columns = np.nonzero(arrival >= 0)
    part, when = labels[rows, columns], arrival[rows, columns].astype(float)
    large = boxes[part, cv2.CC_STAT_AREA] >= _LEAST_PX
    rows, columns, part, when = rows[large], columns[large], part[large], when[large]
    if not len(rows):
        return None
    down, right, when = (_apart(values.astype(float), part, number) for values in (rows, columns, when))
    if not when.any():
        return "aside" if float(right @ right) > _ASIDE_SHAPE * float(down @ down) else None
    to_right, to_bottom = float(right @ when), float(down @ when)
    if abs(to_right) > _ASIDE * abs(to_bottom):
        return "right" if to_right > 0 else "left"
    return "up" if to_bottom < 0 and -to_bottom > _UP * abs(to_right) else None


def _apart(values: np.ndarray, part: np.ndarray, number: int) -> np.ndarray:
    """Return values less the mean of their part."""
    counts = np.bincount(part, minlength=number)
    means = np.bincount(part, values, minlength=number) / np.maximum(counts, 1)
    return values - means[part]
