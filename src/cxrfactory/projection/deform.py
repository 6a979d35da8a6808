"""Virtual patients: smooth, invertible deformations of one chest.

A deformation is a pull-back: it maps a point of the virtual patient to the point of the source CT whose tissue appears
there. Coordinates are mm relative to the centre of the source's lungs, with axes (x, y, z) = (right, front, head). The
deformation is stored on a coarse grid and interpolated linearly between its nodes. Every component is monotone within
the ranges of :data:`RANGES`. The Jacobian determinant of the complete deformation is checked on the grid. A deformation
that folds space, or comes close to folding it, is scaled down until the smallest determinant reaches
:data:`MIN_DETERMINANT`.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

MIN_DETERMINANT = 0.2  # of the pull-back: a region's source volume is at least a fifth of its own volume

NODE_SPACING_MM = 9.0
# Heights of the middles of T1 and L3 in half heights of the lungs above their centre, in the source chest.
SPINE_TOP, SPINE_BOTTOM = 1.0, -1.45
_LATTICE = (8, 7, 8)  # knots of the random field along z, y, x, about 70 mm apart


@dataclass(frozen=True)
class ChestAnatomy:
    """Landmarks of the source chest in mm relative to the centre of its lungs, (x, y, z) = (right, front, head)."""

    half_width_mm: float  # half of the width of the lungs' bounding box
    half_depth_mm: float
    half_height_mm: float
    heart_mm: tuple[float, float, float]  # centre of the heart
    dome_height_mm: float  # mean z of the two domes of the diaphragm


@dataclass(frozen=True)
class PatientShape:
    """Parameters by which the shape of one virtual patient differs from the source; :data:`RANGES` has their ranges."""

    width_scale: float
    depth_scale: float
    height_scale: float
    rib_flare: float  # relative widening of the lower chest against the upper; a negative value narrows it
    heart_width_scale: float
    heart_height_scale: float
    heart_shift_right_mm: float
    heart_shift_head_mm: float
    right_dome_mm: float  # rise of the right hemidiaphragm
    left_dome_mm: float
    scoliosis_mm: float  # lateral amplitude of the spine's curve
    scoliosis_phase_rad: float
    kyphosis_mm: float  # forward bend of the spine's ends relative to its middle
    turn_deg: float  # rotation about the body's long axis
    tilt_deg: float  # rotation in the frontal plane
    lean_deg: float  # rotation in the sagittal plane (lordotic or kyphotic posture)
    field_mm: float  # standard deviation of the smooth random field
    field_seed: int
    heart_turn_deg: float = 0.0  # rotation of the heart in the frontal plane; above 0 its axis becomes steeper
    bend_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)  # sideways bend of the spine, see :func:`spine_bend`


RANGES: dict[str, tuple[float, float]] = {
    "width_scale": (0.88, 1.12),
    "depth_scale": (0.85, 1.20),
    "height_scale": (0.88, 1.14),
    "rib_flare": (-0.07, 0.09),
    "heart_width_scale": (0.85, 1.45),
    "heart_height_scale": (0.88, 1.15),
    "heart_shift_right_mm": (-7.0, 7.0),
    "heart_shift_head_mm": (-8.0, 8.0),
    "right_dome_mm": (-22.0, 26.0),
    "left_dome_mm": (-22.0, 24.0),
    "scoliosis_mm": (0.0, 11.0),
    "scoliosis_phase_rad": (0.0, 2 * np.pi),
    "kyphosis_mm": (-8.0, 16.0),
    "turn_deg": (-5.0, 5.0),
    "tilt_deg": (-3.5, 3.5),
    "lean_deg": (-6.0, 8.0),
    "field_mm": (1.5, 4.0),
}
# Patients who stand and breathe in, as for a radiograph: the source lies, and its diaphragm is high. Lungs become long,
# domes sink, and hearts become steeper and narrower, or stay wide.
STANDING_RANGES: dict[str, tuple[float, float]] = RANGES | {
    "width_scale": (0.82, 1.18),
    "height_scale": (0.92, 1.32),
    "rib_flare": (-0.10, 0.12),
    "heart_width_scale": (0.62, 1.30),
    "heart_height_scale": (0.90, 1.30),
    "heart_shift_right_mm": (-8.0, 12.0),
    "heart_shift_head_mm": (-14.0, 8.0),
    "right_dome_mm": (-70.0, 16.0),
    "left_dome_mm": (-70.0, 16.0),
    "scoliosis_mm": (0.0, 14.0),
    "kyphosis_mm": (-10.0, 22.0),
    "turn_deg": (-7.0, 7.0),
    "heart_turn_deg": (-4.0, 34.0),
}


def draw_shape(rng: np.random.Generator, ranges: dict[str, tuple[float, float]] = RANGES) -> PatientShape:
    """Draw the shape of one patient: each parameter is uniform in its range.

    The rises of the two domes are then moved halfway towards their mean, so that they are correlated.
    """
    drawn = {name: float(rng.uniform(low, high)) for name, (low, high) in ranges.items()}
    shared = 0.5 * (drawn["right_dome_mm"] + drawn["left_dome_mm"])
    drawn["right_dome_mm"] = 0.5 * (drawn["right_dome_mm"] + shared)
    drawn["left_dome_mm"] = 0.5 * (drawn["left_dome_mm"] + shared)
    return PatientShape(**drawn, field_seed=int(rng.integers(0, 2**31)))


def identity_shape() -> PatientShape:
    """Return the shape that leaves the source unchanged."""
    neutral = {field.name: 0.0 for field in fields(PatientShape) if field.name != "bend_mm"}
    ones = {name: 1.0 for name in neutral if name.endswith("_scale")}
    return PatientShape(**(neutral | ones | {"field_seed": 0}))  # type: ignore[arg-type]


@dataclass(frozen=True)
class PullBack:
    """A deformation that is stored on a coarse grid and interpolated linearly between its nodes.

    Attributes
    ----------
    origin_mm
        Position (x, y, z) of node [0, 0, 0].
    spacing_mm
        Distance of neighbouring nodes along (x, y, z).
    source_mm
        Source point (x, y, z) of every node, float32 [nz, ny, nx, 3].
    shrinks
        Number of times that the displacement was scaled down to keep the deformation invertible.
    """

    origin_mm: Float[np.ndarray, "3"]
    spacing_mm: Float[np.ndarray, "3"]
    source_mm: Float[np.ndarray, "nz ny nx 3"]
    shrinks: int

    def determinant(self) -> Float[np.ndarray, "nz ny nx"]:
        """Return the Jacobian determinant of the pull-back at every node, by central differences."""
        return jacobian_determinant(self.source_mm, self.spacing_mm)


def jacobian_determinant(
    source_mm: Float[np.ndarray, "nz ny nx 3"], spacing_mm: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "nz ny nx"]:
    """Return the determinant of d source / d position; it is positive everywhere if space does not fold."""
    columns = [
        np.gradient(source_mm.astype(np.float64), spacing_mm[axis], axis=2 - axis) for axis in range(3)
    ]  # derivatives [..., component] along x, y, z
    return np.einsum("...i,...i->...", columns[0], np.cross(columns[1], columns[2]))


def pull_back(
    shape: PatientShape,
    anatomy: ChestAnatomy,
    low_mm: tuple[float, float, float],
    high_mm: tuple[float, float, float],
) -> PullBack:
    """Compute a patient's deformation over a box.

    Parameters
    ----------
    shape
        Shape of the virtual patient.
    anatomy
        Landmarks of the source chest.
    low_mm, high_mm
        Opposite corners (x, y, z) of the box of the virtual patient that will be sampled.
    """
    low, high = np.asarray(low_mm, float), np.asarray(high_mm, float)
    counts = np.maximum(np.ceil((high - low) / NODE_SPACING_MM).astype(int) + 1, 4)
    spacing = (high - low) / (counts - 1)
    axes = [low[axis] + spacing[axis] * np.arange(counts[axis]) for axis in range(3)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    points = np.stack([x, y, z], axis=-1)
    displacement = _source_points(points, shape, anatomy) - points
    shrinks = 0
    while jacobian_determinant(points + displacement, spacing).min() < MIN_DETERMINANT:
        displacement *= 0.85  # towards the identity, whose determinant is 1
        shrinks += 1
    return PullBack(low, spacing, (points + displacement).astype(np.float32), shrinks)


def _source_points(points: np.ndarray, shape: PatientShape, anatomy: ChestAnatomy) -> np.ndarray:
    x, y, z = np.moveaxis(points @ _rotation(shape).T, -1, 0)
    height = anatomy.half_height_mm
    x = x + shape.scoliosis_mm * np.sin(np.pi * z / height + shape.scoliosis_phase_rad)
    x = x - spine_bend(z / (height * shape.height_scale), shape.bend_mm) if any(shape.bend_mm) else x
    y = y - shape.kyphosis_mm * ((z / height) ** 2 - 1 / 3).clip(max=2)
    x, y, z = x / shape.width_scale, y / shape.depth_scale, z / shape.height_scale
    flare = 1 - shape.rib_flare * np.tanh(z / height)
    x, y = x / flare, y / (1 + 0.5 * (flare - 1))
    z = z - _dome_rise(x, y, z, shape, anatomy)
    x, y, z = _heart(x, y, z, shape, anatomy)
    return np.stack([x, y, z], axis=-1) + _random_field(points.shape[:3], shape)


def spine_bend(height: np.ndarray, bend_mm: tuple[float, float, float]) -> np.ndarray:
    """Return how far a bent spine lies to the patient's right of a straight one, in mm.

    The bend is the sum of one, two and three half sine waves between the first thoracic vertebra and the third lumbar
    one. It goes on straight beyond them, and keeps its slope there.

    Parameters
    ----------
    height
        Height in half heights of the lungs, 0 at their centre and positive towards the head.
    bend_mm
        Amplitudes of the three waves.
    """
    place = (SPINE_TOP - np.asarray(height, float)) / (SPINE_TOP - SPINE_BOTTOM)  # 0 at the top, 1 at the bottom
    inside = place.clip(0, 1)
    beyond = place - inside
    waves = np.pi * np.arange(1, len(bend_mm) + 1)
    return sum(
        amplitude * (np.sin(wave * inside) + beyond * wave * np.cos(wave * inside))
        for wave, amplitude in zip(waves, bend_mm, strict=True)
    )


def _rotation(shape: PatientShape) -> np.ndarray:
    turn, tilt, lean = np.radians([shape.turn_deg, shape.tilt_deg, shape.lean_deg])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    return about_z @ about_y @ about_x


def _dome_rise(x: np.ndarray, y: np.ndarray, z: np.ndarray, shape: PatientShape, anatomy: ChestAnatomy) -> np.ndarray:
    """Return the rise of the diaphragm: it is full at the domes, zero at the chest wall, and fades along z."""
    side = 0.5 * (1 + np.tanh(x / 30))  # 1 on the patient's right, 0 on the left
    rise = side * shape.right_dome_mm + (1 - side) * shape.left_dome_mm
    fade = np.exp(-0.5 * ((z - anatomy.dome_height_mm) / (0.42 * anatomy.half_height_mm)) ** 2)
    wall = np.hypot(x / anatomy.half_width_mm, y / anatomy.half_depth_mm)
    inside = 0.5 * (1 - np.tanh((wall - 0.95) / 0.18))
    return rise * fade * inside


def _heart(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, shape: PatientShape, anatomy: ChestAnatomy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale and shift the points near the heart; the effect fades with the distance from its centre."""
    hx, hy, hz = anatomy.heart_mm
    dx, dy, dz = x - hx, y - hy, z - hz
    reach = 0.5 * anatomy.half_width_mm
    near = np.exp(-0.5 * (dx**2 + dy**2 + dz**2) / reach**2)
    turned_x, turned_z = dx, dz
    if shape.heart_turn_deg:
        angle = near * np.radians(shape.heart_turn_deg)
        turned_x = dx * np.cos(angle) + dz * np.sin(angle)
        turned_z = dz * np.cos(angle) - dx * np.sin(angle)
    return (
        x + (turned_x - dx) + near * (turned_x * (1 / shape.heart_width_scale - 1) - shape.heart_shift_right_mm),
        y + near * dy * (0.5 / shape.heart_width_scale - 0.5),
        z + (turned_z - dz) + near * (turned_z * (1 / shape.heart_height_scale - 1) - shape.heart_shift_head_mm),
    )


def _random_field(counts: tuple[int, int, int], shape: PatientShape) -> np.ndarray:
    """Return smooth noise [nz, ny, nx, 3]: normal numbers on a lattice, interpolated by cubic B-splines."""
    lattice = np.random.default_rng(shape.field_seed).normal(size=(*_LATTICE, 3))
    weights = [_spline_weights(count, knots) for count, knots in zip(counts, _LATTICE, strict=True)]
    smooth = lattice
    for axis, matrix in enumerate(weights):
        smooth = np.moveaxis(np.tensordot(matrix, smooth, axes=(1, axis)), 0, axis)
    return shape.field_mm * smooth


def _spline_weights(count: int, knots: int) -> np.ndarray:
    """Return cubic B-spline weights [count, knots], scaled so that noise of unit variance keeps unit variance."""
    at = np.linspace(1, knots - 2, count)[:, None]
    t = np.abs(at - np.arange(knots)[None])
    weights = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.where(t < 2, (2 - t) ** 3 / 6, 0))
    return weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))
