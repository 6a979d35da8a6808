"""Check that an image is upright: a small network first, and the segmenter in four orientations where it is unsure."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import ImageError
from cxrfactory.models.orientation import CLOCKWISE_DEGREES, OrientationCheck, SideCheck
from cxrfactory.models.segmenter import SampledLandmarks

Odds = Float[np.ndarray, "4"]  # probability, for 0 to 3 turns by np.rot90, that the turn sets the image upright
# An image counts as turned if another orientation has less than this share of the upright deviation. This was measured
# on 45 real radiographs with two networks. For the 35 upright ones, the best other orientation had at least 0.87 times
# the upright deviation (all but one: at least 1.4 times). For the 10 turned ones, the correct orientation had at most
# 0.54 times (docs/segment.md).
SURER = 0.75
# Probability from which the small network is believed that an image is upright, and needs only one orientation more to
# say that it is turned. No upright frontal film of seven hospitals had 0.9 or more for another orientation.
UPRIGHT = 0.9
TURNED = 0.97


def odds_of(enabled: bool) -> Callable[[UInt8[np.ndarray, "size size"]], Odds | None]:
    """Return the function that gives each preprocessed image its odds; None for each image if not ``enabled``."""
    return OrientationCheck() if enabled else lambda image: None


def mirrored_of(enabled: bool) -> Callable[[UInt8[np.ndarray, "size size"]], float]:
    """Return the function that gives an upright frontal film the probability that it is mirrored; 0 if not enabled."""
    return SideCheck() if enabled else lambda image: 0.0


def turns_of(odds: Odds | None) -> tuple[int, ...]:
    """Return the numbers of quarter turns by ``np.rot90`` after which an image is predicted, 0 first.

    An image that the network is sure of needs no other orientation, or only the one that would set it upright.
    """
    if odds is None or odds[0] >= UPRIGHT:
        return (0,)
    best = int(np.argmax(odds))
    return (0, best) if best and odds[best] >= TURNED else tuple(range(len(CLOCKWISE_DEGREES)))


def check_upright(
    predictions: Sequence[SampledLandmarks],
    odds: Odds | None = None,
    confirm: Callable[[int], bool] | None = None,
    stored: int = 1,
) -> None:
    """Raise an error if the predictions of an image in several orientations show that it is turned.

    Parameters
    ----------
    predictions
        One prediction for each turn of :func:`turns_of`, or for each of 0 to 3 turns; one alone is not checked.
    odds
        The probabilities that the small network gives the four orientations; the most probable one must agree.
    confirm
        Function that tells whether the image looks like a chest radiograph after a number of quarter turns. A picture
        that does not is not refused as turned: in noise or two films, any orientation may deviate least.
    stored
        Orientation that the file's header states, from 1 (as displayed) to 8; by another than 1 the image was turned.

    Raises
    ------
    ImageError
        If the image lies on its side or upside down; the message names the turn that sets it upright.
    """
    turns = range(len(predictions)) if odds is None else turns_of(odds)
    spread = [float(each.std.mean()) for each in predictions]
    best = int(np.argmin(spread))
    turned = spread[best] < SURER * spread[0] and (odds is None or int(np.argmax(odds)) == turns[best])
    if turned and (confirm is None or confirm(turns[best])):
        raise ImageError(
            f"lies on its side or upside down: landmarks deviate by {spread[0]:.1f} px, by {spread[best]:.1f} px after "
            f"a turn of {CLOCKWISE_DEGREES[turns[best]]} degrees clockwise; {what_to_do(stored)}"
        )


def what_to_do(stored: int) -> str:
    """Return what a user can do about an image that lies on its side, by the orientation that its header states.

    Examples
    --------
    >>> what_to_do(1)
    'turn it, or use --no-check-orientation'
    >>> what_to_do(6)
    'its header states orientation 6, by which it was turned: where it is wrong, set preprocess.orientation to ignore'
    """
    if stored == 1:
        return "turn it, or use --no-check-orientation"
    turned = f"its header states orientation {stored}, by which it was turned"
    return f"{turned}: where it is wrong, set preprocess.orientation to ignore"
