"""Random patches of training pictures of roots, changed at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int16

from cxrfactory.models.roots.example_table import RootExample
from cxrfactory.models.roots.normalise import MOST, local_contrast

_UNIT = 4096  # contrasts are kept as 16-bit integers in this part of a unit
ON_ROOT = 0.5  # share of the patches that are centred on a root
ON_LIKENESS = 0.25  # share of the patches that are centred on what stands out as roots do and is none
_AS_CLEAR = 25  # percentile of the contrast of roots from which something stands out as they do
_APART = 9  # such places are further from all roots than half of this, pixels

# Random changes. Angles in degrees; noise and blur in units of contrast and pixels.
_TURN, _SCALE = 40.0, (0.75, 1.33)
_GAMMA = (0.6, 1.6)
_GAIN = (0.6, 1.5)
_BLUR, _NOISE = 1.5, 0.5
_INVERTED = 0.5  # chance that dark and bright change places, where the pictures have roots of both kinds
_CHANCE = 0.5  # of each of gamma, gain, blur and noise


@dataclass(frozen=True)
class PatchSource:
    """A training picture as patches are taken from it.

    Attributes
    ----------
    contrast
        Local contrast (:func:`cxrfactory.models.roots.normalise.local_contrast`) times 4096, [row, column].
    mask
        uint8, 1 on roots, [row, column].
    roots
        Flat places of the pixels of roots.
    likenesses
        Flat places of pixels apart from all roots that stand out from their surroundings as roots do: edges, ink,
        shoots.
    """

    contrast: Int16[np.ndarray, "h w"]
    mask: np.ndarray
    roots: np.ndarray
    likenesses: np.ndarray

    @property
    def bright(self) -> bool | None:
        """Whether the roots are brighter than their surroundings; None without roots."""
        return float(self.contrast.reshape(-1)[self.roots].mean()) > 0 if len(self.roots) else None

    @classmethod
    def of(cls, example: RootExample) -> "PatchSource":
        """Prepare an example."""
        contrast = np.rint(local_contrast(example.grey) * _UNIT).astype(np.int16)
        roots = np.flatnonzero(example.mask).astype(np.int32)
        return cls(contrast, example.mask, roots, _likenesses(contrast, example.mask))


def _likenesses(contrast: Int16[np.ndarray, "h w"], mask: np.ndarray) -> np.ndarray:
    """Return the flat places apart from roots whose contrast is at least the 25th percentile of that of roots."""
    strength = np.abs(contrast)
    if not mask.any():
        return np.empty(0, np.int32)
    near = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_APART, _APART)))
    clear = (strength >= np.percentile(strength[mask > 0], _AS_CLEAR)) & (near == 0)
    return np.flatnonzero(clear).astype(np.int32)


def both_kinds(sources: Sequence[PatchSource]) -> bool:
    """Return whether some pictures have bright roots and others dark ones.

    Where all roots are of one kind, this tells them from ink and scratches of the other kind, and patches should not be
    inverted.
    """
    return {True, False} <= {each.bright for each in sources}


def draw_batch(
    sources: Sequence[PatchSource], size: int, count: int, rng: np.random.Generator, invert: bool = True
) -> tuple[Float[np.ndarray, "n 1 s s"], Float[np.ndarray, "n 1 s s"]]:
    """Draw patches and their masks.

    Each patch comes from a picture drawn evenly. Half of the patches are centred on a pixel of a root, as in the paper,
    a quarter on a place that stands out as roots do and is none, and a quarter on any pixel that is no root. It is
    turned, scaled and mirrored; with ``invert``, dark and bright change places in half of the patches, so that dark and
    bright roots are found on all plates; and gamma, gain, blur and noise change the grey values. What lies outside of
    the picture is mirrored.

    Parameters
    ----------
    sources
        The pictures.
    size
        Side of the patches, pixels.
    count
        Number of patches.
    rng
        Stream of random numbers, which alone decides.
    invert
        Whether patches are inverted at random.

    Returns
    -------
    Local contrast and masks (0 or 1), float32.
    """
    pictures = np.empty((count, 1, size, size), np.float32)
    masks = np.empty((count, 1, size, size), np.float32)
    for place in range(count):
        source = sources[rng.integers(len(sources))]
        matrix = _geometry(_centre(source, rng), size, rng)
        contrast, mask = (_cut(each, matrix, size) for each in (source.contrast, source.mask))
        masks[place, 0] = mask
        pictures[place, 0] = _appearance(contrast.astype(np.float32) / _UNIT, rng, invert)
    return pictures, masks


def _centre(source: PatchSource, rng: np.random.Generator) -> tuple[float, float]:
    height, width = source.mask.shape
    chance = rng.random()
    places = source.roots if chance < ON_ROOT else source.likenesses if chance < ON_ROOT + ON_LIKENESS else ()
    if len(places):
        y, x = divmod(int(places[rng.integers(len(places))]), width)
        return float(x), float(y)
    while True:
        x, y = int(rng.integers(width)), int(rng.integers(height))
        if not source.mask[y, x] or len(source.roots) == source.mask.size:
            return float(x), float(y)


def _geometry(centre: tuple[float, float], size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the matrix from places of a patch to places of the picture, (x, y)."""
    angle = np.deg2rad(rng.uniform(-_TURN, _TURN))
    scale = np.exp(rng.uniform(*np.log(_SCALE)))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    linear = np.array([[cos, -sin], [sin, cos]]) * [mirror, 1.0]
    return np.column_stack([linear, np.array(centre) - linear @ np.full(2, (size - 1) / 2)])


def _cut(array: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Return the patch of an array; of masks, the nearest values."""
    nearest = array.dtype == np.uint8
    flags = (cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(array, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def _appearance(contrast: Float[np.ndarray, "s s"], rng: np.random.Generator, invert: bool) -> Float[np.ndarray, "s s"]:
    """Change the contrast of a patch as light, focus and the camera's noise do."""
    if invert and rng.random() < _INVERTED:
        contrast = -contrast
    if rng.random() < _CHANCE:
        gamma = np.exp(rng.uniform(*np.log(_GAMMA)))
        middle = 0.5**gamma
        share = np.clip(contrast / (2 * MOST) + 0.5, 0, 1)
        contrast = (share**gamma - middle) * (2 * MOST / (gamma * middle / 0.5))  # slope 1 and 0 at no contrast
    if rng.random() < _CHANCE:
        contrast = contrast * np.exp(rng.uniform(*np.log(_GAIN)))
    if rng.random() < _CHANCE:
        contrast = cv2.GaussianBlur(contrast, (0, 0), rng.uniform(0.3, _BLUR))
    if rng.random() < _CHANCE:
        contrast = contrast + rng.uniform(0, _NOISE) * rng.standard_normal(contrast.shape, np.float32)
    return np.clip(contrast, -MOST, MOST)
