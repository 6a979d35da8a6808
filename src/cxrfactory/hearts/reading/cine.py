"""A cine: one place in the patient imaged at several times of the cardiac cycle, before its pixels are read."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.views import ImagePlane


@dataclass(frozen=True)
class Moment:
    """One time of a cine.

    Attributes
    ----------
    number
        What the file counts the image by; it orders images without a time.
    time_ms
        Time after the R wave; None if the file states none.
    read
        Function that returns the pixels [row, column], float32.
    """

    number: int
    time_ms: float | None
    read: Callable[[], np.ndarray] = field(repr=False)


@dataclass(frozen=True)
class Cine:
    """The images of one place.

    Attributes
    ----------
    size
        Rows and columns.
    origin_mm, across, down, spacing_mm, thickness_mm
        As in :class:`cxrfactory.hearts.views.ImagePlane`.
    moments
        The times, in their order.
    cycle_ms
        Length of the cardiac cycle; None if the file states none.
    count
        Number of images in the whole cycle; None if the file states none. Some of them may be missing.
    hint
        View by the file's own words: ``sax``, ``2ch``, ``3ch``, ``4ch``, or empty.
    acquired
        Orders repeated acquisitions of one place: the largest is the last. The first number is that of the series.
    kind
        What the headers call the sequence if it is no cine, in the plural; empty for a cine.
    derived
        Whether the images were computed from others.
    flip_degrees, echo_ms
        Settings of the sequence; None where not stated.
    gated
        Whether the images begin at the R wave, as far as the file tells; a real-time cine does not.
    family
        What the sequence is by its name; empty where not stated.
    """

    size: tuple[int, int]
    origin_mm: Float[np.ndarray, " 3"]
    across: Float[np.ndarray, " 3"]
    down: Float[np.ndarray, " 3"]
    spacing_mm: tuple[float, float]
    thickness_mm: float
    moments: tuple[Moment, ...]
    cycle_ms: float | None = None
    count: int | None = None
    hint: str = ""
    acquired: tuple[int, ...] = ()
    kind: str = ""
    derived: bool = False
    flip_degrees: float | None = None
    echo_ms: float | None = None
    gated: bool = True
    family: str = ""

    @property
    def timed(self) -> bool:
        """Whether the images have times after the R wave that differ."""
        times = {moment.time_ms for moment in self.moments}
        return None not in times and len(times) == len(self.moments)

    @property
    def middle_mm(self) -> Float[np.ndarray, " 3"]:
        """Position of the middle of the image."""
        return self.positions_mm((self.size[1] - 1) / 2, (self.size[0] - 1) / 2)

    @property
    def normal(self) -> Float[np.ndarray, " 3"]:
        """Unit vector across x down."""
        return np.cross(self.across, self.down)

    def positions_mm(self, columns: np.ndarray | float, rows: np.ndarray | float) -> np.ndarray:
        """Return the positions (x, y, z) of points given by column and row."""
        columns, rows = np.asarray(columns, float)[..., None], np.asarray(rows, float)[..., None]
        return self.origin_mm + columns * self.spacing_mm[0] * self.across + rows * self.spacing_mm[1] * self.down

    @property
    def ungated(self) -> bool:
        """Whether three images or more state no time after the R wave, or all the same one."""
        times = {moment.time_ms for moment in self.moments}
        return len(self.moments) > 2 and (None in times or len(times) == 1)

    @property
    def phases(self) -> Float[np.ndarray, " moments"]:
        """Time of each image as a share of the cardiac cycle, from 0 at the R wave.

        Images with distinct times are placed by them; the cycle is the stated one, or else lasts as long as the
        stated number of images. Images without times are spread evenly over one cycle.
        """
        times = [moment.time_ms for moment in self.moments]
        many = len(times)
        if many > 1 and self.timed:
            measured = np.array(times, float)
            step = float(np.median(np.diff(measured)))
            cycle = self.cycle_ms or step * (self.count or many)
            return measured / max(cycle, measured[-1] - measured[0] + step / 2)
        if many == 1 and times[0] is not None and self.cycle_ms:
            return np.array([times[0] / self.cycle_ms % 1.0])
        return np.arange(many) / max(many, 1)

    def plane(self, moment: int) -> ImagePlane:
        """Return the image of one moment, with its pixels read."""
        pixels = np.ascontiguousarray(self.moments[moment].read(), np.float32)
        return ImagePlane(pixels, self.origin_mm, self.across, self.down, self.spacing_mm, self.thickness_mm)
