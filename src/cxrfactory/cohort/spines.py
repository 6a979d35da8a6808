"""Scoliotic spines of virtual patients, bent as real ones are, and the true centres of their vertebrae.

The bends follow the statistics of 200 real spines with scoliosis (AASCE 2019, SpineWeb; experts' corners of T1 to L5).
The middles of T1 to L3 were turned so that the line from T1 to L3 is vertical, and their distances to it were fitted by
one, two and three half sine waves; what remains has a root mean square of 0.2 % of the length. Amplitudes are shares of
the length, positive towards the patient's right.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from cxrfactory.cohort.film_source import FilmSource
from cxrfactory.cohort.patient import Person, deformation_of
from cxrfactory.projection.conventions import View
from cxrfactory.projection.deform import SPINE_BOTTOM, SPINE_TOP, PullBack
from cxrfactory.tables.keys import seed_of

MEANS = (0.0385, 0.0034, -0.0135)
DEVIATIONS = (0.0743, 0.0306, 0.0185)
CORRELATIONS = ((1.0, -0.07, -0.56), (-0.07, 1.0, -0.36), (-0.56, -0.36, 1.0))
VIEW_AXES: dict[View, int] = {"PA": 0, "LL": 1}  # axis of a point that a view shows beside the height
_LARGEST = 2.5  # standard deviations
_EDGE_MM = 3.0  # a structure that comes this near to the end of the scan is cut by it
_STEPS = 60  # of the iteration that inverts a deformation
_CLOSE_MM = 1e-3


def with_scoliosis(source: FilmSource, person: Person, share: float, seed: int) -> Person:
    """Bend the spine of a patient with the probability ``share``; the other traits stay.

    Parameters
    ----------
    source, person
        Source chest and patient.
    share
        Probability of a bend. Its severity is uniform between none and that of a real spine with scoliosis.
    seed
        Seed of the cohort.
    """
    rng = np.random.default_rng(seed_of(f"patient {person.number}", "spine", seed))
    if rng.random() >= share:
        return person
    drawn = np.linalg.cholesky(np.array(CORRELATIONS)) @ rng.standard_normal(3).clip(-_LARGEST, _LARGEST)
    amplitudes = rng.uniform() * (np.array(MEANS) + np.array(DEVIATIONS) * drawn)
    length_mm = (SPINE_TOP - SPINE_BOTTOM) * source.anatomy.half_height_mm * person.shape.height_scale
    bend = tuple(float(value) for value in amplitudes * length_mm)
    return replace(person, shape=replace(person.shape, bend_mm=bend))  # type: ignore[arg-type]


def source_centres(
    source: FilmSource, view: View | None = None, word: str = "vertebra"
) -> dict[str, Float[np.ndarray, "3"]]:
    """Return the centres (x, y, z) in mm of the source's structures whose names hold a word, by name.

    A structure that the end of the scan cuts is left out.

    Parameters
    ----------
    source
        Source chest.
    view
        None for the centres of volume. With ``PA`` or ``LL``, the centre of the outline in that view replaces the two
        coordinates that the view shows: an outline weighs the flat processes of a vertebra as much as its thick body.
    word
        Word in the names.
    """
    labels = source.labels.values[0].numpy()
    first, step = np.array(source.labels.first_mm), np.array(source.labels.spacing_mm)
    top = float(first[2] + step[2] * (labels.shape[0] - 1))
    found = {}
    for value, name in zip(source.values, source.names, strict=True):
        if word not in name:
            continue
        z, y, x = np.nonzero(labels == value)
        heights = first[2] + step[2] * z
        if len(z) and heights.min() > first[2] + _EDGE_MM and heights.max() < top - _EDGE_MM:
            index = np.array([x.mean(), y.mean(), z.mean()])
            if view is not None:
                axis = VIEW_AXES[view]
                z, across = np.unique(np.stack([z, x if axis == 0 else y]), axis=1)
                index[[axis, 2]] = across.mean(), z.mean()
            found[name] = first + step * index
    return found


def moved_points(
    deformation: PullBack, points: Mapping[str, Float[np.ndarray, "3"]]
) -> dict[str, Float[np.ndarray, "3"]]:
    """Return where points (x, y, z) of the source lie in the patient, in mm.

    The deformation tells where a point of the patient comes from; it is inverted by fixed-point iteration.

    Raises
    ------
    ValueError
        If the iteration does not come near enough for some point.
    """
    wanted = np.array(list(points.values()), float).reshape(-1, 3)
    at = wanted.copy()
    for _ in range(_STEPS):
        missing = wanted - _source_of(deformation, at)
        if np.abs(missing).max(initial=0) < _CLOSE_MM:
            return dict(zip(points, at, strict=True))
        at = at + 0.8 * missing
    raise ValueError(f"a point of the source is still {np.abs(missing).max():.3f} mm off after {_STEPS} steps")


def spine_of(source: FilmSource, person: Person, view: View | None = None) -> dict[str, Float[np.ndarray, "3"]]:
    """Return the true centres (x, y, z) = (right, front, head) in mm of a patient's vertebrae, by name.

    They are the centres of the source (:func:`source_centres`), moved by the patient's deformation.
    """
    deformation, _, _ = deformation_of(source, person)
    return moved_points(deformation, source_centres(source, view))


def _source_of(deformation: PullBack, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    index = ((points - deformation.origin_mm) / deformation.spacing_mm)[:, ::-1].T  # z, y, x
    parts = [map_coordinates(deformation.source_mm[..., axis], index, order=1, mode="nearest") for axis in range(3)]
    return np.stack(parts, axis=-1).astype(float)
