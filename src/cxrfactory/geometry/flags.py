"""Flags of image quality that follow from the geometry: rotated, clipped, poor inspiration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cxrfactory.geometry.measurement import Measurement
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import LUNGS

LARGEST_ASYMMETRY = 0.33  # one clavicle is twice as far from the spine as the other
LEAST_RIBS = 8  # posterior ribs above the right diaphragm
LEAST_CONTACT = 0.02  # border pixels of a lung that is clipped, over the square root of its area

ROTATED, CLIPPED, POOR_INSPIRATION = "rotated", "clipped", "poor_inspiration"


@dataclass(frozen=True)
class Flag:
    """One flag of an image.

    Attributes
    ----------
    name
        ``rotated``, ``clipped`` or ``poor_inspiration``.
    raised
        Whether the flag is raised; None where it cannot be decided.
    reason
        One sentence: the value and the limit, or why there is no decision.
    """

    name: str
    raised: bool | None
    reason: str


def quality_flags(
    masks: Mapping[str, Runs],
    measurements: Iterable[Measurement],
    *,
    largest_asymmetry: float = LARGEST_ASYMMETRY,
    least_ribs: int = LEAST_RIBS,
    least_contact: float = LEAST_CONTACT,
) -> tuple[Flag, Flag, Flag]:
    """Decide the three flags of a frontal view.

    Parameters
    ----------
    masks
        Masks of the view. A lung that touches the border of the frame is clipped; where the frame is padded, the
        padding must be cropped first.
    measurements
        Measurements of the same view.
    largest_asymmetry
        A film is rotated where ``clavicle_symmetry`` is farther from 0 than this.
    least_ribs
        Inspiration is poor where fewer ``posterior_ribs`` lie above the diaphragm.
    least_contact
        Border pixels of a clipped lung, over the square root of its area.
    """
    found = {each.name: each for each in measurements}
    return (
        _by_value(
            ROTATED,
            found.get("clavicle_symmetry"),
            lambda value: abs(value) > largest_asymmetry,
            f"clavicle symmetry {{:.2f}}, limit {largest_asymmetry:g}",
        ),
        _clipped(masks, least_contact),
        _by_value(
            POOR_INSPIRATION,
            found.get("posterior_ribs"),
            lambda value: value < least_ribs,
            f"{{:.0f}} posterior ribs above the diaphragm, limit {least_ribs}",
        ),
    )


def _by_value(name: str, measurement: Measurement | None, over: object, words: str) -> Flag:
    if measurement is None or measurement.excluded:
        return Flag(name, None, measurement.excluded if measurement else "It was not measured.")
    sentence = words.format(measurement.value)
    return Flag(name, bool(over(measurement.value)), f"{sentence[0].upper()}{sentence[1:]}.")  # type: ignore


def _clipped(masks: Mapping[str, Runs], least_contact: float) -> Flag:
    lungs = [name for name in LUNGS if name in masks and not masks[name].empty]
    if len(lungs) < len(LUNGS):
        return Flag(CLIPPED, None, "A lung has no mask.")
    contacts = {name: _contact(masks[name]) for name in lungs}
    over = [name for name in lungs if contacts[name] > least_contact * masks[name].area ** 0.5]
    if over:
        return Flag(CLIPPED, True, f"{contacts[over[0]]} pixels of the {over[0]} lie on the border of the frame.")
    return Flag(CLIPPED, False, "No lung is cut by the border of the frame.")


def _contact(runs: Runs) -> int:
    on_rows = runs.lengths[(runs.rows == 0) | (runs.rows == runs.height - 1)].sum()
    return int(on_rows + (runs.first == 0).sum() + (runs.last == runs.width - 1).sum())
