"""All measurements of a frontal view."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float

from cxrfactory.geometry.airways import airway_measurements
from cxrfactory.geometry.diaphragm import diaphragm_measurements
from cxrfactory.geometry.heart import heart_measurements
from cxrfactory.geometry.lungs import lung_measurements, scapula_measurements
from cxrfactory.geometry.measurement import Measurement, excluded
from cxrfactory.geometry.posture import posture_measurements
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.scoliosis import scoliosis_measurements
from cxrfactory.geometry.structures import Structures


def measure_frontal(
    masks: Mapping[str, Runs], landmarks: Mapping[str, Float[np.ndarray, "n 2"]] | None = None
) -> tuple[Measurement, ...]:
    """Take every measurement of a frontal view.

    Parameters
    ----------
    masks
        Structure's name -> runs, all of one frame; names as in the taxonomy, and ``right lung``, ``left lung`` and
        ``heart``. The patient's right side is on the image's left.
    landmarks
        Landmarks (x, y) of ``right lung``, ``left lung`` and ``heart``, each ``[n, 2]``; None where there are none.

    Returns
    -------
    tuple
        One measurement for each frontal definition. Those that cannot be taken are excluded with a reason.

    Examples
    --------
    >>> from cxrfactory.geometry.frontal import measure_frontal
    >>> from cxrfactory.geometry.runs import Runs
    >>> mask = np.zeros((8, 20), bool)
    >>> masks = {name: mask.copy() for name in ("right lung", "left lung", "heart")}
    >>> masks["right lung"][1:6, 1:8] = masks["left lung"][1:6, 12:19] = masks["heart"][4:7, 7:16] = True
    >>> found = measure_frontal({name: Runs.from_mask(each) for name, each in masks.items()})
    >>> found[0].name, found[0].value, found[0].points[:2]
    ('ctr_columns', 0.5, ((6.5, 4.0), (15.5, 4.0)))
    """
    return tuple(_frontal_measurements(Structures(masks), landmarks))


def _possible(one: Measurement) -> Measurement:
    """Return a measurement of the heart, excluded if it says that the heart is as wide as the thorax."""
    if not one.name.startswith("ctr_") or math.isnan(one.value) or one.value < 1:
        return one
    reason = f"The heart is as wide as the thorax or wider (ratio {one.value:.2f})."
    return excluded(one.name, reason, one.structures)


def _frontal_measurements(
    found: Structures, landmarks: Mapping[str, Float[np.ndarray, "n 2"]] | None
) -> Iterator[Measurement]:
    yield from map(_possible, heart_measurements(found, landmarks))
    yield from lung_measurements(found)
    yield from scoliosis_measurements(found)
    yield from diaphragm_measurements(found)
    yield from airway_measurements(found)
    yield from posture_measurements(found)
    yield from scapula_measurements(found)
