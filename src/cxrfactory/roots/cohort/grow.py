"""Growth of virtual plants: paths of roots, and how much of each path exists at each time.

The final path of a root is drawn first. Growth only reveals it: at any time, a root is the first part of its final
path, so that lengths never shrink and the truth is exact at every picture. Positions are pixels (x, y) of the plate's
first picture; angles are against straight down, positive to the right, in radians.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from cxrfactory.geometry.roots.polyline import length_of
from cxrfactory.tables.keys import seed_of

FIELD_MM = 125.0  # side of a picture; the plate has 120 mm
SEED_MM = 25.0  # distance of the row of seeds from the picture's upper side
DAY_HOURS = 24.0

_STEP_MM = 0.3  # between two points of a path
_GRID_HOURS = 0.1  # step of the integration of speeds
_SIDE_MM = 9.0  # distance from the picture's sides at which roots turn away
_FLOOR_MM = 117.0  # where the plate's lower wall stops roots
_FASTEST = 0.42  # mean speed of a main root, mm / h
_REACH_MM = 68.0  # that a main root of mean speed could grow in the whole time
_FAULTY = 0.02  # probability that a seed never germinates, and that a plant dies early


@dataclass(frozen=True)
class GrownRoot:
    """One root over time.

    Attributes
    ----------
    points
        Final path from the base to the tip, pixels (x, y).
    lengths_px
        Length of the part of the path that exists in each picture; it never shrinks.
    half_width_px
        Half of the root's width.
    base
        Index of the point of the main root's path at which a lateral begins; None for the main root.
    """

    points: Float[np.ndarray, "points 2"]
    lengths_px: Float[np.ndarray, " pictures"]
    half_width_px: float
    base: int | None = None


@dataclass(frozen=True)
class Plant:
    """One plant over time.

    Attributes
    ----------
    name
        ``1``, ``2``, ... from the left.
    seed
        Position (x, y) of the seed, pixels.
    start_hours
        Time of germination; infinite for a seed that never germinates.
    stop_hours
        Time of death; infinite for a plant that lives on.
    roots
        Main root first, then all laterals that begin to grow before the last picture, from the seed downwards; empty
        for a seed that does not germinate.
    """

    name: str
    seed: Float[np.ndarray, " 2"]
    start_hours: float
    stop_hours: float
    roots: tuple[GrownRoot, ...]


def grow_plant(
    plate: str,
    number: int,
    plants: int,
    hours: Float[np.ndarray, " pictures"],
    plate_px: int,
    width_mm: float,
    speed: float = 1.0,
    seed: int = 0,
) -> Plant:
    """Grow one plant, which depends on the arguments alone.

    The main root follows gravity with smooth random turns. Laterals begin behind a growing zone without laterals, at
    random intervals and mostly on alternate sides, at 60 to 80 degrees to the main root, and bend slowly towards an
    angle of their own. All speeds vary over 24 hours. Where pictures cover more than a week, speeds are lower, so that
    main roots stay on the plate.

    Parameters
    ----------
    plate
        Name of the plate.
    number
        Number of the plant on the plate, from 0.
    plants
        Number of plants on the plate.
    hours
        Times of the pictures, hours since the first one.
    plate_px
        Side of the pictures, pixels; it shows 125 mm.
    width_mm
        Mean width of the main roots of the plate.
    speed
        Factor on the speeds of all roots.
    seed
        Seed of the cohort.
    """
    rng = np.random.default_rng(seed_of(f"{plate}/{number + 1}", "virtual root system", seed))
    per_mm = plate_px / FIELD_MM
    last = float(hours[-1])
    gap = (FIELD_MM - 2 * _SIDE_MM) / plants
    place = np.array([_SIDE_MM + gap * (number + 0.5), SEED_MM]) + rng.uniform((-0.06 * gap, -1.2), (0.06 * gap, 1.2))
    start = min(rng.uniform(0.02, 0.14) * last, rng.uniform(20, 34))
    fate = rng.random()
    stop = rng.uniform(0.25, 0.7) * last if _FAULTY <= fate < 2 * _FAULTY else np.inf
    own_speed = speed * min(_FASTEST, _REACH_MM / max(last, 1.0)) * _around(rng, 1.0, 0.07)
    width = max(width_mm * _around(rng, 1.0, 0.06), 1.5 / per_mm)
    if fate < _FAULTY:
        return Plant(str(number + 1), place * per_mm, np.inf, np.inf, ())
    clock = _Clock.drawn(rng, last)
    main_mm = clock.lengths(rng, own_speed, start, stop)
    path = _path(rng, place, rng.normal(0, 0.12), rng.normal(0, 0.05), 0.045, 0.10, main_mm[-1])
    main = GrownRoot(path * per_mm, _at(clock, main_mm, hours, path) * per_mm, width * per_mm / 2)
    laterals = _laterals(rng, clock, path, main_mm, own_speed, stop)
    roots = [main]
    for base, points, grown in laterals:
        half = max(width * rng.uniform(0.74, 0.92), 1.5 / per_mm) * per_mm / 2
        roots.append(GrownRoot(points * per_mm, _at(clock, grown, hours, points) * per_mm, half, base))
    return Plant(str(number + 1), place * per_mm, start, stop, tuple(roots))


@dataclass(frozen=True)
class _Clock:
    """A plant's times, hours, and the slow variation of its speed over them, which all of its roots share."""

    hours: np.ndarray
    slow: np.ndarray

    @classmethod
    def drawn(cls, rng: Generator, last: float) -> "_Clock":
        hours = np.arange(0.0, last + 2 * _GRID_HOURS, _GRID_HOURS)
        periods, phases, sizes = rng.uniform(40, 110, 3), rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.02, 0.08, 3)
        waves = sizes[:, None] * np.sin(2 * np.pi * hours / periods[:, None] + phases[:, None])
        return cls(hours, 1 + waves.sum(0))

    def lengths(self, rng: Generator, speed: float, start: float, stop: float, main: bool = True) -> np.ndarray:
        """Return a root's length at all times: the integral of its speed, mm."""
        size = rng.uniform(0.3, 0.5) if main else rng.uniform(0.2, 0.45)
        phase = rng.normal(17, 1.2) if main else rng.normal(5, 2)
        since = self.hours - start
        day = 1 + size * np.cos(2 * np.pi * (self.hours - phase) / DAY_HOURS)
        rates = speed * self.slow * day * (1 - np.exp(-np.maximum(since, 0) / (6 if main else 9)))
        rates[(since < 0) | (self.hours > stop)] = 0
        return np.r_[0.0, np.cumsum((rates[1:] + rates[:-1]) / 2 * _GRID_HOURS)]


