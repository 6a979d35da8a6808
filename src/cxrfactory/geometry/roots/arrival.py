"""Arrival of roots: from which picture on each pixel of a plate is root.

Roots do not move after they have grown, so a pixel is root from one picture on. The masks of the single pictures err:
a root is lost behind a droplet for a while, and a speck is taken for a root in a few pictures. The arrival of a pixel
is the picture that splits the series best into pictures without root there and pictures with it: a picture after the
split scores :data:`PRESENT` if its mask holds the pixel and ``-ABSENT`` if it does not. The split with the highest sum
is the arrival, and the earliest of equal ones. If no split scores more than 0, the pixel is never root.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int32, UInt8

PRESENT = 2
ABSENT = 1  # a root that is lost in up to two thirds of the later pictures is still a root


class ArrivalMap:
    """The arrival of every pixel of a plate, from masks that are added one by one.

    The memory does not depend on the number of masks.

    Parameters
    ----------
    height, width
        Shape of the masks.
    """

    def __init__(self, height: int, width: int) -> None:
        self.masks = 0
        self._present = np.zeros(height * width, np.int32)
        self._lowest = np.full(height * width, np.iinfo(np.int32).max, np.int32)  # sum before the best split so far
        self._split = np.full(height * width, -1, np.int32)
        self._shape = (height, width)

    def add(self, mask: UInt8[np.ndarray, "height width"]) -> None:
        """Add the mask of the next picture.

        A sum over the pictures before a split is lowest just before a picture with root, so only the pixels of the
        mask are touched.
        """
        at = np.flatnonzero(mask)
        before = (PRESENT + ABSENT) * self._present[at] - ABSENT * self.masks
        better = before < self._lowest[at]
        here = at[better]
        self._lowest[here] = before[better]
        self._split[here] = self.masks
        self._present[at] += 1
        self.masks += 1

    def finish(self) -> Int32[np.ndarray, "height width"]:
        """Return the number of the first picture with root at each pixel, from 0 in the order added; -1 for never."""
        whole = (PRESENT + ABSENT) * self._present - ABSENT * self.masks
        found = np.where((self._split >= 0) & (whole > self._lowest), self._split, -1)
        return found.astype(np.int32).reshape(self._shape)
