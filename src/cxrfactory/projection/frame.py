"""The frame of a study's pictures: squares of one pixel size that contain both views completely.

Native projections have the voxel grid of the canonical volume: rows along z, columns along x (PA) or y (LL), in display
order. In the frame, pixels are square, both views have the same pixel size, and each view is centred in the picture.
Pixels that the volume does not cover are 0 (air, or no structure). Points are (x, y) with integer coordinates at pixel
centres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Integer, UInt8

from cxrfactory.compiled import compiled
from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import View, seen_axes


@dataclass(frozen=True)
class Frame:
    """Position of the native pixels of both views in the square pictures, as plain numbers for a row of a table.

    Attributes
    ----------
    size
        Number of rows and of columns of a picture.
    pixel_mm
        Side length of a pixel in mm.
    depth, height, width
        Number of voxels of the canonical volume along z, y, x.
    spacing_z_mm, spacing_y_mm, spacing_x_mm
        Voxel spacing in mm along z, y, x.
    """

    size: int
    pixel_mm: float
    depth: int
    height: int
    width: int
    spacing_z_mm: float
    spacing_y_mm: float
    spacing_x_mm: float

    @classmethod
    def around(cls, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], size: int) -> "Frame":
        """Return the frame whose side length equals the longest side of the volume.

        Parameters
        ----------
        shape
            Number of voxels (z, y, x).
        spacing_mm
            Voxel spacing (z, y, x) in mm.
        size
            Number of rows and of columns of the pictures.

        Raises
        ------
        CxrError
            If a number is not positive.
        """
        if size < 1 or min(shape) < 1 or not all(0 < step < np.inf for step in spacing_mm):
            raise CxrError(
                f"no frame of {size} px for a volume of {shape} voxels of {spacing_mm} mm; expected positive numbers"
            )
        spacing = [float(step) for step in spacing_mm]
        longest = max(count * step for count, step in zip(shape, spacing, strict=True))
        return cls(size, longest / size, *(int(count) for count in shape), *spacing)

    def native_shape(self, view: View) -> tuple[int, int]:
        """Return the number of rows and columns of a view on the voxel grid."""
        shape = (self.depth, self.height, self.width)
        rows, columns = seen_axes(view)
        return shape[rows], shape[columns]

    def native_spacing_mm(self, view: View) -> tuple[float, float]:
        """Return the spacing in mm of the rows and of the columns of a view on the voxel grid."""
        spacing = (self.spacing_z_mm, self.spacing_y_mm, self.spacing_x_mm)
        rows, columns = seen_axes(view)
        return spacing[rows], spacing[columns]

    def image(self, native: Float[np.ndarray, "rows columns"], view: View) -> Float32[np.ndarray, "size size"]:
        """Resample a picture from the voxel grid to the frame, bilinearly between pixel centres.

        Within half a voxel of the volume's edge, the value of the outermost voxel is used. Outside the volume, the
        value is 0. A picture that becomes smaller is sampled without averaging, as in the paper.

        Raises
        ------
        CxrError
            If the picture does not have the shape of the view.
        """
        self._check(native.shape, view)
        (top, down, covered_rows), (left, right, covered_columns) = (
            self._between(count, step)
            for count, step in zip(self.native_shape(view), self.native_spacing_mm(view), strict=True)
        )
        rows = native[top].astype(np.float64)
        rows += (native[np.minimum(top + 1, len(native) - 1)] - rows) * down[:, None]
        found = rows[:, left]
        found += (rows[:, np.minimum(left + 1, native.shape[1] - 1)] - found) * right[None]
        found *= covered_rows[:, None] & covered_columns[None]
        return found.astype(np.float32)

    def masks(self, native: UInt8[np.ndarray, "k rows columns"], view: View) -> UInt8[np.ndarray, "k size size"]:
        """Resample masks from the voxel grid to the frame: a pixel takes the value of the voxel at its centre.

        Raises
        ------
        CxrError
            If the masks do not have the shape of the view.
        """
        self._check(native.shape[1:], view)
        rows, columns = (
            self._nearest(count, step)
            for count, step in zip(self.native_shape(view), self.native_spacing_mm(view), strict=True)
        )
        out = np.zeros((len(native), self.size, self.size), np.uint8)
        _gather(native, rows, columns, out)
        return out

    def to_frame(self, points: Float[np.ndarray, "n 2"], view: View) -> Float[np.ndarray, "n 2"]:
        """Map points (x, y) from the voxel grid to the frame, both in pixels."""
        scale, shift = self._mapping(view)
        return np.asarray(points, np.float64) * scale + shift

    def to_native(self, points: Float[np.ndarray, "n 2"], view: View) -> Float[np.ndarray, "n 2"]:
        """Map points (x, y) from the frame to the voxel grid; this is the inverse of :meth:`to_frame`."""
        scale, shift = self._mapping(view)
        return (np.asarray(points, np.float64) - shift) / scale

    def _mapping(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Return scale and shift (x, y) from the voxel grid to the frame; the centres of both coincide."""
        counts = np.array(self.native_shape(view)[::-1], np.float64)
        scale = np.array(self.native_spacing_mm(view)[::-1]) / self.pixel_mm
        return scale, (self.size - 1) / 2 - scale * (counts - 1) / 2

    def _places(self, count: int, spacing_mm: float) -> np.ndarray:
        """Return the distance of every frame pixel's centre from the outer face of the first voxel, in voxels."""
        from_centre = np.arange(self.size) + 0.5 - self.size / 2
        return from_centre * (self.pixel_mm / spacing_mm) + count / 2

    def _nearest(self, count: int, spacing_mm: float) -> Integer[np.ndarray, "size"]:
        """Return the index of the voxel that contains each pixel's centre, or -1 outside the volume."""
        places = np.floor(self._places(count, spacing_mm))
        return np.where((places >= 0) & (places < count), places, -1).astype(np.int64)

    def _between(self, count: int, spacing_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for each pixel the lower voxel, the weight of the next voxel, and whether it lies in the volume."""
        places = self._places(count, spacing_mm)
        centres = np.clip(places - 0.5, 0, count - 1)
        lower = np.floor(centres).astype(np.int64)
        return lower, centres - lower, (places >= 0) & (places < count)

    def _check(self, shape: tuple[int, ...], view: View) -> None:
        if tuple(shape) != self.native_shape(view):
            raise CxrError(f"{view} of {tuple(shape)} pixels; expected the volume's {self.native_shape(view)}")


@compiled
def _gather(native, rows, columns, out):
    """Copy the selected pixels; rows and columns outside the volume have the index -1, and their pixels stay 0."""
    for k in range(len(native)):
        for row in range(len(rows)):
            if rows[row] < 0 or (row > 0 and rows[row] == rows[row - 1]):
                continue
            source = native[k, rows[row]]
            last = row + 1
            while last < len(rows) and rows[last] == rows[row]:
                last += 1
            some = np.uint8(0)
            for x in range(len(source)):
                some |= source[x]
            if some == 0:
                continue
            for column in range(len(columns)):
                if columns[column] >= 0:
                    out[k, row, column] = source[columns[column]]
            for copy in range(row + 1, last):
                out[k, copy] = out[k, row]
