"""One virtual plate: its name, its times, its plants, and the roots of a plant that a picture shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from jaxtyping import Float

from cxrfactory.config.roots import GROUPS, TRAINING, RootsCohortConfig
from cxrfactory.geometry.roots.polyline import piece
from cxrfactory.geometry.roots.system import EMERGED_MM, RootPath
from cxrfactory.roots.cohort.grow import FIELD_MM, Plant, grow_plant
from cxrfactory.roots.cohort.look import Look, draw_look, draw_shifts

_START = datetime(2020, 1, 1, 8)


@dataclass(frozen=True)
class Plate:
    """A virtual plate.

    Attributes
    ----------
    name
        ``first-0``, ``second-0``, ``train-0``, ...
    group
        ``first`` or ``second``; None for a plate that only training uses.
    plate_px
        Side of the pictures, pixels.
    seed
        Seed of the cohort.
    hours
        Times of the pictures, hours since the first one.
    look
        How its pictures look.
    shifts
        Shift (x, y) of each picture that lays it over the first one, pixels.
    plants
        Its plants from the left.
    """

    name: str
    group: str | None
    plate_px: int
    seed: int
    hours: Float[np.ndarray, " pictures"]
    look: Look
    shifts: Float[np.ndarray, "pictures 2"]
    plants: tuple[Plant, ...]

    @property
    def mm_per_pixel(self) -> float:
        """Scale of the pictures."""
        return FIELD_MM / self.plate_px

    def file_name(self, frame: int) -> str:
        """Return the name of a picture's file, which tells the time, such as ``first-0_2020-01-01_08-00-00.jpg``."""
        return f"{self.name}_{_START + timedelta(hours=float(self.hours[frame])):%Y-%m-%d_%H-%M-%S}.jpg"


def plate_names(settings: RootsCohortConfig) -> list[str]:
    """Return the names of all plates of a cohort; a larger cohort has the same and more.

    Examples
    --------
    >>> plate_names(RootsCohortConfig(plates=2, training_plates=1))
    ['first-0', 'first-1', 'second-0', 'second-1', 'train-0']
    """
    return settings.compared_plates + settings.learned_plates


def draw_plate(name: str, settings: RootsCohortConfig) -> Plate:
    """Draw a plate, which depends on its name and the settings alone.

    Roots of the group ``second`` grow ``settings.effect`` times as fast. Plates for training vary more in light,
    contrast, width and sharpness than the others, and every sixth of them (``train-5``, ``train-11``, ...) shows dark
    roots on bright ground.
    """
    group = next((each for each in GROUPS if name.startswith(f"{each}-")), None)
    seconds = np.round(np.arange(settings.frames) * settings.interval_minutes * 60)
    hours = seconds / 3600
    look = draw_look(name, settings.cohort_seed, varied=group is None, inverted=_inverted(name))
    speed = settings.effect if group == GROUPS[1] else 1.0
    plants = tuple(
        grow_plant(
            name,
            number,
            settings.plants,
            hours,
            settings.plate_px,
            look.width_mm,
            speed,
            settings.cohort_seed,
        )
        for number in range(settings.plants)
    )
    shifts = draw_shifts(name, settings.cohort_seed, look, settings.frames)
    return Plate(name, group, settings.plate_px, settings.cohort_seed, hours, look, shifts, plants)


def _inverted(name: str) -> bool:
    group, _, number = name.rpartition("-")
    return group == TRAINING and int(number) % 6 == 5


def root_names(plant: Plant, mm_per_pixel: float) -> list[str | None]:
    """Return the name of each of a plant's roots: ``1``, and ``1.1``, ``1.2``, ... in the order of emergence.

    Laterals that emerge between the same two pictures are ordered from the seed downwards. A lateral that no picture
    shows with at least :data:`EMERGED_MM` has no name.
    """
    found: list[str | None] = ["1"] * len(plant.roots[:1]) + [None] * len(plant.roots[1:])
    first = {
        number: int(np.argmax(seen))
        for number, root in enumerate(plant.roots)
        if number > 0 and (seen := root.lengths_px * mm_per_pixel >= EMERGED_MM).any()
    }
    for place, number in enumerate(sorted(first, key=lambda each: (first[each], each)), start=1):
        found[number] = f"1.{place}"
    return found


def roots_at(plant: Plant, names: Sequence[str | None], frame: int, mm_per_pixel: float) -> list[RootPath]:
    """Return the roots that count in one picture: all of it that the truth is about.

    The main root counts from germination. A lateral counts from the first picture in which it has a length of at least
    :data:`EMERGED_MM`, because a shorter one cannot be told from the main root's edge in a picture.

    Parameters
    ----------
    plant
        The plant.
    names
        Names of its roots (:func:`root_names`).
    frame
        Number of the picture.
    mm_per_pixel
        Scale of the pictures.
    """
    found = []
    for name, root in zip(names, plant.roots, strict=True):
        length = float(root.lengths_px[frame])
        least_mm = 0.0 if root.base is None else EMERGED_MM
        if name is not None and length > 0 and length * mm_per_pixel >= least_mm:
            found.append(RootPath(name, piece(root.points, 0.0, length), None if root.base is None else "1"))
    return found
