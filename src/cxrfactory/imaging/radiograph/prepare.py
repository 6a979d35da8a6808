"""Preparation of a radiograph: the square 8-bit input image of the models, and the geometry to map results back."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.borders import find_borders
from cxrfactory.imaging.radiograph.image import DEFAULT_MAX_MEGAPIXELS, Radiograph
from cxrfactory.imaging.radiograph.intensity import Enhancement, to_uint8
from cxrfactory.imaging.radiograph.screening import HeaderChecks
from cxrfactory.imaging.turns import ORIENTATIONS, displayed_points, stored_box

DEFAULT_SIZE = 1024  # px, the CheXmask frame


@dataclass(frozen=True)
class Preparation:
    """The recipe of preprocessing, common to training, inference and quality control.

    Attributes
    ----------
    size
        Side of the square image, pixels.
    remove_borders
        Whether to remove uniform black or white borders first.
    enhancement
        Contrast enhancement of the 8-bit crop.
    max_megapixels
        Larger files are refused before decoding.
    burnt_in
        ``reject`` or ``keep``: what to do with DICOM objects whose header states that their pixels identify the
        patient.
    checks
        What else a DICOM header decides, and the words of views and body parts.
    """

    size: int = DEFAULT_SIZE
    remove_borders: bool = True
    enhancement: Enhancement = field(default_factory=Enhancement)
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS
    burnt_in: str = "reject"
    checks: HeaderChecks = field(default_factory=HeaderChecks)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise CxrError(f"image size {self.size}; expected a positive number of pixels")
        if not self.max_megapixels > 0:
            raise CxrError(f"limit of {self.max_megapixels:g} megapixels; expected a positive number")


def prepare(
    radiograph: Radiograph, recipe: Preparation, keep: Float[np.ndarray, "n 2"] | None = None
) -> tuple[UInt8[np.ndarray, "size size"], Geometry]:
    """Remove borders, convert to 8 bits, enhance the contrast, pad to a square and resize.

    The conversion comes after the removal of borders, so that borders do not set the black point. Enhancement comes
    before the square is filled up, so that the added pixels, which are 0, do not enter the histogram.

    Parameters
    ----------
    radiograph
        Radiograph from :func:`cxrfactory.imaging.radiograph.reading.read_radiograph`.
    recipe
        Recipe of the preparation.
    keep
        Points (x, y), pixels of the image as the file stores it, that the crop must contain. If a detected border
        covers some of them, the crop is enlarged to include them.

    Returns
    -------
    The uint8 image [size, size] and its geometry.

    Raises
    ------
    ImageError
        If all pixels inside the borders are equal.
    """
    pixels, orientation = radiograph.pixels, radiograph.orientation
    height, width = pixels.shape
    top, left, crop_height, crop_width = find_borders(pixels) if recipe.remove_borders else (0, 0, height, width)
    bottom, right = top + crop_height, left + crop_width
    if keep is not None and len(keep):
        keep = displayed_points(keep, orientation, *radiograph.stored_shape)
        first = np.clip(np.floor(keep.min(axis=0)), 0, None).astype(int)
        last = np.ceil(keep.max(axis=0)).astype(int) + 1
        top, left = min(top, int(first[1])), min(left, int(first[0]))
        bottom, right = min(height, max(bottom, int(last[1]))), min(width, max(right, int(last[0])))
    box = stored_box(top, left, bottom - top, right - left, orientation, *radiograph.stored_shape)
    geometry = Geometry(*radiograph.stored_shape, *box, recipe.size, ORIENTATIONS.index(orientation) + 1)
    kept = slice(top, bottom), slice(left, right)
    padding = None if radiograph.padding is None else radiograph.padding[kept]
    crop = recipe.enhancement.apply(to_uint8(pixels[kept], padding))
    return geometry.forward_crop(crop), geometry
