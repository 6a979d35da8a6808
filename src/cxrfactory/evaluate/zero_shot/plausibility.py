"""Plausibility of structures that nobody drew: presence, place, order from top to bottom, side, symmetry, nesting.

Each check is a statement of anatomy about one film. A structure without a statement, such as the symmetry of a heart,
is not judged by it.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.anatomy.structure_groups import class_of_structure, mirrored
from cxrfactory.evaluate.zero_shot.films import FRAME
from cxrfactory.models.anatomy.card import AnatomyCard
from cxrfactory.models.anatomy.network import LABEL, FoundStructure
from cxrfactory.models.anatomy.places import is_usual, place_of
from cxrfactory.models.anatomy.views import FRONTAL_KEY

CHECKS = ("present", "place", "order", "side", "symmetry", "nested")
LEAST_SYMMETRY = 0.5  # area of the smaller of two sides, as a share of the larger one's
LEAST_PX = 50  # pixels of the frame from which a structure counts as present
# Structures of the middle, which lie between the outer borders of the lungs in a frontal film.
_MIDDLE = ("trachea", "heart", "esophagus", "spinal cord")
_SECTIONS = {"cervical": 0, "thoracic": 7, "lumbar": 19}


def check_film(view: str, found: Mapping[str, FoundStructure], card: AnatomyCard) -> list[dict[str, Any]]:
    """Return one row for each output of the network: its checks (True, False or None) and its confidence.

    Parameters
    ----------
    view
        ``PA`` or ``LL``.
    found
        All structures of the film by name.
    card
        Usual places of the structures.
    """
    outputs = {name: each for name, each in found.items() if each.origin == LABEL}
    middles = {name: _middle(each.mask) for name, each in found.items() if each.mask.sum() >= LEAST_PX}
    lungs = _lungs(found)
    rows = []
    for name, each in outputs.items():
        usual = card.places.get(view, {}).get(name)
        present = name in middles
        place = is_usual(place_of(each.mask.astype(bool), lungs), usual) if present and usual is not None else None
        checks = {
            "present": present if usual is not None else None,
            "place": place,
            "order": _in_order(name, middles) if present else None,
            "side": _on_its_side(name, middles) if present and view == FRONTAL_KEY else None,
            "symmetry": _symmetric(name, found, middles) if present and view == FRONTAL_KEY else None,
            "nested": _nested(name, middles, lungs) if present and view == FRONTAL_KEY else None,
        }
        said = [value for value in checks.values() if value is not None]
        rows.append(
            {"view": view, "structure": name, **checks, "plausible": all(said) if said else None,
             "area_px": int(each.mask.sum()), "confidence": each.confidence}
        )  # fmt: skip
    return rows


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return by set, view and structure the number of films, and the share of films that pass each check."""
    found = []
    for (source, view, name), group in rows.groupby(["source", "view", "structure"], sort=True):
        shares = {check: _share(group[check]) for check in (*CHECKS, "plausible")}
        confidence = group["confidence"].astype(np.float64).mean()
        found.append(
            {"source": source, "view": view, "structure": name, "films": len(group), **shares, "confidence": confidence}
        )
    columns = ["source", "view", "structure", "films", *CHECKS, "plausible", "confidence"]
    return pd.DataFrame(found, columns=columns)


def rung(name: str) -> tuple[str, int] | None:
    """Return the ladder that a rib or vertebra belongs to, and its rung from the top; None for other structures."""
    known = class_of_structure(name)
    if known is None or known.number is None:
        return None
    if known.organ == "rib":
        return (f"{known.laterality} ribs", known.number) if known.laterality in ("left", "right") else None
    if known.organ == "vertebrae":
        section = known.name.split()[0]
        return ("vertebrae", _SECTIONS[section] + known.number) if section in _SECTIONS else None
    return None


def _share(values: pd.Series) -> float:
    known = values.dropna()
    return float(known.astype(bool).mean()) if len(known) else float("nan")


def _middle(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def _lungs(found: Mapping[str, FoundStructure]) -> np.ndarray:
    names = [name for name in found if re.fullmatch(r"(right|left)[ _](projected_|whole_)?lung", name)]
    masks = [found[name].mask for name in names]
    return np.logical_or.reduce(masks) if masks else np.zeros((FRAME, FRAME), bool)


def _in_order(name: str, middles: Mapping[str, tuple[float, float]]) -> bool | None:
    """Return whether a rib or vertebra lies below the next higher and above the next lower one that was found."""
    own = rung(name)
    if own is None:
        return None
    ladder = {place[1]: middles[other][1] for other in middles if (place := rung(other)) and place[0] == own[0]}
    above = [number for number in ladder if number < own[1]]
    below = [number for number in ladder if number > own[1]]
    if not above and not below:
        return None
    here = middles[name][1]
    return (not above or ladder[max(above)] < here) and (not below or here < ladder[min(below)])


def _on_its_side(name: str, middles: Mapping[str, tuple[float, float]]) -> bool | None:
    """Return whether a structure lies on its side of the other one; the patient's right is on the image's left."""
    other = mirrored(name)
    if other is None or other not in middles:
        return None
    left = re.search(r"(?<![a-z])left(?![a-z])", name) is not None
    return (middles[name][0] > middles[other][0]) == left


def _symmetric(
    name: str, found: Mapping[str, FoundStructure], middles: Mapping[str, tuple[float, float]]
) -> bool | None:
    other = mirrored(name)
    known = class_of_structure(name)
    if other is None or other not in middles or known is None or known.system != "Skeletal":
        return None  # lungs, chambers and kidneys of the two sides need not be alike
    areas = sorted((int(found[name].mask.sum()), int(found[other].mask.sum())))
    return areas[0] >= LEAST_SYMMETRY * areas[1]


def _nested(name: str, middles: Mapping[str, tuple[float, float]], lungs: np.ndarray) -> bool | None:
    """Return whether the middle of a midline structure lies between the outer borders of the lungs."""
    ladder = rung(name)
    if (name not in _MIDDLE and (ladder is None or ladder[0] != "vertebrae")) or not lungs.any():
        return None
    columns = np.flatnonzero(lungs.any(axis=0))
    return bool(columns[0] <= middles[name][0] <= columns[-1])
