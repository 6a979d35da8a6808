"""A main root that stopped ends where a lateral emerged at its tip; one that paused, or was hidden, goes on."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.growing import GrownRoot, grow_plants
from tests.geometry.roots.drawn import cut, drawn

BENT = [(200, 40), (200, 160), (260, 230)]
STRAIGHT = [(200, 40), (200, 160), (205, 250)]
PICTURES, STEP_PX, STOP_PX = 61, 5.0, 120.0


def _roots(line, pause: int, hidden: bool = False) -> list[GrownRoot]:
    """A root of 5 px a picture that stops at 120 px for so many pictures, or grows on there unseen."""
    arrival = np.full((300, 400), -1, np.int32)
    for picture in range(1, PICTURES):
        length = STEP_PX * picture
        if length > STOP_PX:
            paused = max(STOP_PX, length - STEP_PX * pause)
            length = (STOP_PX if length < STOP_PX + STEP_PX * pause else length) if hidden else paused
        arrival[drawn([cut(line, length)], arrival.shape) & (arrival < 0)] = picture
    mask = arrival >= 0
    return grow_plants(mask, arrival, np.zeros_like(mask), np.array([[200.0, 40.0]]), PICTURES, 8.0, 1.6, True)[0]


def test_a_lateral_at_the_tip_of_a_stopped_main_root_is_a_lateral():
    main, lateral = _roots(BENT, pause=16)
    assert (main.name, lateral.name, lateral.parent) == ("1", "1.1", "1")
    assert float(main.lengths[-1]) == pytest.approx(120, abs=3)
    assert float(lateral.lengths[-1]) == pytest.approx(92, abs=4)
    assert 40 <= int(np.argmax(lateral.lengths > 0)) <= 44


@pytest.mark.parametrize(
    ("line", "pause", "hidden", "length"),
    [(STRAIGHT, 16, False, 210), (BENT, 0, False, 212), (BENT, 12, True, 212)],
    ids=["paused", "bent", "hidden"],
)
def test_other_main_roots_go_on(line, pause, hidden, length):
    (main,) = _roots(line, pause, hidden)
    assert float(main.lengths[-1]) == pytest.approx(length, abs=4)
