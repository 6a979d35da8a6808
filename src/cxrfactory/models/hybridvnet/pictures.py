"""The image planes of one heart as the network reads them: 8-bit grey values with their place in the patient."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

VIEWS = ("2ch", "3ch", "4ch")  # long-axis views, in the order of the network's branches


@dataclass(frozen=True)
class Plane:
    """One long-axis plane.

    Attributes
    ----------
    pixels
        Grey values [row, column].
    origin_mm
        Position (x, y, z) of the centre of pixel [0, 0].
    across, down
        Unit vectors along increasing columns and along increasing rows.
    spacing_mm
        Distance of neighbouring pixels along a row and along a column.
    """

    pixels: UInt8[np.ndarray, "rows columns"] = field(repr=False)
    origin_mm: Float[np.ndarray, " 3"]
    across: Float[np.ndarray, " 3"]
    down: Float[np.ndarray, " 3"]
    spacing_mm: tuple[float, float]


@dataclass(frozen=True)
class HeartPictures:
    """A short-axis stack and long-axis planes.

    Attributes
    ----------
    stack
        Grey values [slice, row, column], the first slice at the base of the heart.
    origins_mm
        Position of the centre of pixel [0, 0] of each slice.
    across, down
        Unit vectors of all slices of the stack.
    spacing_mm
        Distance of neighbouring pixels along a row and along a column.
    long_axis
        Planes by the names of :data:`VIEWS`; a case may lack some of them.
    """

    stack: UInt8[np.ndarray, "slices rows columns"] = field(repr=False)
    origins_mm: Float[np.ndarray, "slices 3"]
    across: Float[np.ndarray, " 3"]
    down: Float[np.ndarray, " 3"]
    spacing_mm: tuple[float, float]
    long_axis: Mapping[str, Plane] = field(default_factory=dict)

    @property
    def to_base(self) -> Float[np.ndarray, " 3"]:
        """Unit vector across the slices, from the apex to the base."""
        normal = np.cross(self.across, self.down)
        rising = (self.origins_mm[0] - self.origins_mm[-1]) @ normal
        return normal if rising >= 0 else -normal

    @property
    def centre_mm(self) -> Float[np.ndarray, " 3"]:
        """Centre of the stack's field of view."""
        rows, columns = self.stack.shape[1:]
        half = (columns - 1) / 2 * self.spacing_mm[0] * self.across + (rows - 1) / 2 * self.spacing_mm[1] * self.down
        return self.origins_mm.mean(0) + half
