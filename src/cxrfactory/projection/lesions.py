"""Lung findings as line integrals that are added to a projection: nodule, effusion, opacity and plate.

Rays are parallel, and attenuation adds up along them. Replacing air by tissue inside the lung therefore adds, at each
pixel, the difference of the two attenuations times the replaced length. This length never exceeds the depth of the lung
at that pixel. The shapes are simple and do not model a disease; they give pictures with a known finding. Arrays are
[row, column].
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from cxrfactory.projection.conventions import MU_WATER_PER_MM

TISSUE_IN_LUNG_PER_MM = 0.8 * MU_WATER_PER_MM  # soft tissue near 0 HU replaces lung near -800 HU

Map = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class LungField:
    """One lung in a frontal view.

    Attributes
    ----------
    depth_mm
        Length of each ray inside the lung in mm.
    seen
        Mask of the pixels where no dense structure lies in front of or behind the lung. The centre of a finding lies in
        this mask; its outer part may extend beyond.
    pixel_mm
        Pixel size (x, y) in mm.
    lateral
        Side of the picture that the lung's outer border faces: -1 is left, 1 is right.
    """

    depth_mm: Map
    seen: Bool[np.ndarray, "rows columns"]
    pixel_mm: tuple[float, float]
    lateral: int

    def places_mm(self) -> tuple[Map, Map]:
        """Return the horizontal and the vertical distance of every pixel from the first pixel, in mm."""
        rows, columns = np.indices(self.depth_mm.shape, dtype=np.float32)
        return columns * self.pixel_mm[0], rows * self.pixel_mm[1]

    def box_mm(self) -> tuple[float, float, float, float]:
        """Return the bounding box (left, top, right, bottom) of ``seen`` in mm."""
        rows, columns = np.flatnonzero(self.seen.any(axis=1)), np.flatnonzero(self.seen.any(axis=0))
        (x, y) = self.pixel_mm
        return float(columns[0] * x), float(rows[0] * y), float(columns[-1] * x), float(rows[-1] * y)

    def draw_place_mm(self, depth_mm: float, rng: np.random.Generator, low: float = 0.0) -> tuple[float, float]:
        """Draw a position (x, y) in mm at random in ``seen``.

        The position lies at least the fraction ``low`` of the lung's height below its top. The lung is at least
        ``depth_mm`` deep there, or as deep as it is at its deepest allowed pixel.
        """
        top, bottom = self.box_mm()[1::2]
        places = self.seen.copy()
        places[: int((top + low * (bottom - top)) / self.pixel_mm[1])] = False
        deepest = float(self.depth_mm[places].max())
        rows, columns = np.nonzero(places & (self.depth_mm >= min(depth_mm, deepest)))
        place = int(rng.integers(len(rows)))
        return float(columns[place] * self.pixel_mm[0]), float(rows[place] * self.pixel_mm[1])


def nodule(lung: LungField, radius_mm: float, rng: np.random.Generator) -> Map:
    """Return the line integral that a ball of soft tissue adds: the chord of each ray, times the added attenuation."""
    x, y = lung.places_mm()
    at_x, at_y = lung.draw_place_mm(2 * radius_mm, rng)
    apart = (x - at_x) ** 2 + (y - at_y) ** 2
    chord = 2 * np.sqrt(np.maximum(radius_mm**2 - apart, 0))
    return TISSUE_IN_LUNG_PER_MM * np.minimum(chord, lung.depth_mm)


def effusion(lung: LungField, share: float, rng: np.random.Generator) -> Map:
    """Return the line integral that pleural fluid adds.

    The fluid replaces the lung up to the fraction ``share`` of its height, and rises at the outer wall (the meniscus).
    """
    x, y = lung.places_mm()
    left, top, right, bottom = lung.box_mm()
    outward = (x - left) / max(right - left, 1.0)
    outward = np.clip(outward if lung.lateral > 0 else 1 - outward, 0, 1)
    rise = float(rng.uniform(0.05, 0.15)) * (bottom - top)
    level = bottom - share * (bottom - top) - rise * outward**3
    wet = 1 / (1 + np.exp((level - y) / float(rng.uniform(2.0, 5.0))))
    return TISSUE_IN_LUNG_PER_MM * wet * lung.depth_mm


def opacity(lung: LungField, width_mm: float, density: float, rng: np.random.Generator) -> Map:
    """Return the line integral that a blotchy patch adds.

    The patch replaces at most the fraction ``density`` of the air. Its profile is Gaussian with a standard deviation of
    about ``width_mm``.
    """
    x, y = lung.places_mm()
    at_x, at_y = lung.draw_place_mm(40.0, rng, low=0.2)
    wide, high = width_mm * rng.uniform(0.7, 1.3, 2)
    patch = np.exp(-0.5 * (((x - at_x) / wide) ** 2 + ((y - at_y) / high) ** 2))
    grain = rng.standard_normal(lung.depth_mm.shape, dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=5.0 / lung.pixel_mm[0], sigmaY=5.0 / lung.pixel_mm[1])
    blotches = np.clip(0.7 + 0.5 * grain / max(float(grain.std()), 1e-6), 0, 1)
    return TISSUE_IN_LUNG_PER_MM * density * patch * blotches * lung.depth_mm


def plate(lung: LungField, length_mm: float, thick_mm: float, rng: np.random.Generator) -> Map:
    """Return the line integral that a plate adds: a flat, nearly horizontal band of airless lung, seen edge-on.

    The plate lies in the lower half of the lung.
    """
    x, y = lung.places_mm()
    at_x, at_y = lung.draw_place_mm(30.0, rng, low=0.5)
    tilt = float(np.radians(rng.normal(0, 15)))
    along = (x - at_x) * np.cos(tilt) + (y - at_y) * np.sin(tilt)
    across = (y - at_y) * np.cos(tilt) - (x - at_x) * np.sin(tilt)
    band = np.clip(1 - np.abs(across) / thick_mm, 0, 1) * (np.abs(along) < length_mm / 2)
    return TISSUE_IN_LUNG_PER_MM * band * np.minimum(lung.depth_mm, float(rng.uniform(30, 60)))
