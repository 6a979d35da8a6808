"""The MR image of a slice through a virtual heart and its surroundings."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8
from numpy.random import Generator
from scipy import fft

from cxrfactory.compiled import compiled
from cxrfactory.geometry.mesh.labelled import OUTSIDE
from cxrfactory.hearts.cohort.anatomy import Anatomy
from cxrfactory.hearts.cohort.contrast import Scanner
from cxrfactory.hearts.cohort.cut import cut
from cxrfactory.hearts.cohort.noise import noise_at
from cxrfactory.hearts.cohort.planning import Slice
from cxrfactory.hearts.cohort.thorax import BLOOD, FAT, SOFT, Thorax, tissue_at, vessel_at

# Sub-planes of a slice: shifts of the pixel centres along columns and rows (pixels), and across (share of thickness).
# They blur the borders of tissues over the thickness of the slice and over a pixel.
_SUBPLANES = np.array(
    [
        [-0.3, -0.1, -0.40],
        [0.1, 0.3, -0.24],
        [0.3, -0.3, -0.08],
        [-0.1, 0.1, 0.08],
        [-0.3, 0.3, 0.24],
        [0.3, -0.1, 0.40],
    ]
)
_MARGIN_MM = 26.0  # around the heart, within which distances from it are known
_LV, _MUSCLE, _RV, _LA, _RA, _AORTA, _PULMONARY = range(7)


@dataclass(frozen=True)
class Scene:
    """All that is seen of one patient at one time of the cycle.

    Attributes
    ----------
    heart_mm
        Nodes of the heart in the patient.
    closed
        Share of contraction: 0 at end-diastole, 1 at end-systole.
    chest, middle_mm, vessels
        Surroundings of the heart (:mod:`cxrfactory.hearts.cohort.thorax`).
    noise
        Source of textures.
    """

    heart_mm: Float64[np.ndarray, "nodes 3"]
    closed: float
    chest: Thorax
    middle_mm: Float64[np.ndarray, " 3"]
    vessels: Float64[np.ndarray, "vessels 8"]
    noise: Float32[np.ndarray, "32 32 32"]


def render(
    rng: Generator, anatomy: Anatomy, scene: Scene, scanner: Scanner, plan: Slice
) -> Float32[np.ndarray, "height width"]:
    """Return the image of a slice, in whole grey values from 0."""
    shown = scene.heart_mm + plan.moved_mm - plan.origin_mm
    normal = np.cross(plan.across, plan.down)
    coordinates = np.stack(
        [shown @ plan.across / plan.spacing_mm, shown @ plan.down / plan.spacing_mm, shown @ normal], 1
    )
    offsets = _SUBPLANES * [1, 1, plan.thickness_mm]
    top, left, height, width = _window(coordinates, plan)
    coordinates[:, :2] -= [left, top]
    labels, values = cut(
        coordinates,
        anatomy.mesh.tetrahedra,
        anatomy.mesh.tetrahedron_parts,
        anatomy.fields,
        offsets,
        height,
        width,
    )
    apart, nearest = _around(labels, plan.spacing_mm)
    signal = np.zeros((plan.height, plan.width), np.float32)
    _shade(
        signal,
        (top, left),
        labels,
        values,
        apart,
        nearest,
        offsets,
        plan.origin_mm - plan.moved_mm,
        plan.across * plan.spacing_mm,
        plan.down * plan.spacing_mm,
        normal,
        scene.middle_mm,
        scene.closed,
        scene.chest,
        _crossing(scene.vessels, plan),
        scene.noise,
        scanner.tissues,
        scanner.look,
        scanner.bars,
    )
    return _scanned(rng, signal * _sensitivity(plan, scene, scanner), scanner)


def _crossing(vessels: Float64[np.ndarray, "vessels 8"], plan: Slice) -> Float64[np.ndarray, "crossing 8"]:
    """Return the vessels that come near a slice."""
    normal = np.cross(plan.across, plan.down)
    start = plan.origin_mm - plan.moved_mm
    one, other = (vessels[:, :3] - start) @ normal, (vessels[:, 3:6] - start) @ normal
    reach = vessels[:, 6] + vessels[:, 7] + plan.thickness_mm / 2
    return np.ascontiguousarray(vessels[(np.minimum(one, other) < reach) & (np.maximum(one, other) > -reach)])


def _window(coordinates: Float64[np.ndarray, "nodes 3"], plan: Slice) -> tuple[int, int, int, int]:
    """Return first row, first column, and numbers of rows and columns of a window around the heart in a slice."""
    near = coordinates[np.abs(coordinates[:, 2]) < plan.thickness_mm + 6]
    if not len(near):
        return 0, 0, 1, 1
    margin = _MARGIN_MM / plan.spacing_mm
    low = np.floor(near[:, :2].min(0) - margin).astype(int)
    high = np.ceil(near[:, :2].max(0) + margin).astype(int) + 1
    left, top = np.clip(low, 0, [plan.width - 1, plan.height - 1])
    right, bottom = np.clip(high, [left + 1, top + 1], [plan.width, plan.height])
    return int(top), int(left), int(bottom - top), int(right - left)


def _around(
    labels: UInt8[np.ndarray, "planes height width"], spacing: float
) -> tuple[Float32[np.ndarray, "planes height width"], UInt8[np.ndarray, "planes height width"]]:
    """Return for each pixel the distance from the heart in its plane, mm, and the nearest part."""
    apart = np.full(labels.shape, 1e3, np.float32)
    nearest = np.full(labels.shape, OUTSIDE, np.uint8)
    for plane, found in enumerate(labels):
        outside = found == OUTSIDE
        if outside.all():
            continue
        distance, index = cv2.distanceTransformWithLabels(
            outside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        parts = np.zeros(index.max() + 1, np.uint8)
        parts[index[~outside]] = found[~outside]
        apart[plane], nearest[plane] = (distance - 0.5) * spacing, parts[index]
    return apart, nearest


@compiled
def _shade(
    signal,
    corner,
    labels,
    values,
    apart,
    nearest,
    offsets,
    origin,
    across,
    down,
    normal,
    middle,
    closed,
    chest,
    vessels,
    noise,
    tissues,
    look,
    bars,
):
    """Add up the signed signals of all sub-planes; far from the heart two of them do."""
    planes, rows, columns = labels.shape
    reach = min(max(look.right_wall, look.atrial_wall) * 1.5 + look.fat * (0.3 + 2.3 * look.fat_rough) + look.sac, 24.0)
    for row in range(signal.shape[0]):
        for column in range(signal.shape[1]):
            i, j = row - corner[0], column - corner[1]
            known = 0 <= i < rows and 0 <= j < columns
            close = False
            if known:
                for p in range(planes):
                    close = close or apart[p, i, j] < reach
            step = 1 if close else planes - 1
            total, count = 0.0, 0
            for p in range(0, planes, step):
                u, v, w = column + offsets[p, 0], row + offsets[p, 1], offsets[p, 2]
                x = origin[0] + u * across[0] + v * down[0] + w * normal[0]
                y = origin[1] + u * across[1] + v * down[1] + w * normal[1]
                z = origin[2] + u * across[2] + v * down[2] + w * normal[2]
                count += 1
                if close and labels[p, i, j] != OUTSIDE:
                    total += _heart_at(labels[p, i, j], values[p, i, j], closed, noise, look, bars)
                else:
                    distance = apart[p, i, j] if close else 1e3
                    part = nearest[p, i, j] if close else OUTSIDE
                    total += _beside_at(x, y, z, distance, part, middle, chest, vessels, noise, tissues, look)
            signal[row, column] = total / count


@compiled
def _heart_at(part, values, closed, noise, look, bars):
    """Return the signal within the heart; values are those of Anatomy.fields."""
    x, y, z, deep, border = values
    fine = noise_at(noise, x / look.mottle_mm + 1.9, y / look.mottle_mm + 6.1, z / look.mottle_mm + 3.7 + 7 * closed)
    if part == _MUSCLE:
        return look.muscle * (1 + 0.09 * fine)
    blood = 1.0 + look.mottle * fine
    if part in (_RV, _RA, _PULMONARY):
        blood *= look.right_blood
    if border < look.valve:
        return blood * (1 - look.valve_dark)
    if look.jet > 0 and border < 30:
        streak = noise_at(noise, x / 11 + 2.2, y / 11 + 8.1, z / 26 + 0.4 + 5 * closed)
        if streak > 0.9:
            blood *= 1 - look.jet * min(1.0, streak - 0.9) * (1 - border / 30)
    if part in (_LV, _RV):
        rough, reach = (look.left_rough, look.left_deep) if part == _LV else (look.right_rough, look.right_deep)
        if z < -8:
            strands = noise_at(noise, x / 3.1 + 4.4, y / 3.1 + 0.8, z / 7.5 + 2.1)
            apical = min(1.0, max(0.0, (-z - 30) / 50))
            if strands > rough - 0.5 * apical + (deep / reach) ** 2:
                return look.muscle * (1 + 0.1 * fine)
        # Muscles keep their thickness while the cavity shrinks.
        thicker = 1 + 0.3 * closed
        for b in range(len(bars)):
            if bars[b, 0] != part:
                continue
            ux, uy, uz = bars[b, 4] - bars[b, 1], bars[b, 5] - bars[b, 2], bars[b, 6] - bars[b, 3]
            px, py, pz = x - bars[b, 1], y - bars[b, 2], z - bars[b, 3]
            share = min(max((ux * px + uy * py + uz * pz) / (ux * ux + uy * uy + uz * uz), 0.0), 1.0)
            px, py, pz = px - share * ux, py - share * uy, pz - share * uz
            if px * px + py * py + pz * pz < (thicker * bars[b, 7] * (1 - 0.35 * share) * (1 + 0.15 * fine)) ** 2:
                return look.muscle * (1 + 0.1 * fine)
    return blood


@compiled
def _beside_at(x, y, z, apart, part, middle, chest, vessels, noise, tissues, look):
    """Return the signal outside the heart: vessels, walls, fat, pericardium, and the chest beyond."""
    vessel, thick = vessel_at(x, y, z, vessels)
    if vessel < 0:
        return tissues[BLOOD] * (1 + look.mottle * noise_at(noise, x / 5 + 2.7, y / 5 + 5.1, z / 5 + 8.9))
    if apart < 26:
        fine = noise_at(noise, x / 5 + 2.7, y / 5 + 5.1, z / 5 + 8.9)
        bump = noise_at(noise, x / 17 + 0.3, y / 17 + 9.1, z / 17 + 4.9)
        wall = 0.0
        if part == _RV:
            wall = look.right_wall * (1 + 0.25 * bump)
        elif part != _MUSCLE:
            wall = look.atrial_wall
        if apart < wall:
            return look.muscle * (1 + 0.1 * fine)
        patch = noise_at(noise, x / 29 + 7.3, y / 29 + 3.1, z / 29 + 1.9)
        fat = look.fat * max(0.0, 0.3 + look.fat_rough * (patch + 0.3 * bump))
        if apart < wall + fat:
            if fine + 0.3 * bump > 2.1:
                return 0.9  # a coronary vessel
            return tissues[FAT] * (1 + 0.05 * fine)
        if apart < wall + fat + look.sac:
            return tissues[SOFT] * 0.7
    if vessel < thick:
        return tissues[SOFT]
    tissue, share = tissue_at(x - middle[0], y - middle[1], z - middle[2], chest, noise)
    return tissues[tissue] * share


def _sensitivity(plan: Slice, scene: Scene, scanner: Scanner) -> Float32[np.ndarray, "height width"]:
    """Return the coils' sensitivity times the loss by an uneven field, which draws dark bands far from the middle."""
    columns, rows = np.arange(plan.width, dtype=np.float32), np.arange(plan.height, dtype=np.float32)
    start = (plan.origin_mm - scene.heart_mm.mean(0)).astype(np.float32)
    along, down = (plan.across * plan.spacing_mm).astype(np.float32), (plan.down * plan.spacing_mm).astype(np.float32)
    places = [start[k] + columns[None] * along[k] + rows[:, None] * down[k] for k in range(3)]
    bias, bands = scanner.bias.astype(np.float32), scanner.bands.astype(np.float32)
    logarithm = np.zeros((plan.height, plan.width), np.float32)
    away = np.zeros_like(logarithm)
    for k, place in enumerate(places):
        scaled = place / np.float32(100)
        logarithm += bias[k] * scaled + bias[k + 3] * scaled * scaled
        away += (place - bands[k]) ** 2
    turn = (away / bands[3] ** 2) ** np.float32(0.7) * np.float32(np.pi)
    from_band = np.abs((turn % np.float32(2 * np.pi)) - np.float32(np.pi))
    return np.exp(np.clip(logarithm, -1, 1)) * (1 - bands[5] * np.exp(-((from_band / bands[4]) ** 2)))


def _scanned(
    rng: Generator, signal: Float32[np.ndarray, "height width"], scanner: Scanner
) -> Float32[np.ndarray, "height width"]:
    """Return the magnitude of a signal after measurement: limited frequencies with noise, in whole grey values."""
    height, width = signal.shape
    spectrum = fft.fft2(signal.astype(np.complex64))
    noise = scanner.noise * np.sqrt(height * width)
    spectrum += noise * rng.standard_normal((height, width, 2), np.float32).view(np.complex64)[..., 0]
    rows, columns = (_filter(size, kept, scanner.soft) for size, kept in zip(signal.shape, scanner.kept, strict=True))
    image = np.abs(fft.ifft2(spectrum * (rows[:, None] * columns)))
    return np.rint(np.clip(image * scanner.gain, 0, 65535)).astype(np.float32)


def _filter(size: int, kept: float, soft: float) -> Int32[np.ndarray, " size"]:
    share = np.abs(fft.fftfreq(size)) * 2 / kept
    return np.cos(np.pi / 2 * np.clip((share - (1 - soft)) / soft, 0, 1)).astype(np.float32)
