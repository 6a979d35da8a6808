"""Tilts of vertebrae: from corners that a person marked, or from the borders of masks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cxrfactory.geometry.runs import Runs

USED_WIDTH = 0.7  # central share of a vertebra's width whose border is fitted
STRAIGHT = 0.05  # a border is straight where its points lie within this share of the width (root mean square)
TURNS = 3  # fits, each in the frame of the tilt found before
LEAST_WIDTH = 6  # pixels


def corner_tilts(corners: Float[np.ndarray, "n 4 2"]) -> Float[np.ndarray, " n"]:
    """Compute the tilt of each vertebra from its corners, as the AASCE challenge does.

    The tilt is that of the line from the middle of the left side to the middle of the right side.

    Parameters
    ----------
    corners
        Upper left, upper right, lower left and lower right corner (x, y) of each vertebra, in image orientation.

    Returns
    -------
    array
        Degrees from the horizontal, positive where the line descends to the right.
    """
    corners = np.asarray(corners, np.float64)
    along = corners[:, [1, 3]].sum(axis=1) - corners[:, [0, 2]].sum(axis=1)
    return np.degrees(np.arctan2(along[:, 1], along[:, 0]))


def challenge_angles(corners: Float[np.ndarray, "n 4 2"], height: float) -> tuple[float, float, float]:
    """Compute the three Cobb angles that the AASCE 2019 challenge publishes for one radiograph.

    The first is the largest angle between two tilts. The other two are angles of the curves above and below. Where the
    line of the end plates' middles lies on one side of its chord, they are the angles of the upper end vertebra
    with the first vertebra and of the lower end vertebra with the last one. Elsewhere they are the largest angles
    within the parts above and below; where the first curve lies in the lower half of the image, both lie above.

    Parameters
    ----------
    corners
        Corners of the vertebrae from top to bottom, as for :func:`corner_tilts`.
    height
        Height of the image in pixels.

    Returns
    -------
    The largest angle and the two others, in degrees.

    Examples
    --------
    >>> from cxrfactory.geometry.plates import challenge_angles
    >>> square = np.array([[-1.0, -1], [1, -1], [-1, 1], [1, 1]])
    >>> turn = [np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in np.radians([0, 10, 0])]
    >>> corners = np.stack([square @ each + [0, 4 * row] for row, each in enumerate(turn)])
    >>> round(challenge_angles(corners, 12)[0], 9)
    10.0
    """
    corners = np.asarray(corners, np.float64)
    tilts = corner_tilts(corners)
    between = np.abs(tilts[:, None] - tilts[None, :])
    one, other = np.unravel_index(int(np.argmax(between)), between.shape)
    upper, lower = int(min(one, other)), int(max(one, other))
    middles = (corners[:, [0, 2]] + corners[:, [1, 3]]).reshape(-1, 2) / 2
    if not _crosses_chord(middles):
        return tuple(float(between[pair]) for pair in ((upper, lower), (0, upper), (-1, lower)))  # type: ignore
    above = between[upper, : upper + 1]
    if middles[2 * upper, 1] + middles[2 * lower, 1] < height:
        third = between[lower, lower:].max()
    else:
        highest = int(np.argmax(above))
        third = between[highest, : highest + 1].max()
    return float(between[upper, lower]), float(above.max()), float(third)


def mask_tilt(mask: Runs, lean: float) -> float:
    """Compute the tilt of a vertebra from the upper and the lower border of its mask.

    The borders' points are turned into the frame of the vertebra, which starts from the spine's direction and then
    follows the tilt found. A line is fitted to the central part of each border; the tilt is the mean of the two lines.

    Parameters
    ----------
    mask
        The vertebra.
    lean
        Direction of the spine there, degrees from the downward vertical, positive towards larger x.

    Returns
    -------
    float
        Degrees from the horizontal, positive where the line descends to the right; NaN where a border is not straight.
    """
    points = _border_points(mask)
    tilt, errors = -lean, (np.inf, np.inf)
    for _ in range(TURNS):
        turn = np.radians(tilt)
        frame = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        x, y = ((points - points.mean(axis=0)) @ frame).T
        width = np.ptp(x)
        if width < LEAST_WIDTH:
            return float("nan")
        central = np.abs(x - (x.min() + x.max()) / 2) <= USED_WIDTH * width / 2
        fits = [_line(x[chosen], y[chosen]) for chosen in _two_borders(x, y, central)]
        slopes, errors = zip(*fits, strict=True)
        tilt += float(np.degrees(np.arctan(np.mean(slopes))))
    return tilt if max(errors) <= STRAIGHT * width else float("nan")


def _crosses_chord(middles: np.ndarray) -> bool:
    span = middles[0] - middles[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        places = (middles - middles[-1]) / span
    sides = places[:-2, 1] - places[:-2, 0]
    return bool(np.nanmax(sides, initial=0) > 0 > np.nanmin(sides, initial=0))


def _border_points(mask: Runs) -> np.ndarray:
    """Outer ends of all columns and of all runs: enough of the outline for a border of any tilt."""
    upper, lower = mask.upper_border, mask.lower_border
    columns = np.flatnonzero(upper >= 0)
    rows, left, right = mask.outermost
    x = np.concatenate([columns, columns, left, right])
    y = np.concatenate([upper[columns], lower[columns], rows, rows])
    return np.column_stack([x, y]).astype(np.float64)


def _two_borders(x: np.ndarray, y: np.ndarray, central: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the outermost points above and below, one in each pixel of x."""
    place = np.round(x).astype(np.int64)
    borders = []
    for sign in (1, -1):
        order = np.flatnonzero(central & (sign * y < 0))
        order = order[np.lexsort((sign * y[order], place[order]))]
        borders.append(order[np.diff(place[order], prepend=np.iinfo(np.int64).min) > 0])
    return borders[0], borders[1]


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of the least-squares line and the root mean square of what remains."""
    if len(x) < 3:
        return 0.0, float("inf")
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    return slope, float(np.sqrt(np.mean((dy - slope * dx) ** 2)))
