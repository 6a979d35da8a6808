"""Cardiothoracic ratios in their three definitions, and the share of the heart's area."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float

from cxrfactory.geometry.measurement import Measurement, Point, excluded, measured
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import HEART, LUNGS, MissingStructureError, Structures
from cxrfactory.geometry.taking import taken

RIBS = ("rib", *(f"{side} rib {number}" for side in ("right", "left") for number in range(1, 13)))
LEAST_RIBS = 5  # single ribs on each side that make a rib cage

_BY_COLUMNS = ("ctr_columns", "heart_width", "thoracic_width")


def heart_measurements(
    found: Structures, landmarks: Mapping[str, Float[np.ndarray, "n 2"]] | None
) -> Iterator[Measurement]:
    """Yield the ratios of the heart."""
    yield from taken(_BY_COLUMNS, (HEART, *LUNGS), lambda: _by_columns(found))
    yield from taken(("ctr_rows",), (HEART, *LUNGS), lambda: _by_rows(found))
    yield from taken(("ctr_rows_ribs",), (HEART, *LUNGS, "rib"), lambda: _by_rows_with_ribs(found))
    yield _by_landmarks(landmarks)
    yield from taken(("cardiac_area_ratio",), (HEART, *LUNGS), lambda: _by_area(found))


def landmark_ratio(
    right_lung: Float[np.ndarray, "*draws n 2"],
    left_lung: Float[np.ndarray, "*draws m 2"],
    heart: Float[np.ndarray, "*draws k 2"],
) -> Float[np.ndarray, "*draws"]:
    """Compute the cardiothoracic ratio from landmarks or contour points.

    The rule is that of HybridGNet's study of the ratio (section 5.6): the "maximum horizontal distance between lung
    borders" is the horizontal extent of the landmarks of both lungs, and the "maximum horizontal diameter of the heart"
    that of the heart's landmarks. The ends of a width need not lie at one height.

    Parameters
    ----------
    right_lung, left_lung, heart
        Points (x, y), ``[..., n, 2]``. Leading dimensions hold images or samples of one image.

    Returns
    -------
    array
        One ratio for each leading index.

    Examples
    --------
    >>> from cxrfactory.geometry.heart import landmark_ratio
    >>> right, left = np.array([[10.0, 50], [40, 60]]), np.array([[60.0, 50], [110, 55]])
    >>> float(landmark_ratio(right, left, np.array([[35.0, 60], [85, 70]])))
    0.5
    """
    lungs = np.concatenate([right_lung, left_lung], axis=-2)[..., 0]
    return np.ptp(np.asarray(heart)[..., 0], axis=-1) / np.ptp(lungs, axis=-1)


def thoracic_width(found: Structures) -> float:
    """Return the column extent of both lungs in pixels, by which other lengths are divided."""
    left, right = found.together(LUNGS).column_extent
    return right - left + 1.0


def _by_columns(found: Structures) -> tuple[Measurement, ...]:
    heart, lungs = _ends_of_columns(found.whole(HEART)), _ends_of_columns(found.together(LUNGS))
    widths = [ends[1][0] - ends[0][0] for ends in (heart, lungs)]
    return (
        measured("ctr_columns", widths[0] / widths[1], (*heart, *lungs), (HEART, *LUNGS)),
        measured("heart_width", widths[0], heart, (HEART,)),
        measured("thoracic_width", widths[1], lungs, LUNGS),
    )


def _by_rows(found: Structures) -> tuple[Measurement, ...]:
    return (_row_ratio("ctr_rows", found.whole(HEART), found.together(LUNGS), (HEART, *LUNGS)),)


def _by_rows_with_ribs(found: Structures) -> tuple[Measurement, ...]:
    heart, lungs = found.whole(HEART), found.together(LUNGS)
    ribs = found.present(RIBS)
    sides = [sum(name.startswith(side) for name in ribs) for side in ("right", "left")]
    if "rib" not in ribs and min(sides) < LEAST_RIBS:
        raise MissingStructureError("There are no masks of a rib cage.")
    thorax = lungs.union(found.get(name) for name in ribs)
    return (_row_ratio("ctr_rows_ribs", heart, thorax, (HEART, *LUNGS, *ribs)),)


def _row_ratio(name: str, heart: Runs, thorax: Runs, structures: tuple[str, ...]) -> Measurement:
    ends = [_ends_of_widest_row(runs) for runs in (heart, thorax)]
    widths = [right[0] - left[0] for left, right in ends]
    return measured(name, widths[0] / widths[1], (*ends[0], *ends[1]), structures)


def _by_landmarks(landmarks: Mapping[str, np.ndarray] | None) -> Measurement:
    names = (HEART, *LUNGS)
    missing = [name for name in names if landmarks is None or name not in landmarks or len(landmarks[name]) < 2]
    if landmarks is None or missing:
        return excluded("ctr_landmarks", f"There are no landmarks of the {missing[0]}.", names)
    heart, *lungs = (np.asarray(landmarks[name], np.float64) for name in names)
    both = np.concatenate(lungs)
    if not np.isfinite(np.concatenate([heart, both])).all() or np.ptp(both[:, 0]) == 0:
        return excluded("ctr_landmarks", "The landmarks have no finite extent.", names)
    ends = [each[index(each[:, 0])] for each in (heart, both) for index in (np.argmin, np.argmax)]
    return measured("ctr_landmarks", landmark_ratio(*lungs, heart), ends, names)


def _by_area(found: Structures) -> tuple[Measurement, ...]:
    heart, lungs = found.whole(HEART), found.together(LUNGS)
    share = heart.area / heart.union([lungs]).area
    return (measured("cardiac_area_ratio", share, (heart.centroid(), lungs.centroid()), (HEART, *LUNGS)),)


def _ends_of_columns(runs: Runs) -> tuple[Point, Point]:
    """Outer edges of the leftmost and of the rightmost pixel."""
    left, right = int(np.argmin(runs.first)), int(np.argmax(runs.last))
    return (runs.first[left] - 0.5, float(runs.rows[left])), (runs.last[right] + 0.5, float(runs.rows[right]))


def _ends_of_widest_row(runs: Runs) -> tuple[Point, Point]:
    row, left, right = runs.widest_row()
    return (left - 0.5, float(row)), (right + 0.5, float(row))
