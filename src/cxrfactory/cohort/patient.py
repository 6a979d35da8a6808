"""One virtual patient: its shape, its projection and its radiographs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float

from cxrfactory.anatomy.film_regions import frontal_truth, lateral_truth
from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.cohort.film_source import FilmSource
from cxrfactory.cohort.source import ORGAN_GROUPS, SourceChest
from cxrfactory.projection.appearance import add_breasts, add_lines, burn_in, collimate, draw_style, render
from cxrfactory.projection.conventions import View
from cxrfactory.projection.deform import RANGES, PatientShape, PullBack, draw_shape, pull_back
from cxrfactory.projection.warp import ViewGrid, project_deformed
from cxrfactory.tables.keys import seed_of

_SEEN_BELOW_MM = 55.0  # largest distance that a picture may extend below the lungs
_MARGIN_MM = 26.0  # margin around the source volume that is sampled, for patients larger than the source


Corner = tuple[float, float, float]
Masks = dict[str, Bool[np.ndarray, "h w"]]
Convention = Callable[[dict[str, Float[np.ndarray, "h w"]], float], Masks]


@dataclass(frozen=True)
class Person:
    """A virtual patient's number and traits."""

    number: int  # from 1
    sex: str  # F or M
    age: int  # years
    shape: PatientShape


@dataclass(frozen=True)
class Projection:
    """Line integrals (soft, bone) and soft organ masks of one view, on the pixel grids of the projection.

    Pixel sizes are (horizontal, vertical) in mm. ``first_mm`` is the position (horizontal, vertical) of pixel [0, 0] in
    mm; the axes point right and down in the displayed picture.
    """

    lines: Float[np.ndarray, "2 rows columns"]
    lines_pixel_mm: tuple[float, float]
    organs: Float[np.ndarray, "k rows columns2"]
    organs_pixel_mm: tuple[float, float]
    first_mm: tuple[float, float]


@dataclass(frozen=True)
class Radiograph:
    """A rendered radiograph with its true masks.

    Attributes
    ----------
    grey
        Grey values [row, column] as float32; 0 is black and 1 is white. The values are not clipped.
    pixel_mm
        Pixel size in mm.
    truth
        Masks of right lung, left lung and heart.
    to_mm
        Affine matrix from pixels (x, y) to mm of the projection (:attr:`Projection.first_mm`).
    """

    grey: Float[np.ndarray, "h w"]
    pixel_mm: float
    truth: dict[str, Bool[np.ndarray, "h w"]]
    to_mm: Float[np.ndarray, "2 3"]


def draw_person(number: int, seed: int, ranges: dict[str, tuple[float, float]] = RANGES) -> Person:
    """Draw a patient; a number, a seed and ranges give the same patient for every size of the cohort."""
    rng = np.random.default_rng(seed_of(f"patient {number}", "shape", seed))
    sex = "F" if rng.random() < 0.5 else "M"
    age = int(np.clip(rng.normal(58, 17), 18, 95))
    return Person(number, sex, age, draw_shape(rng, ranges))


def project_person(source: SourceChest, person: Person, view: View) -> Projection:
    """Deform the source chest into the patient and project one view."""
    deformation, low, high = deformation_of(source, person)
    volume = source.frontal if view == "PA" else source.lateral
    lines = view_grid(low, high, volume.spacing_mm)
    soft = view_grid(low, high, source.organs.spacing_mm)
    axis = 0 if view == "PA" else 1
    return Projection(
        lines=project_deformed(volume, deformation, lines, view, "sum"),
        lines_pixel_mm=(lines.spacing_mm[axis], lines.spacing_mm[2]),
        organs=project_deformed(source.organs, deformation, soft, view, "max"),
        organs_pixel_mm=(soft.spacing_mm[axis], soft.spacing_mm[2]),
        first_mm=(-high[axis], -high[2]),
    )


