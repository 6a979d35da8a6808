"""Contours of organ masks at evenly spaced samples, and what is seen at each sample.

Points are (x, y) in pixels, y down, pixel centres at integers. A contour is closed and runs in the sense of the expert
landmarks (anatomy/contours.py): right lung against the clock as seen, left lung and heart with it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Integer

from cxrfactory.errors import ImageError

SAMPLES = 256
FEATURES = 8
CLOCKWISE = {"right_lung": False, "left_lung": True, "heart": True}

_SMOOTHING_PX = 1.5  # takes the pixel staircase out of tangents and arc length
_SMOOTHING_SHARE = 0.004  # of the organ's size (root of area), in images of high resolution
_LAGS = (3, 10)  # samples between the chords whose turn is measured: corners, and the larger bend
_CONTEXT_REACH = 0.1  # distance to the neighbour, in organ sizes, beyond which it hardly matters


@dataclass(frozen=True)
class Contour:
    """The outer contour of a mask.

    Attributes
    ----------
    chain
        Border pixels, (x, y), in running order.
    at
        Place of every sample as a fractional index into ``chain``, rising.
    points
        The samples, (x, y), on the smoothed contour at even arc length.
    size
        Root of the enclosed area, pixels.
    """

    chain: Float[np.ndarray, "n 2"]
    at: Float[np.ndarray, " samples"]
    points: Float[np.ndarray, "samples 2"]
    size: float

    def locate(self, places: Float[np.ndarray, " nodes"]) -> Float[np.ndarray, "nodes 2"]:
        """Points (x, y) of the unsmoothed border at fractional sample indices, which may run round several times."""
        samples, count = len(self.points), len(self.chain)
        turns = np.floor(places / samples)
        index = np.interp(places - turns * samples, np.arange(samples + 1), [*self.at, self.at[0] + count])
        closed = np.concatenate([self.chain, self.chain])
        return np.stack([np.interp(index, np.arange(2 * count), closed[:, axis]) for axis in range(2)], axis=1)


def outer_contour(organ: str, mask: Integer[np.ndarray, "h w"]) -> Contour:
    """Contour round the largest part of a mask; holes do not count.

    Raises
    ------
    ImageError
        If the mask is empty or its largest part has no inside.
    """
    found, _ = cv2.findContours((mask != 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        raise ImageError(f"the {organ} mask is empty; landmarks need at least one region")
    chain = max(found, key=cv2.contourArea)[:, 0].astype(np.float64)
    area = float(cv2.contourArea(chain.astype(np.float32)))
    if len(chain) < 8 or area < 16:
        raise ImageError(f"the {organ} mask holds a region of only {len(chain)} border pixels; expected an organ")
    if (signed_area(chain) > 0) != CLOCKWISE[organ]:
        chain = chain[::-1]
    size = area**0.5
    smooth = _smoothed(chain, max(_SMOOTHING_PX, _SMOOTHING_SHARE * size))
    at = even_places(smooth, SAMPLES)
    closed = np.concatenate([smooth, smooth[:1]])
    points = np.stack([np.interp(at, np.arange(len(closed)), closed[:, axis]) for axis in range(2)], axis=1)
    return Contour(chain, at, points, size)


def signed_area(points: Float[np.ndarray, "*b n 2"]) -> Float[np.ndarray, "*b"]:
    """Area of a closed polygon; positive where it runs clockwise as seen (y down)."""
    following = np.roll(points, -1, axis=-2)
    return 0.5 * (points[..., 0] * following[..., 1] - following[..., 0] * points[..., 1]).sum(axis=-1)


def even_places(points: Float[np.ndarray, "n 2"], samples: int) -> Float[np.ndarray, " samples"]:
    """Fractional indices into a closed polygon at even arc length, from its first point on."""
    steps = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    return np.interp(np.arange(samples) * (lengths[-1] / samples), lengths, np.arange(len(points) + 1))


def context_distance(
    points: Float[np.ndarray, "n 2"], context: Integer[np.ndarray, "h w"] | None
) -> Float[np.ndarray, " n"]:
    """Distance in pixels from each point to the neighbouring organs' mask, negative inside it; NaN without one.

    The mask is looked at in the points' bounding box and half its longer side around it; a neighbour that lies outside
    is as far as the box is wide, which the features cannot tell from farther.
    """
    if context is None or not context.any():
        return np.full(len(points), np.nan)
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    around = (high - low).max() // 2
    left, top = np.maximum(low - around, 0).astype(np.intp)
    right, bottom = (high + around + 1).astype(np.intp)
    inside = (context[top:bottom, left:right] != 0).astype(np.uint8)
    if not inside.any():
        return np.full(len(points), 2.0 * around)
    column, row = np.rint(points - (left, top)).astype(np.intp).T
    column, row = column.clip(0, inside.shape[1] - 1), row.clip(0, inside.shape[0] - 1)
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)[row, column]
    inner = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[row, column]
    return (outer - inner).astype(np.float64)


def features(
    points: Float[np.ndarray, "*b n 2"], distance: Float[np.ndarray, "*b n"]
) -> Float[np.ndarray, "*b n features"]:
    """What the landmark model sees at each sample; free of place and size, not of rotation.

    Parameters
    ----------
    points
        Samples at even arc length, (x, y), pixels.
    distance
        From :func:`context_distance`, pixels.

    Returns
    -------
    Place from the centroid in organ sizes (x, y), direction of the contour (x, y), its turn over a short and a long
    chord (half turns), distance to the neighbour (-1 deep inside to 1 far), and 1 where a neighbour is known.
    """
    size = np.sqrt(np.abs(signed_area(points)))[..., None]
    place = (points - points.mean(axis=-2, keepdims=True)) / size[..., None]
    chord = np.roll(points, -1, axis=-2) - np.roll(points, 1, axis=-2)
    direction = chord / np.maximum(np.linalg.norm(chord, axis=-1, keepdims=True), 1e-9)
    turns = [_turn(points, lag) for lag in _LAGS]
    known = np.isfinite(distance)
    near = np.tanh(np.where(known, distance, 0.0) / (_CONTEXT_REACH * size))
    parts = [place[..., 0], place[..., 1], direction[..., 0], direction[..., 1], *turns, near, known]
    return np.stack([np.asarray(part, np.float64) for part in parts], axis=-1)


def _turn(points: np.ndarray, lag: int) -> np.ndarray:
    before = points - np.roll(points, lag, axis=-2)
    after = np.roll(points, -lag, axis=-2) - points
    cross = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    return np.arctan2(cross, (before * after).sum(axis=-1)) / np.pi


def _smoothed(chain: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian smoothing round the closed chain; ``sigma`` in steps of the chain."""
    spectrum = np.fft.fft(chain[:, 0] + 1j * chain[:, 1])
    frequency = np.fft.fftfreq(len(chain))
    smooth = np.fft.ifft(spectrum * np.exp(-2 * (np.pi * sigma * frequency) ** 2))
    return np.stack([smooth.real, smooth.imag], axis=1)