def _at(clock: _Clock, lengths: np.ndarray, hours: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Return the lengths at the pictures' times; a root does not grow beyond the end of its path."""
    return np.minimum(np.interp(hours, clock.hours, lengths), length_of(path))


def _path(
    rng: Generator,
    start: np.ndarray,
    angle: float,
    aim: float,
    turn: float,
    pull: float,
    length: float,
) -> np.ndarray:
    """Return a path: its angle is drawn to ``aim`` by ``pull`` a mm, and turned by smooth noise of ``turn`` a mm."""
    steps = max(int(np.ceil(length / _STEP_MM)), 1)
    points = np.empty((steps + 1, 2))
    points[0] = start
    keep = np.exp(-_STEP_MM / 2.5)  # the noise forgets over 2.5 mm
    noise = rng.normal(0, turn)
    shocks = rng.normal(0, turn * np.sqrt(1 - keep**2), steps)
    for step in range(steps):
        x, y = points[step]
        wall = max(_SIDE_MM - x, 0.0) - max(x - (FIELD_MM - _SIDE_MM), 0.0)
        noise = keep * noise + shocks[step]
        angle += _STEP_MM * (pull * (aim - angle) + noise + 0.12 * wall)
        points[step + 1] = x + _STEP_MM * np.sin(angle), y + _STEP_MM * np.cos(angle)
        if points[step + 1, 1] > _FLOOR_MM:
            return points[: step + 2]
    return points


def _laterals(
    rng: Generator, clock: _Clock, path: np.ndarray, main_mm: np.ndarray, speed: float, stop: float
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Return the point of the main root's path, the path, and the lengths at all times of each lateral, mm."""
    found = []
    zone, side = rng.uniform(13, 18), rng.choice((-1.0, 1.0))
    spacing = rng.uniform(5.2, 6.8)
    place = rng.uniform(3.5, 7)
    while place < main_mm[-1] - zone and (base := round(place / _STEP_MM)) < len(path) - 1:
        own = np.random.default_rng(int(rng.integers(2**62)))
        ready = float(np.interp(place + zone, main_mm, clock.hours)) + own.exponential(4.0)
        grown = clock.lengths(own, 0.42 * speed * _around(own, 1.0, 0.22), ready, stop, main=False)
        if own.random() < 0.05:  # a lateral that stops early
            grown = np.minimum(grown, own.uniform(2.0, 6.0))
        way = path[base + 1] - path[base - 1]
        angle = float(np.arctan2(way[0], way[1])) + side * np.deg2rad(own.uniform(60, 80))
        aim = side * np.deg2rad(own.uniform(30, 48))
        if grown[-1] > 0:
            found.append((base, _path(own, path[base], angle, aim, 0.05, 0.11, grown[-1]), grown))
        side = -side if rng.random() < 0.78 else side
        place += max(2.0, rng.gamma(5.0, spacing / 5))
    return found


def _around(rng: Generator, middle: float, spread: float) -> float:
    return float(middle * np.exp(np.clip(rng.normal(0, spread), -2.5 * spread, 2.5 * spread)))
