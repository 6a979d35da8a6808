"""Phantoms whose measurements are known exactly."""

import numpy as np

from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.spine import LEVELS

SIDE = 1400
CENTRE = np.array([SIDE / 2, SIDE / 2])
STEP = 70  # arc length between vertebrae, pixels


def turned(points, degrees, centre=CENTRE):
    """Rotate points about a centre."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (np.asarray(points) - centre) @ turn.T + centre


def arc_corners(degrees, count=17, width=90.0, height=46.0):
    """Corners of vertebrae on a circular arc whose end vertebrae are tilted by ``degrees`` against one another.

    The arc is convex to the left of the image for positive angles. Corners are upper left, upper right, lower left,
    lower right.
    """
    # Going down a spine that is convex to the left, the line leans first to the left and then to the right. A vertebra
    # is square to the line, so it first descends to the right.
    tilts = np.radians(np.linspace(degrees / 2, -degrees / 2, count))
    if degrees:
        radius = STEP * (count - 1) / np.radians(degrees)
        centres = -radius * np.column_stack([np.cos(tilts), np.sin(tilts)])
    else:
        centres = np.column_stack([np.zeros(count), STEP * np.arange(count)])
    centres = centres - (centres.max(axis=0) + centres.min(axis=0)) / 2 + CENTRE
    box = np.array([[-width, -height], [width, -height], [-width, height], [width, height]]) / 2
    return np.stack([turned(box, np.degrees(tilt), 0) + centre for tilt, centre in zip(tilts, centres, strict=True)])


def box_runs(box, shape=(SIDE, SIDE)):
    """Pixels whose centres lie in a box of four corners, ordered as those of a vertebra."""
    around = np.asarray(box)[[0, 1, 3, 2]]
    left, top = np.floor(around.min(axis=0)).astype(int)
    right, bottom = np.ceil(around.max(axis=0)).astype(int)
    y, x = np.mgrid[top : bottom + 1, left : right + 1]
    inside = np.ones(y.shape, bool)
    for (ax, ay), (bx, by) in zip(around, np.roll(around, -1, axis=0), strict=True):
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
    part = Runs.from_mask(inside)
    return Runs(part.rows + top, part.first + left, part.last + left, *shape)


def spine_masks(corners, shape=(SIDE, SIDE)):
    """Fill the vertebrae, named from T1 on."""
    return {name: box_runs(box, shape) for name, box in zip(LEVELS.values(), corners, strict=False)}


def ellipse(shape, centre, half_width, half_height):
    """Pixels whose centres lie in an ellipse."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return ((x - centre[0]) / half_width) ** 2 + ((y - centre[1]) / half_height) ** 2 <= 1


def rectangle(shape, left, top, right, bottom):
    """Pixels of a rectangle; all four ends belong to it."""
    mask = np.zeros(shape, bool)
    mask[top : bottom + 1, left : right + 1] = True
    return mask


def chest(half_width=180.5, shape=(1024, 1024)):
    """Rectangular lungs of together 800 columns and an ellipse as heart, as runs."""
    masks = {
        "right lung": rectangle(shape, 100, 150, 399, 799),
        "left lung": rectangle(shape, 600, 150, 899, 799),
        "heart": ellipse(shape, (520.3, 650), half_width, 120.0),
    }
    return {name: Runs.from_mask(mask) for name, mask in masks.items()}


def by_name(measurements):
    """Measurements by their names."""
    return {each.name: each for each in measurements}
