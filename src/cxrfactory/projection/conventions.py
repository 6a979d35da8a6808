"""What every projection here agrees on: attenuation, views, and how they are displayed.

Volumes are [z, y, x] in canonical orientation: z grows towards the head, y towards the front, x towards the
patient's right. Rays are parallel (a source at infinity); a real tube 1.8 m away magnifies the front of
the chest by about a tenth, which the field of view of a virtual radiograph absorbs. :mod:`.cone` projects from a point.

Displays follow the reading-room convention. PA: head up, patient's right on the image's left. LL (left lateral): head
up, the patient faces the image's left.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

from cxrfactory.errors import CxrError

MU_WATER_PER_MM = 0.0192  # water near 70 keV, the mean energy of a 120 kVp chest beam; NIST XCOM: 0.193 /cm

View = Literal["PA", "LL"]
VIEWS: tuple[View, View] = ("PA", "LL")


def attenuation(hu: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Linear attenuation in 1/mm of CT numbers: mu_water (1 + HU / 1000), never below 0."""
    return np.maximum(np.float32(MU_WATER_PER_MM) * (1 + hu.astype(np.float32) / 1000), 0)


def display(summed: Shaped[np.ndarray, "*stack z across"], view: View) -> Shaped[np.ndarray, "*stack rows columns"]:
    """Turn projections [z, x] (PA) or [z, y] (LL) of a canonical volume into display rows and columns; its own inverse.

    Canonical x grows towards the patient's right and y towards the front, so both views flip rows and columns.
    """
    if view not in VIEWS:
        raise CxrError(f"unknown view '{view}'; expected PA or LL")
    return summed[..., ::-1, ::-1]


def seen_axes(view: View) -> tuple[int, int]:
    """Axes of a volume [z, y, x] along the rows and along the columns of a view."""
    if view not in VIEWS:
        raise CxrError(f"unknown view '{view}'; expected PA or LL")
    return (0, 2) if view == "PA" else (0, 1)
