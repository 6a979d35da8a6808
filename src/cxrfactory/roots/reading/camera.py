"""Where the camera stood: each picture of a plate is laid over the plate's first one, or refused.

A picture is compared with the first one, and with the last picture that was kept where it has changed too much since
the first. A weak response counts only if the quarters of the pictures agree on it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from cxrfactory.roots.reading.shift import LEAST_RESPONSE, Shift, View, shift_between, turn_between, view_of

# Virtual plates keep 0.6 over a week of growth, drops and condensation. Pictures of two plates in one mount reach 0.3,
# and those of one plate that is turned by 2 degrees 0.4, but then the quarters tell the turn.
SURE_RESPONSE = 0.4
MOST_TURN = 0.3  # degrees; such a turn moves the corner of a picture of 1000 pixels by 4 pixels
_EXACT_PX = 0.1  # of the compared pictures; a smaller shift is an error of measurement


@dataclass(frozen=True)
class Placed:
    """How a picture lies over the first one.

    Attributes
    ----------
    x, y
        Pixels by which the picture is to be shifted to the right and down.
    fault
        Why it cannot be used; None if it can.
    """

    x: float
    y: float
    fault: str | None = None


class Camera:
    """The camera of one plate; it is shown the pictures in the order of time.

    Parameters
    ----------
    first
        The plate's first picture [row, column], reduced.
    factor
        Pixels of the full picture over those of the reduced one.
    most_shift_px
        Largest shift that is accepted, pixels of the full picture.
    """

    def __init__(self, first: UInt8[np.ndarray, "height width"], factor: float, most_shift_px: float) -> None:
        self._first = self._last = view_of(first)
        self._at = (0.0, 0.0)  # shift of the last picture, reduced pixels
        self._factor, self._most = factor, most_shift_px

    def place(self, picture: UInt8[np.ndarray, "height width"]) -> Placed:
        """Lay a picture over the first one; a picture that is not refused is what the next ones are compared with."""
        view = view_of(picture)
        shift, turn, fits = _match(self._first, view)
        x, y = shift.x, shift.y
        if not fits:
            by_last, last_turn, last_fits = _match(self._last, view)
            if not last_fits or (turn is not None and last_turn is None):
                return self._refused(shift, turn if turn is not None else last_turn)
            x, y = self._at[0] + by_last.x, self._at[1] + by_last.y
        full_x, full_y = round(x * self._factor, 2), round(y * self._factor, 2)
        far = float(np.hypot(full_x, full_y))
        if far > self._most:
            limit = f"most_shift_px is {self._most:g}"
            return Placed(full_x, full_y, f"camera moved: {far:.1f} px away from the plate's first picture; {limit}")
        self._last, self._at = view, (x, y)
        return Placed(full_x, full_y) if np.hypot(x, y) >= _EXACT_PX else Placed(0.0, 0.0)

    def _refused(self, shift: Shift, turn: float | None) -> Placed:
        if turn is not None and abs(turn) > MOST_TURN and shift.response >= LEAST_RESPONSE:
            said = f"turned by more than {MOST_TURN:g} degrees against the plate's first picture"
        else:
            said = (
                f"it lies over neither the plate's first picture (response {shift.response:.2f}; expected "
                f"{SURE_RESPONSE:g}) nor the one before it"
            )
        return Placed(0.0, 0.0, f"camera moved: {said}")


def same_place(one: UInt8[np.ndarray, "height width"], other: UInt8[np.ndarray, "height width"]) -> bool:
    """Return whether two pictures of one size show one plate through one camera, shifted but not turned."""
    return _match(view_of(one), view_of(other))[2]


def _match(reference: View, view: View) -> tuple[Shift, float | None, bool]:
    """Return the shift, the turn if the quarters agree on one, and whether the pictures fit."""
    shift = shift_between(reference.whole, view.whole)
    if shift.response < LEAST_RESPONSE:
        return shift, None, False
    turn = turn_between(reference, view)
    if turn is None:
        return shift, None, shift.response >= SURE_RESPONSE
    return shift, turn, abs(turn) <= MOST_TURN
