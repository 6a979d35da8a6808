"""Virtual patients: smooth, invertible deformations of one chest.

A deformation maps a point of the virtual patient to the point of the source CT whose tissue it shows (a pull-back),
in mm about the centre of the source's lungs, axes (x, y, z) = (right, front, head). It is held on a coarse grid and
interpolated linearly in between. Every part of it is monotone within the ranges of :data:`RANGES`; the Jacobian
determinant of the whole is checked on the grid, and a draw that folds space is scaled down until it does not.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

MIN_DETERMINANT = 0.2  # of the pull-back: no region of the virtual patient takes less than a fifth of its volume

NODE_SPACING_MM = 9.0
_LATTICE = (8, 7, 8)  # z, y, x: knots of the random field, some 70 mm apart


@dataclass(frozen=True)
class ChestAnatomy:
    """Where the source chest's parts stand, in mm about the centre of its lungs: (x, y, z) = (right, front, head)."""

    half_width_mm: float  # of the lungs' bounding box
    half_depth_mm: float
    half_height_mm: float
    heart_mm: tuple[float, float, float]
    dome_height_mm: float  # z of the domes of the diaphragm, mean of both sides


@dataclass(frozen=True)
class PatientShape:
    """What makes one virtual patient's shape differ from the source; ranges in :data:`RANGES`."""

    width_scale: float
    depth_scale: float
    height_scale: float
    rib_flare: float  # lower chest wider (> 0) or narrower than the upper, fraction of the width
    heart_width_scale: float
    heart_height_scale: float
    heart_shift_right_mm: float
    heart_shift_head_mm: float
    right_dome_mm: float  # rise of the hemidiaphragm
    left_dome_mm: float
    scoliosis_mm: float  # lateral amplitude of the spine's curve
    scoliosis_phase_rad: float
    kyphosis_mm: float  # forward bend at the ends against the middle of the spine
    turn_deg: float  # about the body's long axis
    tilt_deg: float  # in the frontal plane
    lean_deg: float  # in the sagittal plane (lordotic or kyphotic stance)
    field_mm: float  # standard deviation of the smooth random field
    field_seed: int


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


def draw_shape(rng: np.random.Generator) -> PatientShape:
    """Draw one patient: each number uniform in its range, both domes sharing half of their rise."""
    drawn = {name: float(rng.uniform(low, high)) for name, (low, high) in RANGES.items()}
    shared = 0.5 * (drawn["right_dome_mm"] + drawn["left_dome_mm"])
    drawn["right_dome_mm"] = 0.5 * (drawn["right_dome_mm"] + shared)
    drawn["left_dome_mm"] = 0.5 * (drawn["left_dome_mm"] + shared)
    return PatientShape(**drawn, field_seed=int(rng.integers(0, 2**31)))


def identity_shape() -> PatientShape:
    """The shape that leaves the source as it is."""
    neutral = {field.name: 0.0 for field in fields(PatientShape)}
    ones = {name: 1.0 for name in neutral if name.endswith("_scale")}
    return PatientShape(**(neutral | ones | {"field_seed": 0}))  # type: ignore[arg-type]


@dataclass(frozen=True)
class PullBack:
    """A deformation on a coarse grid.

    Attributes
    ----------
    origin_mm
        Position (x, y, z) of node [0, 0, 0].
    spacing_mm
        Distance of neighbouring nodes along (x, y, z).
    source_mm
        float32 [nz, ny, nx, 3]: the source point (x, y, z) of every node.
    shrinks
        How often the draw had to be scaled down to stay invertible.
    """

    origin_mm: Float[np.ndarray, "3"]
    spacing_mm: Float[np.ndarray, "3"]
    source_mm: Float[np.ndarray, "nz ny nx 3"]
    shrinks: int

    def determinant(self) -> Float[np.ndarray, "nz ny nx"]:
        """Jacobian determinant of the pull-back at every node, by central differences."""
        return jacobian_determinant(self.source_mm, self.spacing_mm)


