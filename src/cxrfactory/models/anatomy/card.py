"""What a weights card says about the structures of a network: views, thresholds, validation and confidence.

The entry ``anatomy`` of the card is written by ``study calibrate-anatomy``. Weights without the entry can be used too:
then all thresholds are 0.5, no structure counts as validated, and the confidence is the raw score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.models.anatomy.places import NUMBERS
from cxrfactory.projection.conventions import VIEWS

ENTRY = "anatomy"
THRESHOLD = 0.5
# How a structure was validated on real films: by drawn truth, or by the plausibility of its masks only.
TRUTH, PLAUSIBLE = "truth", "plausible"
BASES = (TRUTH, PLAUSIBLE)


@dataclass(frozen=True)
class AnatomyCard:
    """The entry ``anatomy`` of a weights card.

    Attributes
    ----------
    views
        Views that the network was trained on, ``PA`` and ``LL`` or one of them.
    thresholds
        View to structure to the probability from which a pixel belongs to the structure.
    validated
        View to structure to :data:`TRUTH` or :data:`PLAUSIBLE`; other structures are not validated on real films.
    scores, dices
        Knots of the calibration, both ascending: a mask of raw score ``scores[i]`` has the expected Dice ``dices[i]``.
        Empty without a calibration.
    calibrated_on
        One sentence on the films of the calibration; empty without one.
    places
        View to structure to its usual place and size (:mod:`cxrfactory.models.anatomy.places`); empty without a
        calibration, and then every place is usual.
    """

    views: tuple[str, ...] = ("PA",)
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    validated: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scores: tuple[float, ...] = ()
    dices: tuple[float, ...] = ()
    calibrated_on: str = ""
    places: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    def threshold(self, view: str, name: str) -> float:
        """Return the threshold of a structure in a view."""
        return self.thresholds.get(view, {}).get(name, THRESHOLD)

    def basis(self, view: str, name: str) -> str | None:
        """Return how a structure was validated in a view, or None."""
        return self.validated.get(view, {}).get(name)

    def confidence(self, score: float) -> float:
        """Return the expected Dice of a mask with a raw score; the score itself without a calibration."""
        return float(np.interp(score, self.scores, self.dices)) if self.scores else score

    def as_entry(self) -> dict[str, Any]:
        """Return the entry of the card."""
        return {
            "views": list(self.views),
            "thresholds": {view: dict(values) for view, values in self.thresholds.items()},
            "validated": {view: dict(values) for view, values in self.validated.items()},
            "confidence": {"scores": list(self.scores), "dices": list(self.dices), "films": self.calibrated_on},
            "places": {view: {name: list(box) for name, box in each.items()} for view, each in self.places.items()},
        }


def read_anatomy_card(card: Mapping[str, Any], source: str) -> AnatomyCard:
    """Read the entry ``anatomy`` of a weights card; a card without one gives the defaults.

    Parameters
    ----------
    card
        The weights card. Without the entry, its ``views`` or ``data.views`` name the views.
    source
        Name of the weights, for error messages.

    Raises
    ------
    CxrError
        If the entry is not of the form that :meth:`AnatomyCard.as_entry` writes.
    """
    entry = card.get(ENTRY)
    if entry is None:
        data = card.get("data")
        named = card.get("views") or (data.get("views") if isinstance(data, Mapping) else None)
        return AnatomyCard(_views(named or ["PA"], source))
    try:
        confidence, places = entry.get("confidence", {}), entry.get("places", {})
        found = AnatomyCard(
            _views(entry["views"], source),
            {view: {name: float(share) for name, share in each.items()} for view, each in entry["thresholds"].items()},
            {view: {name: str(basis) for name, basis in each.items()} for view, each in entry["validated"].items()},
            tuple(map(float, confidence.get("scores", ()))),
            tuple(map(float, confidence.get("dices", ()))),
            str(confidence.get("films", "")),
            {view: {name: tuple(map(float, box)) for name, box in each.items()} for view, each in places.items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CxrError(
            f"{source}: the card's entry '{ENTRY}' is not readable ({type(error).__name__}: {error}); expected views, "
            "thresholds, validated and confidence, as study calibrate-anatomy writes them"
        ) from error
    _check(found, source)
    return found


def _views(named: Sequence[str], source: str) -> tuple[str, ...]:
    views = (named,) if isinstance(named, str) else tuple(named)
    if not views or set(views) - set(VIEWS):
        raise CxrError(f"{source}: the card's views are {list(views)}; expected {' or '.join(VIEWS)}, or both")
    return views


def _check(card: AnatomyCard, source: str) -> None:
    shares = [share for each in card.thresholds.values() for share in each.values()]
    if bad := [share for share in shares if not 0 < share < 1]:
        raise CxrError(f"{source}: the card has a threshold of {bad[0]:g}; expected a probability between 0 and 1")
    bases = [basis for each in card.validated.values() for basis in each.values()]
    if strange := [basis for basis in bases if basis not in BASES]:
        raise CxrError(f"{source}: the card validates by '{strange[0]}'; expected {' or '.join(BASES)}")
    boxes = [box for each in card.places.values() for box in each.values()]
    if any(len(box) != NUMBERS for box in boxes):
        raise CxrError(f"{source}: the card has a place of other than {NUMBERS} numbers")
    rising = all(np.all(np.diff(each) >= 0) for each in (card.scores, card.dices))
    if len(card.scores) != len(card.dices) or not rising:
        raise CxrError(f"{source}: the card's confidence needs scores and dices of one length, both ascending")
