"""Intervals of measurements from the standard deviation of landmarks, by random contours.

A row of landmarks has a standard deviation for every coordinate, but not the contours that it was taken from.
Neighbouring landmarks of one organ move together, so the deviations of a random contour are smooth along the contour:
white noise, smoothed by a Gaussian over :data:`CORRELATION_NODES` nodes and scaled to the stated deviation. The
random numbers depend on the image id alone.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from jaxtyping import Float

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.measure.contours import CONTOUR_VALUES
from cxrfactory.measure.items import Item
from cxrfactory.tables.keys import seed_of

CORRELATION_NODES = 4.0


def interval_offsets(item: Item, settings: MeasureConfig) -> dict[str, tuple[float, float]]:
    """Return the ends of the interval of each measurement, relative to its value, by name.

    Parameters
    ----------
    item
        An image with landmarks and their standard deviation; without them, nothing is returned.
    settings
        Number of random contours, and the share of them within the interval.
    """
    if not settings.samples or not item.landmarks or not item.spread:
        return {}
    rng = np.random.default_rng(seed_of(item.image_id, "measure"))
    contours, drawn = {}, {}
    for organ, points in item.landmarks.items():
        name, deviation = organ.replace("_", " "), item.spread.get(organ)
        if deviation is None or not np.isfinite(deviation).all():
            return {}
        contours[name] = np.asarray(points, np.float64)[None]
        drawn[name] = contours[name] + smooth_noise(rng, settings.samples, len(points)) * deviation
    return _offsets(contours, drawn, settings.coverage)


def smooth_noise(rng: np.random.Generator, samples: int, nodes: int) -> Float[np.ndarray, "samples nodes 2"]:
    """Return noise of mean 0 and variance 1 for a closed contour, correlated between neighbouring nodes."""
    white = rng.standard_normal((samples, 2, nodes))
    return (white @ _smoothing(nodes).T).transpose(0, 2, 1)


def _offsets(
    contours: Mapping[str, np.ndarray], drawn: Mapping[str, np.ndarray], coverage: float
) -> dict[str, tuple[float, float]]:
    ends = (0.5 - coverage / 2, 0.5 + coverage / 2)
    found = {}
    for name, (organs, value_of) in CONTOUR_VALUES.items():
        if all(organ in contours for organ in organs):
            expected = value_of(*(contours[organ] for organ in organs))[0]
            low, high = np.quantile(value_of(*(drawn[organ] for organ in organs)), ends) - expected
            # The value lies within its interval, also where noise can only widen a contour.
            found[name] = (min(float(low), 0.0), max(float(high), 0.0))
    return found


@cache
def _smoothing(nodes: int) -> Float[np.ndarray, "nodes nodes"]:
    apart = np.abs(np.arange(nodes)[:, None] - np.arange(nodes))
    apart = np.minimum(apart, nodes - apart)
    weights = np.exp(-((apart / CORRELATION_NODES) ** 2))  # its square is the correlation exp(-d^2 / (2 c^2))
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)
