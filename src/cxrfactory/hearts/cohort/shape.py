"""Random shapes of a heart and its contraction: nodes of the template moved by smooth maps that fold nothing.

A patient's shape is a chain of maps, each of which keeps the order of points along its own lines: along the rays of
the left ventricle (cavity, wall and what lies outside scaled each), along its axis, around the centres of the atria,
a sum of smooth bumps of small slope, and a twist about the long axis. Contraction changes the numbers of the first
maps, so that both frames of a patient share the shape.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32
from numpy.random import Generator

from cxrfactory.errors import CxrError
from cxrfactory.hearts.cohort.anatomy import ATRIA, VESSELS, Anatomy, part_of_nodes, smooth_step

_FADE_MM = 40.0  # above the base, over which the maps of the ventricles end
_REACH_MM = 75.0  # above the base, over which the base's motion ends
PARTS_THAT_GROW = (*ATRIA, *VESSELS)
_STEPS = 12  # of a search, at most
_TOLERANCE = 4e-4  # of a volume
_WAVES = 3
_TWIST = (0.2, 0.1)  # degrees a mm, mean and spread: the right ventricle winds about the left one
_LEAST = 0.03  # volume of a tetrahedron over that in the template
_NARROWEST = 0.5  # of the right ventricle: relative width at end-systole, to which it ejects less than the left one


@dataclass(frozen=True)
class Ventricles:
    """Scales along the rays: 1 leaves the template's size. Waves are the relative variation around the axis.

    Attributes
    ----------
    cavity, wall
        Scale of the left cavity's radius and of the wall's thickness.
    cavity_waves, wall_waves
        Weights of waves around the axis and along it, [3, 2].
    right
        Scale of the distance from the left ventricle's outer surface, which is the right ventricle's width.
    length
        Scale of the length between the base and the centre of the rays.
    base_mm
        Distance that the base moves towards the apex.
    """

    cavity: float
    wall: float
    cavity_waves: Float[np.ndarray, "3 2"]
    wall_waves: Float[np.ndarray, "3 2"]
    right: float
    length: float
    base_mm: float = 0.0


@dataclass(frozen=True)
class Shape:
    """A patient's shape: all numbers that turn the template into a heart at end-diastole.

    Attributes
    ----------
    ventricles
        Scales of the ventricles.
    growth
        Relative growth of the atria, and of the width of the vessels.
    far_ends
        Shift (x, y, z) of the far ends of the vessels, mm.
    bumps
        Centre (x, y, z), shift (x, y, z), and radius of smooth bumps, mm.
    scale
        Size of the whole heart.
    stretch
        Relative scales along x, y and z.
    twist
        Turn about the long axis, degrees for each mm from the apex to the base, beyond the template's own.
    """

    ventricles: Ventricles
    growth: dict[str, float]
    far_ends: dict[str, np.ndarray]
    bumps: Float[np.ndarray, "bumps 7"]
    scale: float
    stretch: Float[np.ndarray, " 3"]
    twist: float = 0.0


@dataclass(frozen=True)
class Hearts:
    """Both frames of a patient in the heart's frame, mm, and the volumes of the left cavity, ml."""

    ed: Float32[np.ndarray, "nodes 3"]
    es: Float32[np.ndarray, "nodes 3"]
    edv_ml: float
    esv_ml: float
    wall_ml: float


def draw_shape(rng: Generator, anatomy: Anatomy) -> Shape:
    """Draw a patient's shape."""
    low, high = anatomy.mesh.vertices_mm.min(0), anatomy.mesh.vertices_mm.max(0)
    radius = rng.uniform(22, 50, 14)
    bumps = np.column_stack([rng.uniform(low, high, (14, 3)), rng.normal(0, 0.055, (14, 3)) * radius[:, None], radius])
    ill = rng.random()  # a third of the hearts has a thick wall, a wide cavity or a wide right ventricle
    ventricles = Ventricles(
        cavity=_around(rng, 1.2 if 0.1 < ill < 0.2 else 1.04, 0.1),
        wall=_around(rng, 1.5 if ill < 0.1 else 1.0, 0.15),
        cavity_waves=rng.normal(0, 0.025, (_WAVES, 2)),
        wall_waves=rng.normal(0, 0.08, (_WAVES, 2)),
        right=_around(rng, 1.25 if 0.2 < ill < 0.3 else 0.97, 0.13),
        length=_around(rng, 1.0, 0.08),
    )
    growth = dict(zip(PARTS_THAT_GROW, rng.normal(0, (0.13, 0.13, 0.1, 0.1)).tolist(), strict=True))
    far_ends = {name: rng.normal(0, (7, 7, 4)) for name in VESSELS}
    scale, stretch = _around(rng, 1.02, 0.065), np.exp(rng.normal(0, 0.035, 3))
    return Shape(ventricles, growth, far_ends, bumps, scale, stretch, float(np.clip(rng.normal(*_TWIST), -0.05, 0.45)))


def _around(rng: Generator, middle: float, spread: float) -> float:
    return float(middle * np.exp(np.clip(rng.normal(0, spread), -2.2 * spread, 2.2 * spread)))