def jacobian_determinant(
    source_mm: Float[np.ndarray, "nz ny nx 3"], spacing_mm: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "nz ny nx"]:
    """Determinant of d source / d position; positive everywhere means no folding."""
    columns = [
        np.gradient(source_mm.astype(np.float64), spacing_mm[axis], axis=2 - axis) for axis in range(3)
    ]  # [..., component] along x, y, z
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
        What to do.
    anatomy
        Where the source's parts are.
    low_mm, high_mm
        Corners (x, y, z) of the box of the virtual patient that will be looked at.
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
    y = y - shape.kyphosis_mm * ((z / height) ** 2 - 1 / 3).clip(max=2)
    x, y, z = x / shape.width_scale, y / shape.depth_scale, z / shape.height_scale
    flare = 1 - shape.rib_flare * np.tanh(z / height)
    x, y = x / flare, y / (1 + 0.5 * (flare - 1))
    z = z - _dome_rise(x, y, z, shape, anatomy)
    x, y, z = _heart(x, y, z, shape, anatomy)
    return np.stack([x, y, z], axis=-1) + _random_field(points.shape[:3], shape)


def _rotation(shape: PatientShape) -> np.ndarray:
    turn, tilt, lean = np.radians([shape.turn_deg, shape.tilt_deg, shape.lean_deg])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    return about_z @ about_y @ about_x


def _dome_rise(x: np.ndarray, y: np.ndarray, z: np.ndarray, shape: PatientShape, anatomy: ChestAnatomy) -> np.ndarray:
    """Rise of the diaphragm: full at the domes, none at the chest wall, fading over the lung's height."""
    side = 0.5 * (1 + np.tanh(x / 30))  # 1 on the right
    rise = side * shape.right_dome_mm + (1 - side) * shape.left_dome_mm
    fade = np.exp(-0.5 * ((z - anatomy.dome_height_mm) / (0.42 * anatomy.half_height_mm)) ** 2)
    wall = np.hypot(x / anatomy.half_width_mm, y / anatomy.half_depth_mm)
    inside = 0.5 * (1 - np.tanh((wall - 0.95) / 0.18))
    return rise * fade * inside


def _heart(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, shape: PatientShape, anatomy: ChestAnatomy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale and shift about the heart, fading with distance."""
    hx, hy, hz = anatomy.heart_mm
    dx, dy, dz = x - hx, y - hy, z - hz
    reach = 0.5 * anatomy.half_width_mm
    near = np.exp(-0.5 * (dx**2 + dy**2 + dz**2) / reach**2)
    return (
        x + near * (dx * (1 / shape.heart_width_scale - 1) - shape.heart_shift_right_mm),
        y + near * dy * (0.5 / shape.heart_width_scale - 0.5),
        z + near * (dz * (1 / shape.heart_height_scale - 1) - shape.heart_shift_head_mm),
    )


def _random_field(counts: tuple[int, int, int], shape: PatientShape) -> np.ndarray:
    """Smooth noise [nz, ny, nx, 3]: a lattice of normal numbers, cubic B-splines in between."""
    lattice = np.random.default_rng(shape.field_seed).normal(size=(*_LATTICE, 3))
    weights = [_spline_weights(count, knots) for count, knots in zip(counts, _LATTICE, strict=True)]
    smooth = lattice
    for axis, matrix in enumerate(weights):
        smooth = np.moveaxis(np.tensordot(matrix, smooth, axes=(1, axis)), 0, axis)
    return shape.field_mm * smooth


def _spline_weights(count: int, knots: int) -> np.ndarray:
    """Matrix [count, knots] of cubic B-spline weights, scaled so that unit noise gives unit deviation."""
    at = np.linspace(1, knots - 2, count)[:, None]
    t = np.abs(at - np.arange(knots)[None])
    weights = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.where(t < 2, (2 - t) ** 3 / 6, 0))
    return weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))
