"""Scales of RSML files: their spellings, read into one form."""

import math
import re

from cxrfactory.tables.rsml.model import RsmlMetadata

_MM = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 1e-3, "nm": 1e-6, "inch": 25.4}
_SPELLINGS = {
    "m": ("metre", "metres", "meter", "meters"),
    "cm": ("centimetre", "centimetres", "centimeter", "centimeters"),
    "mm": ("millimetre", "millimetres", "millimeter", "millimeters"),
    "um": ("µm", "μm", "micron", "microns", "micrometre", "micrometres", "micrometer", "micrometers"),
    "nm": ("nanometre", "nanometres", "nanometer", "nanometers"),
    "inch": ("in", "inches", '"', "dpi", "ppi"),
}
_UNITS = {spelling: unit for unit, others in _SPELLINGS.items() for spelling in (unit, *others)}
_NUMBER = re.compile(r"([0-9]*[.,]?[0-9]+(?:e[+-]?[0-9]+)?)\s*(.*)", re.IGNORECASE)
_PER = re.compile(r"\s*(?:/|\bper\b)\s*")
_PIXEL = ("", "px", "pixel", "pixels", "dot", "dots")


def scale_of(unit: str, resolution: str) -> tuple[str, float]:
    """Return unit and pixels per unit for the two texts of a file; (``pixel``, 1) where they do not give a scale.

    The unit may stand in either text: ``inch`` and ``300``, ``pixel`` and ``300 dpi``, ``cm`` and ``118,1``, ``mm`` and
    ``0.05 mm/px``.
    """
    found = _NUMBER.fullmatch(resolution.strip())
    if found is None:
        return "pixel", 1.0
    number = float(found[1].replace(",", "."))
    above, _, below = (part.strip().lower() for part in _parted(found[2].lower()))
    outer = _UNITS.get(unit.strip().lower())
    if below and above in _UNITS and below in _PIXEL:  # "0.05 mm/px": the length of a pixel
        named, number = _UNITS[above], 1 / number if number else math.inf
    elif below:  # "118.1 px/cm"
        named = _UNITS.get(below) if above in _PIXEL else None
    else:
        named = _UNITS.get(above, outer if above in _PIXEL else None)
    if named is None or not (0 < number < math.inf):
        return "pixel", 1.0
    return named, number


def _parted(text: str) -> tuple[str, str, str]:
    parts = _PER.split(text, maxsplit=1)
    return (parts[0], "/", parts[1]) if len(parts) == 2 else (text, "", "")


def mm_per_pixel(metadata: RsmlMetadata) -> float | None:
    """Return the side of a pixel in mm, or None where the file does not give it."""
    if metadata.unit not in _MM:
        return None
    side = _MM[metadata.unit] / metadata.resolution
    return side if 0 < side < math.inf else None
