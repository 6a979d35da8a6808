"""The reversible geometry of preprocessing: crop, turn to the usual display, centred padding to a square, resize.

One record maps points and arrays in both directions. Points are (x, y) with integer coordinates at pixel centres;
arrays are [row, column].
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Shaped

from cxrfactory.errors import CxrError
from cxrfactory.imaging.turns import (
    ORIENTATIONS,
    displayed,
    displayed_points,
    lies_on_its_side,
    stored,
    stored_points,
)


@dataclass(frozen=True)
class Geometry:
    """The geometry that maps an original image to a square one.

    The original image is the one that the file stores. Its crop
    ``[crop_top : crop_top + crop_height, crop_left : crop_left + crop_width]`` is turned to the usual display
    (:mod:`cxrfactory.imaging.turns`), and centred in a square of side ``max(crop_height, crop_width)``. If the padding
    is odd, the extra pixel is below or on the right. The square is resized to ``size`` x ``size``. All attributes but
    ``orientation`` are in pixels; that is a number from 1 (stored as displayed) to 8, as in EXIF.

    Raises
    ------
    CxrError
        If a length is not positive, the crop does not lie in the image, or the orientation is not one of the eight.
    """

    original_height: int
    original_width: int
    crop_top: int
    crop_left: int
    crop_height: int
    crop_width: int
    size: int
    orientation: int = 1

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise CxrError(f"geometry: {name} is {value!r}; expected a whole number of pixels")
            object.__setattr__(self, name, int(value))
            least = 0 if name in ("crop_top", "crop_left") else 1
            if value < least:
                raise CxrError(f"geometry: {name} is {value}; expected {least} or more")
        if self.orientation > len(ORIENTATIONS):
            raise CxrError(f"geometry: orientation is {self.orientation}; expected 1 to {len(ORIENTATIONS)}")
        inside = (
            self.crop_top + self.crop_height <= self.original_height
            and self.crop_left + self.crop_width <= self.original_width
        )
        if not inside:
            raise CxrError(
                f"geometry: crop of {self.crop_height} x {self.crop_width} at row {self.crop_top}, column "
                f"{self.crop_left} leaves the image of {self.original_height} x {self.original_width}"
            )

    @classmethod
    def whole(cls, height: int, width: int, size: int) -> "Geometry":
        """Return the geometry that keeps the whole image of ``height`` x ``width`` pixels."""
        return cls(height, width, 0, 0, height, width, size)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Geometry":
        """Read the record from the geometry columns of a table's row (a mapping or pandas Series).

        Raises
        ------
        CxrError
            If a column is missing, or the values are no valid geometry.
        """
        missing = [name for name in _LENGTHS if name not in row]
        if missing:
            raise CxrError(f"geometry: columns {missing} are missing from the row")
        orientation = row.get("orientation")  # absent or null in tables of earlier versions
        unset = orientation is None or orientation != orientation
        return cls(**{name: row[name] for name in _LENGTHS}, orientation=1 if unset else _whole(orientation))

    def as_row(self) -> dict[str, int]:
        """Return the values of the columns in ``tables.schemas.GEOMETRY_FIELDS`` by name."""
        return asdict(self)

    @property
    def letters(self) -> str:
        """Directions of the original's rows and columns (:data:`cxrfactory.imaging.turns.ORIENTATIONS`)."""
        return ORIENTATIONS[self.orientation - 1]

    @property
    def side(self) -> int:
        """Side of the padded square before resizing, original pixels."""
        return max(self.crop_height, self.crop_width)

    @property
    def pad_top(self) -> int:
        """Rows of padding above the turned crop, original pixels."""
        return (self.side - self._shown_height) // 2

    @property
    def pad_left(self) -> int:
        """Columns of padding left of the turned crop, original pixels."""
        return (self.side - self._shown_width) // 2

    @property
    def scale(self) -> float:
        """Preprocessed pixels per original pixel, the same along both axes."""
        return self.size / self.side

    @property
    def _shown_height(self) -> int:
        return self.crop_width if lies_on_its_side(self.letters) else self.crop_height

    @property
    def _shown_width(self) -> int:
        return self.crop_height if lies_on_its_side(self.letters) else self.crop_width

    def forward_points(self, points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Map points (x, y) of the original image to the preprocessed one, float64 pixels."""
        inside = _as_points(points) - (self.crop_left, self.crop_top)
        shown = displayed_points(inside, self.letters, self.crop_height, self.crop_width)
        return (shown + (self.pad_left, self.pad_top) + 0.5) * self.scale - 0.5

    def inverse_points(self, points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Map points (x, y) of the preprocessed image back to the original one, float64 pixels."""
        square = (_as_points(points) + 0.5) / self.scale - 0.5
        if self.orientation == 1:
            return square - (self.pad_left - self.crop_left, self.pad_top - self.crop_top)
        shown = square - (self.pad_left, self.pad_top)
        inside = stored_points(shown, self.letters, self.crop_height, self.crop_width)
        return inside + np.array([self.crop_left, self.crop_top], dtype=np.float64)

    def inverse_spread(self, spread: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Map standard deviations (x, y) of points in the preprocessed image to pixels of the original one."""
        spread = np.asarray(spread)
        turned = spread[..., ::-1] if lies_on_its_side(self.letters) else spread
        return turned * spread.dtype.type(self.side / self.size)

    def forward_image(
        self, image: Shaped[np.ndarray, "original_height original_width"]
    ) -> Shaped[np.ndarray, "size size"]:
        """Crop an image, turn it, pad it with 0 and resize it; the dtype (uint8, uint16 or float32) is kept.

        Shrinking averages over pixel areas, which avoids aliasing; enlarging is bilinear. Both place pixel centres as
        :meth:`forward_points` does.

        Raises
        ------
        CxrError
            If the array has another shape than the record's original.
        """
        self._check_shape(image, self.original_height, self.original_width, "image")
        crop = image[
            self.crop_top : self.crop_top + self.crop_height,
            self.crop_left : self.crop_left + self.crop_width,
        ]
        return self.forward_crop(np.ascontiguousarray(displayed(crop, self.letters)))

    def forward_crop(self, crop: Shaped[np.ndarray, "rows columns"]) -> Shaped[np.ndarray, "size size"]:
        """Pad with 0 and resize an image that is already cropped and turned; the dtype is kept.

        Raises
        ------
        CxrError
            If the array has another shape than the record's crop after its turn.
        """
        self._check_shape(crop, self._shown_height, self._shown_width, "crop")
        below = self.side - self._shown_height - self.pad_top
        right = self.side - self._shown_width - self.pad_left
        square = cv2.copyMakeBorder(crop, self.pad_top, below, self.pad_left, right, cv2.BORDER_CONSTANT, value=0)
        if self.side == self.size:
            return square
        interpolation = cv2.INTER_AREA if self.size < self.side else cv2.INTER_LINEAR
        return cv2.resize(square, (self.size, self.size), interpolation=interpolation)

    def inverse_mask(
        self, mask: Shaped[np.ndarray, "size size"]
    ) -> Shaped[np.ndarray, "original_height original_width"]:
        """Map a label mask back to the original frame; pixels outside the crop are 0.

        Each original pixel of the crop takes the value of the preprocessed pixel that contains its centre.

        Raises
        ------
        CxrError
            If the mask is not ``size`` x ``size``.
        """
        self._check_shape(mask, self.size, self.size, "mask")
        rows = self._nearest(np.arange(self._shown_height) + self.pad_top)
        columns = self._nearest(np.arange(self._shown_width) + self.pad_left)
        original = np.zeros((self.original_height, self.original_width), dtype=mask.dtype)
        original[
            self.crop_top : self.crop_top + self.crop_height,
            self.crop_left : self.crop_left + self.crop_width,
        ] = stored(mask[rows[:, None], columns[None, :]], self.letters)
        return original

    def _nearest(self, square_index: np.ndarray) -> np.ndarray:
        # This is floor((i + 0.5) * size / side) in integer arithmetic, which is exact on every machine.
        return (2 * square_index + 1) * self.size // (2 * self.side)

    @staticmethod
    def _check_shape(array: np.ndarray, height: int, width: int, what: str) -> None:
        if array.shape != (height, width):
            raise CxrError(f"{what} of shape {array.shape}; its geometry expects ({height}, {width})")


_LENGTHS = tuple(name for name in Geometry.__dataclass_fields__ if name != "orientation")


def _whole(number: Any) -> Any:
    """Return a whole number as an int, because a column with a null holds floats; other values come back unchanged."""
    return int(number) if isinstance(number, float | np.floating) and number == int(number) else number


def _as_points(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, dtype=np.float64)
    if points.shape[-1:] != (2,):
        raise CxrError(f"points of shape {points.shape}; expected (..., 2) with (x, y) last")
    return points