def lung_depth(source: SourceChest, person: Person) -> Float[np.ndarray, "2 rows columns2"]:
    """Return the length in mm that each frontal ray crosses in the right and in the left lung.

    The pixel grid is that of :attr:`Projection.organs`.
    """
    deformation, low, high = deformation_of(source, person)
    names = list(ORGAN_GROUPS)
    lungs = [names.index(name) for name in LUNGS]
    volume = replace(source.organs, values=source.organs.values[lungs])
    return project_deformed(volume, deformation, view_grid(low, high, volume.spacing_mm), "PA", "sum")


def deformation_of(source: SourceChest | FilmSource, person: Person) -> tuple[PullBack, Corner, Corner]:
    """Return the deformation, and the two corners (x, y, z) in mm of the box that it covers."""
    low, high = (
        tuple(value + sign * _MARGIN_MM for value in corner)
        for sign, corner in ((-1, source.low_mm), (1, source.high_mm))
    )
    return pull_back(person.shape, source.anatomy, low, high), low, high  # type: ignore[arg-type, return-value]


def view_grid(low: Corner, high: Corner, step: tuple[float, float, float]) -> ViewGrid:
    """Return the grid over a box whose samples are about ``step`` (x, y, z) mm apart."""
    counts = tuple(round((top - bottom) / size) + 1 for bottom, top, size in zip(low, high, step, strict=True))
    return ViewGrid(low, high, counts)  # type: ignore[arg-type]


def take_radiograph(
    projection: Projection,
    person: Person,
    view: View,
    height: int,
    width: int,
    seed: int,
    room: str = "any",
    frontal: Convention = frontal_truth,
) -> Radiograph:
    """Expose one radiograph of a projected patient.

    Parameters
    ----------
    projection
        Result of :func:`project_person` for the same view.
    person
        Patient; selects the random stream and determines whether breasts are added.
    view
        ``PA`` or ``LL``. The truth of PA follows the convention of manual annotation; the truth of LL is the complete
        projection.
    height, width
        Size of the picture in pixels.
    seed
        Seed of the cohort.
    room
        Name of the random stream; another name gives another picture of the same patient.
    frontal
        Convention by which the truth of a PA view follows from the projected organs; the picture does not depend on it.
    """
    rng = np.random.default_rng(seed_of(f"patient {person.number}", f"exposure {view} {room}", seed))
    to_mm, pixel_mm = field_of_view(projection, view, height, width, rng)
    soft, bone = (
        sampled_at(channel, projection.lines_pixel_mm, projection.first_mm, to_mm, height, width, cv2.INTER_CUBIC)
        for channel in projection.lines
    )
    organs = {
        name: sampled_at(mask, projection.organs_pixel_mm, projection.first_mm, to_mm, height, width, cv2.INTER_LINEAR)
        for name, mask in zip(ORGAN_GROUPS, projection.organs, strict=True)
    }
    truth = frontal(organs, pixel_mm) if view == "PA" else lateral_truth(organs)
    box = mask_box(np.maximum(organs["right_lung"], organs["left_lung"]))
    if view == "PA" and person.sex == "F" and rng.random() < 0.75:
        soft = add_breasts(soft, box, pixel_mm, float(rng.uniform(8, 55)), rng)
    if rng.random() < 0.15:
        soft = add_lines(soft, pixel_mm, int(rng.integers(1, 4)), rng)
    grey = render(soft, bone, pixel_mm, draw_style(rng), rng)
    if rng.random() < 0.4:
        grey = collimate(grey, box, rng, level=float(rng.choice([0.0, 0.0, rng.uniform(0, 0.1)])))
    grey = with_marks(grey, view, pixel_mm, rng)
    return Radiograph(grey, pixel_mm, truth, to_mm)


