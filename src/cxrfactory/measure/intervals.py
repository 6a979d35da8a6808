"""Intervals of measurements from the standard deviation of landmarks, by random contours.

A row of landmarks has a standard deviation for every coordinate, but not the contours that it was taken from. A random
contour has independent deviations of this size. On 25 films of JSRT with 100 latent samples each, such contours give
widths, heights and their ratios the standard deviation that the samples of the network give them (0.96 to 1.01 of it,
median), the ratio of row widths 1.6 times and areas 2 times of it. Noise that is smooth along the contour was worse for
all of them. The random numbers depend on the image id alone.
"""

from collections.abc import Mapping

import numpy as np

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.measure.contours import CONTOUR_VALUES
from cxrfactory.measure.items import Item
from cxrfactory.tables.keys import seed_of


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
    drawn = {}
    for organ, points in item.landmarks.items():
        deviation = item.spread.get(organ)
        if deviation is None or not np.isfinite(deviation).all():
            return {}
        noise = rng.standard_normal((settings.samples, *points.shape), dtype=np.float32)
        drawn[organ.replace("_", " ")] = (points + noise * deviation).astype(np.float32)
    return _offsets(drawn, settings.coverage)


def _offsets(drawn: Mapping[str, np.ndarray], coverage: float) -> dict[str, tuple[float, float]]:
    known = {name: row for name, row in CONTOUR_VALUES.items() if all(organ in drawn for organ in row[0])}
    if not known:
        return {}
    values = np.array([value_of(*(drawn[organ] for organ in organs)) for organs, value_of in known.values()])
    # Noise widens a contour on average, which is no uncertainty; so the ends count from the median.
    low, middle, high = np.quantile(values, (0.5 - coverage / 2, 0.5, 0.5 + coverage / 2), axis=1)
    return {
        name: (float(one), float(other)) for name, one, other in zip(known, low - middle, high - middle, strict=True)
    }
