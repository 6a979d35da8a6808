"""Pixel size of an image: from the product, or from the header of its DICOM file; never guessed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxrfactory.errors import ImageError
from cxrfactory.geometry.measurement import Measurement
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object
from cxrfactory.imaging.dicom_spacing import SPACING_FIELDS, header_spacing_mm
from cxrfactory.measure.items import Item

SQUARE = 0.01  # largest difference of the sides of a pixel, as a share
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")  # files that state no size to be trusted
_POWER = {"px": 1, "px2": 2, "px3": 3}


def pixel_mm(item: Item) -> float | None:
    """Return the side of a pixel in mm, or None if nothing states it.

    Raises
    ------
    ImageError
        If the pixels are not square: ratios and angles would be wrong.
    """
    spacing = item.spacing_mm
    if spacing is None and item.film is not None:
        spacing = stated_mm(item.film)
    if spacing is None:
        return None
    row, column = spacing
    if abs(row - column) > SQUARE * max(row, column):
        raise ImageError(f"pixels of {row:.4g} x {column:.4g} mm; expected square ones, because angles are measured")
    return row


def stated_mm(film: Path) -> tuple[float, float] | None:
    """Return the distance of two rows and of two columns in mm by a DICOM header; None for other files."""
    if film.suffix.lower() in PICTURES or not film.is_file():
        return None
    try:
        header: Mapping[str, Any] = read_object(film, stop_before_pixels=True, specific_tags=list(SPACING_FIELDS))
    except (ImageError, *DECODING_ERRORS):  # a damaged header states no size
        return None
    return header_spacing_mm(header)


def in_mm(measurement: Measurement, side_mm: float | None) -> tuple[str, float]:
    """Return the unit of a measurement's row, and the factor from its own unit: lengths and areas are in mm if known.

    Parameters
    ----------
    measurement
        A measurement in pixels, or without a unit of length.
    side_mm
        Side of a pixel in mm; None where it is not known.
    """
    power = _POWER.get(measurement.unit)
    if power is None or side_mm is None:
        return measurement.unit, 1.0
    return measurement.unit.replace("px", "mm"), side_mm**power