def field_of_view(
    projection: Projection,
    view: View,
    height: int,
    width: int,
    rng: np.random.Generator,
    pixel_mm: float | None = None,
) -> tuple[np.ndarray, float]:
    """Draw a field of view that holds the lungs and a margin.

    The result is the affine matrix [2, 3] from picture pixels (x, y) to display mm, and the pixel size in mm. A pixel
    size that is given is kept, and the margin follows from it.
    """
    names = list(ORGAN_GROUPS)
    lungs = np.maximum(projection.organs[names.index("right_lung")], projection.organs[names.index("left_lung")])
    left, top, right, bottom = mask_box(lungs)
    step, first = np.array(projection.organs_pixel_mm), np.array(projection.first_mm)
    low = np.array([left, top]) * step + first
    high = np.array([right, bottom]) * step + first
    bottom_mm = high[1]
    side = (8, 42) if view == "PA" else (25, 60)
    low -= [rng.uniform(*side), rng.uniform(8, 45)]
    # The projection of the lungs ends in the posterior recess, far below the domes of the diaphragm.
    high += [rng.uniform(*side), rng.uniform(-15, 45)]
    pixel_mm = float(max((high - low) / [width, height])) if pixel_mm is None else pixel_mm
    turn = np.radians(rng.normal(0, 1.2))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * pixel_mm
    centre = (low + high) / 2
    # If the picture is higher than the field, most of the extra height lies below the lungs.
    spare = height * pixel_mm - (high - low)[1]
    centre[1] += rng.uniform(-0.1, 0.5) * spare
    # The scan ends a short distance below the lungs, while the neck continues above them.
    centre[1] = min(centre[1], bottom_mm + _SEEN_BELOW_MM - 0.5 * height * pixel_mm)
    offset = centre - rotation @ [(width - 1) / 2, (height - 1) / 2]
    return np.column_stack([rotation, offset]), pixel_mm


def sampled_at(
    values: np.ndarray,
    pixel_mm: tuple[float, float],
    first_mm: tuple[float, float],
    to_mm: np.ndarray,
    height: int,
    width: int,
    interpolation: int,
) -> np.ndarray:
    """Sample a projection, whose pixel [0, 0] lies at ``first_mm``, on the pixels of a picture."""
    scale = np.diag([1 / pixel_mm[0], 1 / pixel_mm[1]])
    matrix = np.column_stack([scale @ to_mm[:, :2], scale @ (to_mm[:, 2] - np.array(first_mm))])
    return cv2.warpAffine(
        values, matrix, (width, height), flags=interpolation | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )


def mask_box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Return the box (left, top, right, bottom) of a soft mask in pixels, or the whole picture for an empty mask."""
    rows, columns = np.flatnonzero((mask > 0.5).any(axis=1)), np.flatnonzero((mask > 0.5).any(axis=0))
    if len(rows) == 0:
        return 0.0, 0.0, mask.shape[1] - 1.0, mask.shape[0] - 1.0
    return float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1])


def with_marks(grey: np.ndarray, view: View, pixel_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Burn in side markers and exposure notes at random, mostly near the upper or lower edge."""
    height, width = grey.shape
    tall = float(rng.uniform(8, 20)) / pixel_mm
    if rng.random() < 0.75:
        letter = str(rng.choice(["L", "R"])) if view == "PA" else "L"
        on_left = letter == "R" and view == "PA"
        x = width * (rng.uniform(0.03, 0.14) if on_left else rng.uniform(0.86, 0.97))
        y = height * (rng.uniform(0.03, 0.15) if rng.random() < 0.85 else rng.uniform(0.8, 0.95))
        grey = burn_in(grey, letter, (x, y), tall, bool(rng.random() < 0.1), bool(rng.random() < 0.2))
    if rng.random() < 0.35:
        note = str(rng.choice(["ERECT", "PORTABLE", "SUPINE", "PA", "AP", "12:41", "MOBILE 2"]))
        x, y = width * rng.uniform(0.1, 0.9), height * float(rng.choice([0.03, 0.97]))
        grey = burn_in(grey, note, (x, y), 0.5 * tall, False, bool(rng.random() < 0.3))
    return grey
