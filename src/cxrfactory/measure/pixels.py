"""Pixel size of an image: from the product, or from the header of its DICOM file; never guessed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxrfactory.errors import ImageError
from cxrfactory.geometry.measurement import Measurement
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object
from cxrfactory.imaging.dicom_spacing import SPACING_FIELDS, header_spacing_mm
from cxrfactory.imaging.radiograph.stored_films import is_square
from cxrfactory.measure.items import Item

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")  # files that state no size to be trusted
_SAME_SPACING = 1e-3  # largest difference of two statements of a spacing, as a share
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
    if not is_square(spacing):
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


def agreed_mm(stated: tuple[float, float] | None, given: float | None) -> tuple[float, float] | None:
    """Return the pixel size by the header, or else the one that was given.

    Raises
    ------
    ImageError
        If the two differ.
    """
    if given is None or stated is None:
        return stated if given is None else (given, given)
    if any(abs(side - given) > _SAME_SPACING * given for side in stated):
        raise ImageError(
            f"its header states pixels of {stated[0]:.4g} x {stated[1]:.4g} mm, and --pixel-mm is {given:.4g}; leave "
            "--pixel-mm out, or correct the header"
        )
    return stated


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
