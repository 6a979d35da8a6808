"""The view of a film from its masks: seen from the side, the two lungs cover one another."""

import numpy as np
from jaxtyping import Bool

from cxrfactory.imaging.vocabulary.words import FRONTAL, FRONTAL_VIEWS

FRONTAL_KEY, LATERAL_KEY = "PA", "LL"  # views of a network; AP films are segmented as PA ones
# Share of the smaller lung that the other one covers. In the true masks of 64 virtual patients, it is 0.00 to 0.03 in
# frontal views and 0.80 to 0.95 in lateral ones.
LATERAL_SHARE = 0.4


def network_view(view: str) -> str:
    """Return the network's view for a view as films state it: ``PA`` for all frontal ones, else ``LL``."""
    return FRONTAL_KEY if view in (*FRONTAL_VIEWS, FRONTAL) else LATERAL_KEY


def view_of_lungs(right: Bool[np.ndarray, "h w"], left: Bool[np.ndarray, "h w"]) -> str | None:
    """Return ``PA`` or ``LL`` from the masks of both lungs; None if one of them is empty."""
    smaller = min(int(right.sum()), int(left.sum()))
    if not smaller:
        return None
    return LATERAL_KEY if int((right & left).sum()) >= LATERAL_SHARE * smaller else FRONTAL_KEY
