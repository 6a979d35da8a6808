"""What surrounds a virtual heart: chest wall, lungs, liver, stomach, spine and vessels, as functions of position.

The chest is not a model of anatomy. It puts tissues of the right brightness and of plausible shapes where the images
of a heart show them, and differs between patients, so that a network cannot rely on any of it.

Positions are in the patient's axes (x to the left, y to the back, z to the head), in mm from the middle of the chest
at the height of the heart.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64
from numpy.random import Generator

from cxrfactory.compiled import compiled
from cxrfactory.hearts.cohort.anatomy import Anatomy
from cxrfactory.hearts.cohort.noise import noise_at

# Indices of brightness (contrast.py).
AIR, SKIN, FAT, MUSCLE, MARROW, BONE, LUNG, LIVER, SPLEEN, STOMACH, FLUID, CORD, BLOOD, SOFT = range(14)
TISSUES = 14


class Thorax(NamedTuple):
    """Numbers that shape the chest, mm."""

    half_width: float  # inside the ribs, along x
    half_depth: float  # along y
    wall: float  # thickness of muscles and ribs
    fat: float  # thickness of the fat below the skin
    fat_front: float  # relative thickness of the fat in front
    spine: float  # y of the vertebrae's centre
    aorta_x: float
    aorta_radius: float
    dome: float  # z of the diaphragm below the heart
    dome_right: float  # how much higher its right dome is
    dome_left: float
    liver_left: float  # x where the liver ends
    stomach_x: float
    stomach_y: float
    stomach_z: float
    stomach_size: float
    middle_x: float  # mediastinum
    middle_width: float
    bowel: float  # threshold of noise above which the space between the organs is no fat
    rib_step: float
    rib_phase: float
    vessels: float  # threshold of noise above which lungs and liver show vessels
    rough: float  # amplitude of irregular borders


def draw_thorax(rng: Generator, heart_mm: Float[np.ndarray, "nodes 3"]) -> tuple[Thorax, Float64[np.ndarray, " 3"]]:
    """Draw a chest around a heart at end-diastole in the patient; return it with the position of its middle."""
    low, high = heart_mm.min(0), heart_mm.max(0)
    gap = rng.uniform(1, 12)
    half_depth = (high[1] - low[1] + rng.uniform(35, 70)) / 2
    middle = np.array([heart_mm[:, 0].mean() - rng.uniform(15, 40), low[1] - gap + half_depth, heart_mm[:, 2].mean()])
    chest = Thorax(
        half_width=rng.uniform(118, 150),
        half_depth=half_depth,
        wall=rng.uniform(10, 22),
        fat=float(np.exp(rng.normal(2.3, 0.6))),
        fat_front=rng.uniform(-0.2, 1.2),
        spine=half_depth - rng.uniform(2, 12),
        aorta_x=rng.uniform(14, 30),
        aorta_radius=rng.uniform(9, 14),
        dome=low[2] - middle[2] + rng.uniform(-6, 32),
        dome_right=rng.uniform(5, 40),
        dome_left=rng.uniform(-10, 25),
        liver_left=rng.uniform(-10, 75),
        stomach_x=rng.uniform(55, 90),
        stomach_y=rng.uniform(-20, 30),
        stomach_z=low[2] - middle[2] - rng.uniform(5, 50),
        stomach_size=rng.uniform(25, 50),
        middle_x=rng.uniform(-8, 12),
        middle_width=rng.uniform(8, 28),
        bowel=rng.uniform(-1.5, 0.8),
        rib_step=rng.uniform(24, 34),
        rib_phase=rng.uniform(0, 1),
        vessels=rng.uniform(1.3, 2.3),
        rough=rng.uniform(2, 7),
    )
    return chest, middle


def draw_vessels(
    rng: Generator, anatomy: Anatomy, heart_mm: Float[np.ndarray, "nodes 3"], chest: Thorax, middle_mm: np.ndarray
) -> Float64[np.ndarray, "vessels 8"]:
    """Draw the vessels that leave the heart as straight pieces: both ends, radius, and thickness of the wall, mm.

    The template ends within the great vessels; these pieces carry on where it ends, and add the large veins. Positions
    are in the patient.
    """
    parts = {name: heart_mm[nodes] for name, nodes in anatomy.nodes_of.items()}
    pieces: list[tuple[np.ndarray, np.ndarray, float]] = []

    def far_end(name: str, valve: str) -> tuple[np.ndarray, np.ndarray]:
        places = anatomy.mesh.vertices_mm[anatomy.nodes_of[name]]
        order = np.argsort(np.linalg.norm(places - anatomy.landmarks_mm[valve], axis=1), kind="stable")
        share = max(8, len(order) // 10)
        end, start = parts[name][order[-share:]].mean(0), parts[name][order[:share]].mean(0)
        return end, (end - start) / np.linalg.norm(end - start)

    end, way = far_end("aorta", "aortic")
    arch = end + rng.uniform(12, 25) * way + np.array([8, 10, 12])
    back = np.array([middle_mm[0] + chest.aorta_x, middle_mm[1] + chest.spine - 19, arch[2] - 6])
    radius = rng.uniform(11, 15)
    pieces += [(end - 6 * way, arch, radius), (arch, back, radius - 1)]
    end, way = far_end("pulmonary_artery", "pulmonary")
    fork = end + rng.uniform(4, 12) * way
    pieces += [(end - 6 * way, fork, rng.uniform(10, 13))]
    for side in (-1, 1):
        away = np.array([side * rng.uniform(45, 75), rng.uniform(5, 30), rng.uniform(-12, 8)])
        pieces.append((fork, fork + away, 8.5))
    right = parts["ra"]
    top, bottom = right[:, 2].max(), right[:, 2].min()
    centre = right.mean(0)
    pieces.append((centre, np.array([centre[0] + rng.normal(-3, 4), centre[1] + rng.normal(4, 4), top + 110]), 9.0))
    low = np.array([centre[0] + rng.normal(-6, 5), centre[1] + rng.uniform(10, 24), bottom - 25])
    pieces += [(centre, low, 11.0), (low, low + np.array([rng.normal(0, 5), rng.uniform(0, 10), -130]), 10.5)]
    left = parts["la"]
    centre = left.mean(0)
    for side in (-1, 1):
        for rise in (-1, 1):
            root = centre + np.array([side * 12, 10, rise * 8])
            away = np.array([side * rng.uniform(50, 80), rng.uniform(10, 40), rise * rng.uniform(8, 35)])
            pieces.append((root, centre + away, rng.uniform(4.5, 7)))
    return np.array([np.r_[a, b, radius, rng.uniform(0.8, 1.8)] for a, b, radius in pieces])


@compiled
def vessel_at(x, y, z, vessels):
    """Return the distance of a position from the nearest vessel's blood, and the thickness of that vessel's wall."""
    nearest, wall = 1e9, 0.0
    for i in range(len(vessels)):
        ax, ay, az, bx, by, bz, radius, thick = vessels[i]
        ux, uy, uz, px, py, pz = bx - ax, by - ay, bz - az, x - ax, y - ay, z - az
        share = (ux * px + uy * py + uz * pz) / (ux * ux + uy * uy + uz * uz)
        share = min(max(share, 0.0), 1.0)
        px, py, pz = px - share * ux, py - share * uy, pz - share * uz
        apart = np.sqrt(px * px + py * py + pz * pz) - radius
        if apart < nearest:
            nearest, wall = apart, thick
    return nearest, wall


@compiled
def tissue_at(x, y, z, chest, noise):
    """Return the tissue of the chest at a position, without heart and vessels, and its relative brightness."""
    far_x, far_y = abs(x) - chest.half_width, abs(y) - chest.half_depth
    if max(far_x, far_y) > chest.wall + 2.6 * chest.fat + 25:
        return AIR, 1.0
    bump = noise_at(noise, x / 22 + 3.3, y / 22 + 7.1, z / 22 + 1.7)
    fine = noise_at(noise, x / 5 + 9.7, y / 5 + 2.9, z / 5 + 5.3)
    x, y = x + chest.rough * 0.5 * bump, y + chest.rough * 0.4 * bump
    # A rounded box: about the distance from the inner side of the chest wall, positive outside.
    across, deep = abs(x) / chest.half_width, abs(y) / chest.half_depth
    size = (across * across * np.sqrt(across) + deep * deep * np.sqrt(deep)) ** 0.4
    depth = (size - 1) * (chest.half_depth + (chest.half_width - chest.half_depth) * (across / max(size, 1e-6)) ** 2)
    front = max(0.0, -y / chest.half_depth)
    if depth > 0:
        return _wall_at(x, y, z, depth, front, bump, fine, chest)
    if y > chest.spine - 17 and abs(x) < 52:
        return _spine_at(x, y, z, bump, fine, chest)
    away_x, away_y = x - chest.aorta_x, y - (chest.spine - 22 - chest.aorta_radius * 0.3)
    round_aorta = np.sqrt(away_x * away_x + away_y * away_y) - chest.aorta_radius
    if round_aorta < 0:
        return BLOOD, 1.0
    if round_aorta < 1.3:
        return SOFT, 1.0
    sway = noise_at(noise, x / 41 + 5.9, y / 41 + 0.6, z / 41 + 9.4)
    right, left = (x + 72) / 50, (x - 72) / 50
    dome = (
        chest.dome
        + chest.dome_right * np.exp(-0.5 * (right * right + (y / 65) ** 2))
        + chest.dome_left * np.exp(-0.5 * (left * left + (y / 65) ** 2))
        - 0.7 * max(0.0, y - 25)
        - 0.5 * max(0.0, -y - 55)
        + chest.rough * (0.5 * bump + 1.3 * sway)
    )
    if z < dome:
        return _belly_at(x, y, z, dome - z, bump, fine, sway, chest)
    width = chest.middle_width * (1 + 0.35 * bump) * (0.7 + 0.5 * abs(y) / chest.half_depth)
    if abs(x - chest.middle_x - 8 * sway) < width or depth > -2:
        return (FAT, 0.75 + 0.1 * fine) if bump + 0.4 * fine > 0.1 else (SOFT, 1.0 + 0.2 * fine)
    vein = noise_at(noise, x / 2.6 + 1.1, y / 2.6 + 4.7, z / 3.6 + 8.3)
    if vein > chest.vessels + 0.004 * (abs(x) - 70):
        return BLOOD, min(1.0, 1.2 * (vein - chest.vessels + 0.2))
    return LUNG, max(0.2, 1 + 0.4 * fine)


@compiled
def _wall_at(x, y, z, depth, front, bump, fine, chest):
    wall = chest.wall * (1 + 0.25 * bump) * (1 - 0.35 * front)
    if depth < wall:
        slope = z + 0.45 * y * np.sign(x + 1e-9) * (1 if x > 0 else -1)
        rib = abs((slope / chest.rib_step + chest.rib_phase) % 1.0 - 0.5) * chest.rib_step
        level = abs(depth - 0.35 * wall)
        if abs(x) < 14 and y < 0 and depth < 11:  # breastbone
            return (BONE, 1.0) if depth < 1.5 or depth > 9.5 else (MARROW, 1 + 0.1 * fine)
        if rib < 6.5 and level < 4.5:
            return (BONE, 1.0) if rib > 5.6 or level > 3.8 else (MARROW, 0.5 + 0.15 * fine)
        if fine + 0.5 * bump > 1.3:
            return FAT, 0.8
        return MUSCLE, 1 + 0.12 * fine
    fat = chest.fat * (1 + chest.fat_front * front + 0.2 * bump)
    if depth < wall + max(fat, 2.0):
        return (FAT, 0.55) if abs(fine) < 0.06 else (FAT, 1 + 0.03 * fine)
    if depth < wall + max(fat, 2.0) + 1.8:
        return SKIN, 1.0
    return AIR, 1.0


@compiled
def _spine_at(x, y, z, bump, fine, chest):
    body_x, body_y = x / 19, (y - chest.spine) / 15
    body = np.sqrt(body_x * body_x + body_y * body_y)
    disc = abs((z / 27.0 + chest.rib_phase) % 1.0 - 0.5) * 27.0
    if body < 1:
        if body > 0.92:
            return BONE, 1.0
        return (SOFT, 0.5) if disc > 11 else (MARROW, 0.6 + 0.1 * fine)
    away = np.sqrt(x * x + (y - chest.spine - 23) ** 2)
    if away < 8.5:
        return (CORD, 1.0) if away < 4.5 else (FLUID, 1.0)
    if away < 11:
        return BONE, 2.0
    if y > chest.spine + 4:
        return (FAT, 0.7) if fine + bump > 1.6 else (MUSCLE, 1 + 0.15 * fine)
    return (FAT, 0.6) if bump > 0.3 else (SOFT, 1.0)


@compiled
def _belly_at(x, y, z, below, bump, fine, sway, chest):
    if below < 2:
        return MUSCLE, 1.0
    edge = chest.liver_left + 0.4 * (-y) + 7 * bump + 16 * sway
    sx, sy, sz = x - chest.stomach_x, y - chest.stomach_y, (z - chest.stomach_z) * 0.8
    stomach = np.sqrt(sx * sx + sy * sy + sz * sz) - chest.stomach_size * (1 + 0.12 * bump)
    if stomach < 0:
        return STOMACH, max(0.1, 1 + 0.4 * fine + 0.5 * bump)
    if stomach < 3:
        return MUSCLE, 1.1
    if x < edge and y < chest.half_depth - 18 + 10 * sway:
        if fine + 0.6 * bump > chest.vessels + 0.2:
            return BLOOD, 0.9
        return LIVER, 1 + 0.05 * fine
    spleen_x, spleen_y = (x - 98) / 24, (y - 42) / 34
    if spleen_x * spleen_x + spleen_y * spleen_y < 1:
        return SPLEEN, 1 + 0.04 * fine
    if bump + 0.4 * fine + 0.8 * sway > chest.bowel:
        return SOFT, max(0.2, 1.1 + 0.35 * fine + 0.3 * bump)
    return FAT, 0.95 + 0.04 * fine
