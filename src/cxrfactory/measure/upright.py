"""Contours of a turned film in the usual display, in which films are measured, and points back on the film."""

from dataclasses import replace

import numpy as np

from cxrfactory.geometry.measurement import Measurement
from cxrfactory.imaging.turns import USUAL, displayed_points, lies_on_its_side, stored_points
from cxrfactory.measure.items import Item


def with_upright_contours(item: Item) -> Item:
    """Return an item whose contours and their deviations are those of the upright film; its masks stay as they are."""
    if item.orientation == USUAL or not item.landmarks:
        return item
    frame = item.orientation, item.height, item.width
    landmarks = {
        organ: displayed_points(points, *frame).astype(np.asarray(points).dtype)
        for organ, points in item.landmarks.items()
    }
    spread = item.spread
    if spread and lies_on_its_side(item.orientation):
        spread = {organ: points[:, ::-1] for organ, points in spread.items()}
    return replace(item, landmarks=landmarks, spread=spread)


def on_the_film(found: Measurement, item: Item) -> Measurement:
    """Return a measurement of the upright film with its points on the film as it is stored."""
    if item.orientation == USUAL or not found.points:
        return found
    points = stored_points(np.array(found.points), item.orientation, item.height, item.width)
    return replace(found, points=tuple((float(x), float(y)) for x, y in points))
