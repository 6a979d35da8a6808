"""The size of a pixel by a DICOM header."""

import math
from collections.abc import Mapping
from typing import Any

SPACING_FIELDS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def header_spacing_mm(header: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the distance of two rows and of two columns in mm, or None if the header has none that is possible.

    The first of :data:`SPACING_FIELDS` with two positive numbers counts.

    Examples
    --------
    >>> from cxrfactory.imaging.dicom_spacing import header_spacing_mm
    >>> header_spacing_mm({"PixelSpacing": [0, 0], "ImagerPixelSpacing": ["0.14", "0.15"]})
    (0.14, 0.15)
    """
    for name in SPACING_FIELDS:
        try:
            values = [float(each) for each in header.get(name) or ()]
        except (TypeError, ValueError):
            continue
        if len(values) == 2 and all(math.isfinite(each) and each > 0 for each in values):
            return values[0], values[1]
    return None