def draw_hearts(rng: Generator, anatomy: Anatomy, shape: Shape) -> Hearts:
    """Draw the contraction of a patient, and return the nodes at end-diastole and at end-systole.

    The ejection fraction of the left cavity is between 30 and 75 %. The wall has the same volume in both frames, to
    0.1 %. The right ventricle ejects about as much blood as the left one. If a tetrahedron has folded, the patient's
    shape is drawn nearer to the template until none has.

    Raises
    ------
    CxrError
        If a tetrahedron folds even near the shape of the template.
    """
    ejected = float(np.clip(rng.normal(0.57, 0.11), 0.3, 0.75))
    shortening = float(np.clip(rng.normal(0.055, 0.02) + 0.13 * (ejected - 0.3), 0.03, 0.16))
    stroke = _around(rng, 1.0, 0.08)
    fill = rng.uniform(0.05, 0.22, 2)
    for share in (1.0, 0.75, 0.5, 0.25, 0.1):
        drawn = _nearer(shape, share)
        ed = deform(anatomy, drawn)
        es = deform(anatomy, _contracted(anatomy, drawn, ejected, shortening, stroke, fill))
        if min(smallest_volume(anatomy, ed), smallest_volume(anatomy, es)) > _LEAST:
            cavity, wall = _volume(ed, anatomy.blood), _volume(ed, anatomy.wall)
            return Hearts(ed, es, cavity / 1e3, _volume(es, anatomy.blood) / 1e3, (wall - cavity) / 1e3)
    raise CxrError("virtual heart: tetrahedra of the template fold under small deformations; check the template's mesh")


def _nearer(shape: Shape, share: float) -> Shape:
    """Return a shape whose difference from the template is reduced to a share."""
    if share == 1:
        return shape
    own = shape.ventricles
    ventricles = replace(
        own,
        cavity=own.cavity**share,
        wall=own.wall**share,
        right=own.right**share,
        length=own.length**share,
        cavity_waves=own.cavity_waves * share,
        wall_waves=own.wall_waves * share,
    )
    bumps = shape.bumps.copy()
    bumps[:, 3:6] *= share
    growth = {name: grown * share for name, grown in shape.growth.items()}
    far_ends = {name: shift * share for name, shift in shape.far_ends.items()}
    return Shape(ventricles, growth, far_ends, bumps, shape.scale, shape.stretch**share, share * shape.twist)


def _contracted(
    anatomy: Anatomy, shape: Shape, ejected: float, shortening: float, stroke: float, fill: np.ndarray
) -> Shape:
    """Return the shape at end-systole; each scale is searched in turn, until all volumes fit."""
    used = part_of_nodes(anatomy, np.unique(np.r_[anatomy.wall, anatomy.blood, anatomy.right]))
    growth = {name: shape.growth[name] + more for name, more in zip(ATRIA, fill, strict=True)}
    contracted = replace(shape, growth=shape.growth | growth)
    shifts = _shifts(used, contracted)

    def volume(ventricles: Ventricles, faces: np.ndarray) -> float:
        return _volume(_placed(used, replace(contracted, ventricles=ventricles), shifts), faces)

    def apex(ventricles: Ventricles) -> float:
        return float(_placed(used, replace(contracted, ventricles=ventricles), shifts)[used.wall, 2].min())

    own = shape.ventricles
    ed = _placed(used, shape, _shifts(used, shape))
    cavity, outer, right = (_volume(ed, faces) for faces in (used.blood, used.wall, used.right))
    right_left = float(np.clip(right - stroke * ejected * cavity, 0.3 * right, 0.75 * right))
    targets = {
        "cavity": (used.blood, (1 - ejected) * cavity),
        "wall": (used.wall, outer - ejected * cavity),
        "right": (used.right, right_left),
    }
    state = replace(
        own,
        cavity=own.cavity * (1 - ejected) ** 0.45,
        length=own.length * (1 - shortening),
        wall=own.wall * (1 + 0.8 * ejected),
        right=own.right * 0.8,
    )
    still = float(ed[used.wall, 2].min())
    for turn in range(4):
        if turn < 3:  # the apex stays, and the base moves towards it
            moved = (apex(replace(state, base_mm=0.0)) - still) / (shape.scale * float(shape.stretch[2]))
            state = replace(state, base_mm=float(np.clip(moved, 0, 25)))
        for name, (faces, target) in targets.items():
            state = _solved(state, name, faces, target, volume)
        state = replace(state, right=max(state.right, _NARROWEST * own.right))
    return replace(contracted, ventricles=state)


def _solved(
    state: Ventricles, name: str, faces: np.ndarray, target: float, volume: Callable[[Ventricles, np.ndarray], float]
) -> Ventricles:
    """Return the state with one scale such that the volume inside some faces is a target, by the secant method."""
    last = getattr(state, name)
    fault = volume(state, faces) - target
    scale = last * (1.03 if fault < 0 else 0.97)
    for _ in range(_STEPS):
        if abs(fault) < _TOLERANCE * target:
            break
        found = volume(replace(state, **{name: scale}), faces) - target
        slope = (found - fault) / (scale - last)
        last, fault = scale, found
        scale = float(np.clip(scale - fault / slope if slope > 0 else scale, 0.7 * last, 1.4 * last))
        if scale == last:
            break
    return replace(state, **{name: last})


