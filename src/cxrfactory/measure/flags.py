"""Flags of image quality that follow from masks: rotated, clipped, poor inspiration."""

from collections.abc import Mapping

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.geometry.measurement import Measurement
from cxrfactory.geometry.runs import Runs

FLAGS = ("rotated", "clipped", "poor_inspiration")
_LUNGS = ("right lung", "left lung")


def flags_of(
    found: Mapping[str, Measurement], masks: Mapping[str, Runs], settings: MeasureConfig
) -> dict[str, bool | None]:
    """Return the flags of a frontal image; None for a flag that its masks cannot decide.

    Parameters
    ----------
    found
        Measurements by name.
    masks
        Masks by name.
    settings
        Limits of the flags.
    """
    return {
        "rotated": _rotated(found, settings.rotation_limit),
        "clipped": _clipped(masks),
        "poor_inspiration": _poor_inspiration(found, settings.ribs_least),
    }


def _rotated(found: Mapping[str, Measurement], limit: float) -> bool | None:
    one = found.get("clavicle_asymmetry")
    return None if one is None or one.excluded else abs(one.value) > limit


def _clipped(masks: Mapping[str, Runs]) -> bool | None:
    """Return whether a lung reaches the border of the image."""
    lungs = [masks[name] for name in _LUNGS if name in masks]
    return any(map(_touches_border, lungs)) if lungs else None


def _touches_border(runs: Runs) -> bool:
    if not len(runs.rows):
        return False
    ends = runs.rows.min() == 0, runs.rows.max() == runs.height - 1
    return bool(any(ends) or runs.first.min() == 0 or runs.last.max() == runs.width - 1)


def _poor_inspiration(found: Mapping[str, Measurement], least: int) -> bool | None:
    counts = [one.value for name, one in found.items() if name.startswith("ribs_above_") and not one.excluded]
    return None if not counts else min(counts) < least
