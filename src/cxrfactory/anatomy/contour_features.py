"""Contours of organ masks at evenly spaced samples, and the features of each sample.

Points are (x, y) in pixels, y down, pixel centres at integers. A contour is closed and has the orientation of the
expert landmarks (anatomy/contours.py): in the displayed image the right lung and the left clavicle run
counter-clockwise; the left lung, the heart and the right clavicle run clockwise.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Integer

from cxrfactory.errors import ImageError

SAMPLES = 256
FEATURES = 8
CLOCKWISE = {"right_lung": False, "left_lung": True, "heart": True, "right_clavicle": True, "left_clavicle": False}

_SMOOTHING_PX = 1.5  # Gaussian sigma; removes the pixel staircase from tangents and arc length
_SMOOTHING_SHARE = 0.004  # sigma as a share of the organ's size (root of its area), used where it is the larger one
_LAGS = (3, 10)  # chord lengths, in samples, for the turning angle: the short one for corners, the long one for bends
_CONTEXT_REACH = 0.1  # distance to the neighbour, in organ sizes, around which its feature saturates


@dataclass(frozen=True)
class Contour:
    """The outer contour of a mask.

    Attributes
    ----------
    chain
        Border pixels (x, y) in the order of the contour.
    at
        Position of each sample as a fractional index into ``chain``, increasing.
    points
        The samples (x, y), pixels, on the smoothed contour at even arc length.
    size
        Square root of the enclosed area, pixels.
    """

    chain: Float[np.ndarray, "n 2"]
    at: Float[np.ndarray, " samples"]
    points: Float[np.ndarray, "samples 2"]
    size: float

    def locate(self, places: Float[np.ndarray, " nodes"]) -> Float[np.ndarray, "nodes 2"]:
        """Return points (x, y) of the unsmoothed border, pixels, at fractional sample indices.

        The contour is periodic, so indices may be negative or exceed the number of samples.
        """
        samples, count = len(self.points), len(self.chain)
        turns = np.floor(places / samples)
        index = np.interp(places - turns * samples, np.arange(samples + 1), [*self.at, self.at[0] + count])
        closed = np.concatenate([self.chain, self.chain])
        return np.stack([np.interp(index, np.arange(2 * count), closed[:, axis]) for axis in range(2)], axis=1)


def outer_contour(organ: str, mask: Integer[np.ndarray, "h w"]) -> Contour:
    """Return the contour of the largest connected part of a mask; holes are ignored.

    Parameters
    ----------
    organ
        Name of the organ, a key of :data:`CLOCKWISE`; it decides the orientation of the contour.
    mask
        [row, column], non-zero inside.

    Raises
    ------
    ImageError
        If the mask is empty, or its largest part has fewer than 8 border pixels or an area below 16 pixels.
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
    """Return the area of a closed polygon; it is positive if the polygon runs clockwise in the image (y down)."""
    following = np.roll(points, -1, axis=-2)
    return 0.5 * (points[..., 0] * following[..., 1] - following[..., 0] * points[..., 1]).sum(axis=-1)


def even_places(points: Float[np.ndarray, "n 2"], samples: int) -> Float[np.ndarray, " samples"]:
    """Return fractional indices into a closed polygon at even arc length, starting at its first point."""
    steps = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    return np.interp(np.arange(samples) * (lengths[-1] / samples), lengths, np.arange(len(points) + 1))


def context_distance(
    points: Float[np.ndarray, "n 2"], context: Integer[np.ndarray, "h w"] | None
) -> Float[np.ndarray, " n"]:
    """Return the signed distance in pixels from each point to the mask of the neighbouring organs.

    The distance is negative inside the mask. It is NaN if there is no mask or the mask is empty.

    The mask is read only in the bounding box of the points, extended by half of the box's longer side. If the mask is
    empty there, every distance is the length of that longer side; the features saturate long before.
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
    """Return the inputs of the landmark model at each sample.

    The features are invariant to translation and scale, but not to rotation.

    Parameters
    ----------
    points
        Samples at even arc length, (x, y), pixels.
    distance
        Distances from :func:`context_distance`, pixels.

    Returns
    -------
    Eight features: position relative to the mean of the samples in organ sizes (x, y), direction of the contour (x, y),
    turning angle over a short and a long chord (in half turns), distance to the neighbour (from -1 deep inside to 1 far
    away), and 1 where a neighbour is known, else 0.
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
    """Smooth a closed chain with a Gaussian filter; ``sigma`` is in steps of the chain."""
    spectrum = np.fft.fft(chain[:, 0] + 1j * chain[:, 1])
    frequency = np.fft.fftfreq(len(chain))
    smooth = np.fft.ifft(spectrum * np.exp(-2 * (np.pi * sigma * frequency) ** 2))
    return np.stack([smooth.real, smooth.imag], axis=1)
