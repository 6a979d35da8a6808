"""Digitally reconstructed radiographs: attenuation, parallel line integrals, projected label masks.

Volumes are [z, y, x] in canonical (RAS) orientation: z grows towards the head, y towards the front, x towards the
patient's right. Rays are parallel (a source at infinity); a real tube 1.8 m away magnifies the front of
the chest by about a tenth, which the field of view of a virtual radiograph absorbs.

Displays follow the reading-room convention. PA: head up, patient's right on the image's left. LL (left lateral): head
up, the patient faces the image's left.
"""

from typing import Literal

import numba
import numpy as np
from jaxtyping import Float, Integer, UInt8

from cxrfactory.errors import CxrError

MU_WATER_PER_MM = 0.0192  # water near 70 keV, the mean energy of a 120 kVp chest beam; NIST XCOM: 0.193 /cm

View = Literal["PA", "LL"]


def attenuation(hu: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Linear attenuation in 1/mm of CT numbers: mu_water (1 + HU / 1000), never below 0."""
    return np.maximum(np.float32(MU_WATER_PER_MM) * (1 + hu.astype(np.float32) / 1000), 0)


def display(summed: np.ndarray, view: View) -> np.ndarray:
    """Turn a projection [z, x] (PA) or [z, y] (LL) of a canonical volume into display rows and columns.

    Canonical x grows towards the patient's right and y towards the front, so both views flip rows and columns.
    """
    if view not in ("PA", "LL"):
        raise CxrError(f"unknown view '{view}'; expected PA or LL")
    return summed[::-1, ::-1]


def line_integrals(
    mu_per_mm: Float[np.ndarray, "z y x"], spacing_mm: tuple[float, float, float], view: View
) -> Float[np.ndarray, "rows columns"]:
    """Line integrals of the attenuation along parallel rays, in display orientation, dimensionless.

    Parameters
    ----------
    mu_per_mm
        Canonical volume [z, y, x] of attenuation, 1/mm.
    spacing_mm
        Voxel spacing (z, y, x).
    view
        ``PA`` sums along y, ``LL`` along x.
    """
    axis = 1 if view == "PA" else 2
    return display(mu_per_mm.sum(axis=axis, dtype=np.float32) * np.float32(spacing_mm[axis]), view)


def project_labels(
    labels: UInt8[np.ndarray, "z y x"], wanted: list[int]
) -> tuple[UInt8[np.ndarray, "k rows columns_pa"], UInt8[np.ndarray, "k rows columns_ll"]]:
    """Masks of labels met by any ray, PA and LL, both views in one pass over the volume in memory order.

    Parameters
    ----------
    labels
        Canonical label volume [z, y, x].
    wanted
        Label values; one mask a value, in that order. Structures may overlap in the projection.

    Returns
    -------
    tuple
        Masks 0 or 1 in display orientation: PA [k, z, x] and LL [k, z, y].
    """
    slot = np.full(256, -1, np.int64)
    slot[wanted] = np.arange(len(wanted))
    pa, ll = _any_both(np.ascontiguousarray(labels), slot, len(wanted))
    return pa[:, ::-1, ::-1], ll[:, ::-1, ::-1]


@numba.njit(cache=True)
def _any_both(labels: Integer[np.ndarray, "z y x"], slot: Integer[np.ndarray, "256"], count: int):
    depth, height, width = labels.shape
    pa = np.zeros((count, depth, width), np.uint8)
    ll = np.zeros((count, depth, height), np.uint8)
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                k = slot[labels[z, y, x]]
                if k >= 0:
                    pa[k, z, x] = 1
                    ll[k, z, y] = 1
    return pa, ll
