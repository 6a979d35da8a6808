"""Parallel images whose rows and columns run in other directions, such as after a swap of the phase encoding.

Images of one plane may begin in any of its corners and run along either axis. Pixels are only reordered, so that
nothing is interpolated, and each keeps its place in the patient.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cxrfactory.hearts.reading.cine import Cine

_PARALLEL, _ALONG = np.cos(np.radians(4.0)), np.cos(np.radians(20.0))

Turn = tuple[bool, bool, bool]  # exchange rows and columns, then mirror columns, then rows


def turned_alike(cines: Sequence[Cine]) -> tuple[list[Cine], list[Cine]]:
    """Return the cines with rows and columns along those of most parallel cines, and which of these were turned.

    Parameters
    ----------
    cines
        Cines of an examination; their order is kept.
    """
    usual: list[Cine] = []
    for cine in sorted(cines, key=lambda one: -_alike(one, cines)):
        if not any(_parallel(cine, one) for one in usual):
            usual.append(cine)
    turns = [_turn_to(cine, next(one for one in usual if _parallel(cine, one))) for cine in cines]
    made = [_turned(cine, turn) if any(turn) else cine for cine, turn in zip(cines, turns, strict=True)]
    return made, [cine for cine, turn in zip(made, turns, strict=True) if any(turn)]


def _alike(cine: Cine, cines: Sequence[Cine]) -> int:
    """Return how many cines run along a cine's rows and columns."""
    return sum(bool(cine.across @ one.across > _ALONG and cine.down @ one.down > _ALONG) for one in cines)


def _parallel(one: Cine, other: Cine) -> bool:
    return abs(float(one.normal @ other.normal)) >= _PARALLEL


def _turn_to(cine: Cine, usual: Cine) -> Turn:
    """Return how a cine is turned to run along another; no turn where its rows run along neither axis of it."""
    swap = abs(float(cine.across @ usual.across)) < abs(float(cine.across @ usual.down))
    across, down = (cine.down, cine.across) if swap else (cine.across, cine.down)
    along = float(across @ usual.across), float(down @ usual.down)
    return (swap, along[0] < 0, along[1] < 0) if min(map(abs, along)) >= _ALONG else (False, False, False)


def _turned(cine: Cine, turn: Turn) -> Cine:
    swap, mirror_columns, mirror_rows = turn
    if swap:
        cine = replace(
            cine,
            size=cine.size[::-1],
            spacing_mm=cine.spacing_mm[::-1],
            across=cine.down,
            down=cine.across,
        )
    corner = cine.positions_mm(
        cine.size[1] - 1 if mirror_columns else 0,
        cine.size[0] - 1 if mirror_rows else 0,
    )
    moments = tuple(replace(moment, read=_reordered(moment.read, turn)) for moment in cine.moments)
    return replace(
        cine,
        origin_mm=corner,
        across=-cine.across if mirror_columns else cine.across,
        down=-cine.down if mirror_rows else cine.down,
        moments=moments,
    )


def _reordered(read: Callable[[], np.ndarray], turn: Turn) -> Callable[[], np.ndarray]:
    swap, mirror_columns, mirror_rows = turn

    def pixels() -> np.ndarray:
        values = read().T if swap else read()
        return values[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]

    return pixels
