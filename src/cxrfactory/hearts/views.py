"""The views of a heart: image planes with their place in the patient, and all planes of one case at one time.

Positions are in mm in the patient's coordinates of DICOM (LPS: x to the left, y to the back, z to the head).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

LONG_AXIS = ("2ch", "3ch", "4ch")  # names of the long-axis views: two, three and four chambers


@dataclass(frozen=True)
class ImagePlane:
    """One slice and its place in the patient.

    Attributes
    ----------
    pixels
        Grey values [row, column], float32 in any unit.
    origin_mm
        Position (x, y, z) of the centre of pixel [0, 0].
    across, down
        Unit vectors along increasing columns and along increasing rows.
    spacing_mm
        Distance of neighbouring pixels along a row (columns) and along a column (rows).
    thickness_mm
        Thickness of the slice.
    """

    pixels: Float[np.ndarray, "rows columns"] = field(repr=False)
    origin_mm: Float[np.ndarray, " 3"]
    across: Float[np.ndarray, " 3"]
    down: Float[np.ndarray, " 3"]
    spacing_mm: tuple[float, float]
    thickness_mm: float

    @property
    def normal(self) -> Float[np.ndarray, " 3"]:
        """Unit vector across x down."""
        return np.cross(self.across, self.down)

    def positions_mm(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the positions (x, y, z) of points given by column and row; pixel centres have whole numbers."""
        columns, rows = np.asarray(columns, float)[..., None], np.asarray(rows, float)[..., None]
        return self.origin_mm + columns * self.spacing_mm[0] * self.across + rows * self.spacing_mm[1] * self.down

    def coordinates(self, positions_mm: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return (column, row, distance from the plane in mm along the normal) of positions."""
        apart = np.asarray(positions_mm, float) - self.origin_mm
        return np.stack(
            [apart @ self.across / self.spacing_mm[0], apart @ self.down / self.spacing_mm[1], apart @ self.normal], -1
        )


@dataclass(frozen=True)
class HeartViews:
    """All planes of one case at one time of the cardiac cycle.

    Attributes
    ----------
    case_id, patient_id
        Names of the case and of its patient; a patient may have several cases.
    frame
        Time of the cycle: ``ED``, ``ES``, or the number of the frame from 0.
    short_axis
        Planes from the base of the heart to the apex, with the same size and spacing. They are parallel but for slices
        that were planned again, whose directions differ by a few degrees.
    long_axis
        Planes by the names of :data:`LONG_AXIS`; views that a case lacks are missing.
    """

    case_id: str
    patient_id: str
    frame: str
    short_axis: tuple[ImagePlane, ...]
    long_axis: Mapping[str, ImagePlane]
