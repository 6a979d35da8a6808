"""Conventions shared by all projections: attenuation, views and display orientation.

Volumes are [z, y, x] in canonical orientation: z grows towards the head, y towards the front, x towards the
patient's right. Rays are parallel, as from a source at infinity. A real tube at a distance of 1.8 m magnifies the front
of the chest by about a tenth; the field of view of a virtual radiograph absorbs this difference. :mod:`.cone` projects
from a point source.

Pictures are displayed as radiologists read them. In the PA view the head is up and the patient's right is on the left
of the picture. In the LL (left lateral) view the head is up and the patient faces the left of the picture.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

from cxrfactory.errors import CxrError

MU_WATER_PER_MM = 0.0192  # water near 70 keV, the mean energy of a 120 kVp chest beam; NIST XCOM: 0.193 /cm

View = Literal["PA", "LL"]
VIEWS: tuple[View, View] = ("PA", "LL")


def attenuation(hu: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Convert CT numbers to linear attenuation in 1/mm: mu_water (1 + HU / 1000), and at least 0."""
    return np.maximum(np.float32(MU_WATER_PER_MM) * (1 + hu.astype(np.float32) / 1000), 0)


def display(summed: Shaped[np.ndarray, "*stack z across"], view: View) -> Shaped[np.ndarray, "*stack rows columns"]:
    """Bring projections [z, x] (PA) or [z, y] (LL) of a canonical volume into display orientation.

    Canonical x grows towards the patient's right and y towards the front, so both views flip rows and columns. The
    function is its own inverse.

    Raises
    ------
    CxrError
        If the view is not ``PA`` or ``LL``.
    """
    if view not in VIEWS:
        raise CxrError(f"unknown view '{view}'; expected PA or LL")
    return summed[..., ::-1, ::-1]


def seen_axes(view: View) -> tuple[int, int]:
    """Return the volume axes of [z, y, x] that a view shows as rows and as columns.

    Raises
    ------
    CxrError
        If the view is not ``PA`` or ``LL``.
    """
    if view not in VIEWS:
        raise CxrError(f"unknown view '{view}'; expected PA or LL")
    return (0, 2) if view == "PA" else (0, 1)
