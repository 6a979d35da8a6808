"""Where a structure lies and how large it is, relative to the box around both lungs.

The place of a mask is three numbers: the position of its centroid in the box, from 0 at the left and top edge to 1 at
the right and bottom edge, and its area as a share of the box. A structure's usual place is the range of these numbers
over films of known truth, with a margin.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

Place = tuple[float, float, float]
NUMBERS = 6  # least and largest x, least and largest y, least and largest area
MARGIN = 0.15  # shares of the box
AREA_FACTOR = 2.0  # real patients may have half or twice the area


def place_of(mask: Bool[np.ndarray, "h w"], lungs: Bool[np.ndarray, "h w"]) -> Place | None:
    """Return the place of a mask; None if the mask or the lungs are empty."""
    if not mask.any() or not lungs.any():
        return None
    rows, columns = np.flatnonzero(lungs.any(axis=1)), np.flatnonzero(lungs.any(axis=0))
    height, width = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    y, x = np.nonzero(mask)
    return (
        float((x.mean() - columns[0] + 0.5) / width),
        float((y.mean() - rows[0] + 0.5) / height),
        float(mask.sum() / (height * width)),
    )


def usual_place(places: Sequence[Place]) -> list[float]:
    """Return the usual place of a structure from its places in films: :data:`NUMBERS` numbers."""
    low, high = np.min(places, axis=0), np.max(places, axis=0)
    ends = [
        *(low[0] - MARGIN, high[0] + MARGIN, low[1] - MARGIN, high[1] + MARGIN),
        *(low[2] / AREA_FACTOR, high[2] * AREA_FACTOR),
    ]
    return [round(float(each), 5) for each in ends]


def is_usual(place: Place | None, box: Sequence[float]) -> bool:
    """Return whether a place lies within a usual place; an unknown place does, because nothing speaks against it."""
    if place is None:
        return True
    return all(box[2 * axis] <= value <= box[2 * axis + 1] for axis, value in enumerate(place))