def deform(anatomy: Anatomy, shape: Shape) -> Float32[np.ndarray, "nodes 3"]:
    """Return the template's nodes moved by a shape, in the heart's frame, mm.

    Examples
    --------
    >>> still = Ventricles(1.0, 1.0, np.zeros((3, 2)), np.zeros((3, 2)), 1.0, 1.0)
    >>> nothing = dict.fromkeys(PARTS_THAT_GROW, 0.0)
    >>> shape = Shape(still, nothing, {}, np.zeros((0, 7)), 1.0, np.ones(3))
    >>> bool(np.allclose(deform(anatomy, shape), anatomy.mesh.vertices_mm, atol=1e-4))
    True
    """
    return _placed(anatomy, shape, _shifts(anatomy, shape))


def _placed(anatomy: Anatomy, shape: Shape, shifts: np.ndarray) -> Float32[np.ndarray, "nodes 3"]:
    points = _twisted(_ventricles(anatomy, shape.ventricles) + shifts, shape.twist) * (shape.scale * shape.stretch)
    return points.astype(np.float32)


def _twisted(points: Float[np.ndarray, "nodes 3"], twist: float) -> Float[np.ndarray, "nodes 3"]:
    """Turn each level about the z axis, the base not at all; the turn ends smoothly above the base. Keeps volumes."""
    if not twist:
        return points
    x, y, z = points.T
    above = np.clip(z, 0, _FADE_MM)
    angle = np.radians(twist) * (np.minimum(z, 0) + above - above**2 / (2 * _FADE_MM))
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=1)


def _shifts(anatomy: Anatomy, shape: Shape) -> Float[np.ndarray, "nodes 3"]:
    """Return the shifts of all nodes that do not depend on the ventricles."""
    places = np.asarray(anatomy.mesh.vertices_mm, float)
    shifts = np.zeros_like(places)
    for bump in shape.bumps:
        near = np.exp(-((places - bump[:3]) ** 2).sum(1) / (2 * bump[6] ** 2))
        shifts += near[:, None] * bump[3:6]
    for name, growth in shape.growth.items():
        shifts += growth * anatomy.growth[name]
    for name, shift in shape.far_ends.items():
        shifts += anatomy.far_end[name][:, None] * shift
    return shifts


def _ventricles(anatomy: Anatomy, ventricles: Ventricles) -> Float[np.ndarray, "nodes 3"]:
    rays = anatomy.rays
    level = np.cos(np.pi / 2 * np.minimum(rays.height, 0))  # waves vanish on the axis below the centre
    modes = [
        level * np.cos(wave * rays.angle + phase) * np.cos(2.0 * along * rays.height)
        for wave in range(_WAVES)
        for along, phase in ((0, 0.0), (1, np.pi / 2 * min(wave, 1)))
    ]
    cavity_waves, wall_waves = np.exp(
        np.stack([ventricles.cavity_waves, ventricles.wall_waves]).reshape(2, -1) @ np.stack(modes)
    )
    fade = smooth_step(1 - (rays.height - 1) * -rays.centre_z / _FADE_MM)
    cavity = 1 + fade * (ventricles.cavity * cavity_waves - 1)
    wall = 1 + fade * (ventricles.wall * wall_waves - 1)
    # The outflow tract, which lies above and in front, moves less than the free wall.
    aside = 0.4 + 0.6 * np.maximum(np.cos(rays.angle), 0) * level + 0.6 * (1 - level)
    right = 1 + aside * smooth_step((_FADE_MM - rays.ground[:, 2]) / (2 * _FADE_MM)) * (ventricles.right - 1)
    thick = rays.outer - rays.inner
    along = (
        cavity * np.minimum(rays.along, rays.inner)
        + wall * np.clip(rays.along - rays.inner, 0, thick)
        + right * np.maximum(rays.along - rays.outer, 0)
    )
    height = np.where(rays.ground[:, 2] < 0, rays.ground[:, 2] * ventricles.length, rays.ground[:, 2])
    points = along[:, None] * rays.direction
    points[:, 2] += height - ventricles.base_mm * smooth_step(1 - rays.ground[:, 2] / _REACH_MM)
    return points


def smallest_volume(anatomy: Anatomy, points: np.ndarray) -> float:
    """Return the smallest signed volume of a tetrahedron over its volume in the template."""
    return float((_tetrahedra(points, anatomy) / _tetrahedra(anatomy.mesh.vertices_mm, anatomy)).min())


def _tetrahedra(points: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    a, b, c, d = np.asarray(points, np.float64)[anatomy.mesh.tetrahedra.T]
    return np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) / 6


def _volume(points: np.ndarray, faces: np.ndarray) -> float:
    """Return the volume inside a closed surface, mm3, by the divergence theorem."""
    a, b, c = np.asarray(points, np.float64)[faces.T]
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)
