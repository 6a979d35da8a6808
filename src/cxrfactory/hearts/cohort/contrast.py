"""Brightness of tissues and faults of the scanner, drawn anew for each patient, with blood at about 1.

The middle of each range is that of a cine sequence with balanced gradients (bSSFP). Fat is negative: in such a
sequence fat and water have opposite phases, so that a pixel with both is dark, which draws dark lines around organs.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64
from numpy.random import Generator

from cxrfactory.hearts.cohort import thorax
from cxrfactory.hearts.cohort.anatomy import Anatomy

# Brightness and its spread (of the logarithm) by tissue; the order is that of the constants in thorax.py.
_TISSUES = {
    thorax.AIR: (0.004, 0.3),
    thorax.SKIN: (0.5, 0.3),
    thorax.FAT: (1.15, 0.25),
    thorax.MUSCLE: (0.2, 0.25),
    thorax.MARROW: (0.5, 0.4),
    thorax.BONE: (0.05, 0.5),
    thorax.LUNG: (0.035, 0.5),
    thorax.LIVER: (0.26, 0.35),
    thorax.SPLEEN: (0.35, 0.35),
    thorax.STOMACH: (0.2, 0.9),
    thorax.FLUID: (1.2, 0.2),
    thorax.CORD: (0.45, 0.2),
    thorax.BLOOD: (0.95, 0.1),
    thorax.SOFT: (0.25, 0.3),
}


class Look(NamedTuple):
    """Brightness and structures of the heart; blood is about 1, lengths in mm."""

    muscle: float
    mottle: float  # relative brightness of patches of moving blood
    mottle_mm: float
    right_blood: float  # brightness of the blood of the right heart
    left_rough: float  # threshold of noise for trabeculae at the surface of the left cavity; small is many
    left_deep: float  # how far they reach
    right_rough: float
    right_deep: float
    valve: float  # half the thickness of valves and of the wall between cavities
    valve_dark: float
    right_wall: float
    atrial_wall: float
    fat: float  # its usual thickness beyond the wall, which varies from place to place
    fat_rough: float
    sac: float  # thickness of the pericardium
    jet: float  # strength of dark streaks in blood near valves


@dataclass(frozen=True)
class Scanner:
    """Faults of the images of one patient.

    Attributes
    ----------
    tissues
        Brightness by index (:mod:`cxrfactory.hearts.cohort.thorax`).
    look
        Brightness of the heart.
    bars
        Muscles that cross a cavity: part (0 for lv, 2 for rv), both ends (x, y, z) in the template, radius.
    gain
        Grey value of blood.
    noise
        Standard deviation of the noise over the brightness of blood.
    kept
        Shares of the frequencies that are measured along columns and rows.
    soft
        Share of these over which they fade.
    bias
        Coefficients of the logarithm of the coils' sensitivity: x, y, z, and their squares, over 100 mm.
    bands
        Middle (x, y, z) of the homogeneous field, mm; the distance from there at which the first dark band lies; its
        width (radians); its depth.
    """

    tissues: Float64[np.ndarray, " tissues"]
    look: Look
    bars: Float64[np.ndarray, "bars 8"]
    gain: float
    noise: float
    kept: tuple[float, float]
    soft: float
    bias: Float[np.ndarray, " 6"]
    bands: Float64[np.ndarray, " 6"]


def draw_scanner(rng: Generator, anatomy: Anatomy) -> Scanner:
    """Draw brightness and faults for one patient."""
    odd = 1.6 if rng.random() < 0.25 else 1.0  # a quarter of the patients is far from usual
    tissues = np.array([_TISSUES[each][0] * np.exp(rng.normal(0, odd * _TISSUES[each][1])) for each in range(14)])
    if rng.random() < 0.8:
        tissues[[thorax.FAT, thorax.MARROW]] *= -1
    look = Look(
        muscle=float(np.clip(0.26 * np.exp(rng.normal(0, 0.25 * odd)), 0.1, 0.62)),
        mottle=rng.uniform(0.03, 0.2),
        mottle_mm=rng.uniform(2.5, 8),
        right_blood=float(np.exp(rng.normal(-0.03, 0.09))),
        left_rough=rng.uniform(-0.2, 1.6),
        left_deep=rng.uniform(2.5, 9.0),
        right_rough=rng.uniform(0.0, 1.5),
        right_deep=rng.uniform(3.0, 10.0),
        valve=rng.uniform(0.3, 1.1),
        valve_dark=rng.uniform(0.2, 0.9),
        right_wall=rng.uniform(1.5, 4.5),
        atrial_wall=rng.uniform(0.8, 2.5),
        fat=float(np.clip(rng.normal(4.0, 2.5), 0, 9)),
        fat_rough=rng.uniform(0.4, 1.2),
        sac=rng.uniform(0.6, 1.8),
        jet=rng.choice([0.0, rng.uniform(0.1, 0.6)]),
    )
    bias = np.r_[rng.normal(0, (0.12, 0.25, 0.12)), rng.normal(0, 0.06, 3)]
    first = rng.uniform(60, 90) if rng.random() < 0.08 else rng.uniform(110, 240)
    bands = np.r_[rng.normal(0, 25, 3), first, rng.uniform(0.25, 0.6), rng.uniform(0.5, 0.95)]
    return Scanner(
        tissues,
        look,
        _bars(rng, anatomy),
        gain=float(np.exp(rng.uniform(np.log(120), np.log(900)))),
        noise=float(np.exp(rng.normal(np.log(0.022), 0.5))),
        kept=(rng.uniform(0.6, 1.0), rng.uniform(0.5, 0.95)),
        soft=rng.uniform(0.3, 1.0),
        bias=bias,
        bands=bands,
    )


def _bars(rng: Generator, anatomy: Anatomy) -> Float64[np.ndarray, "bars 8"]:
    """Draw papillary muscles of both ventricles and the moderator band."""
    length = anatomy.length_mm
    rays = anatomy.rays

    def radius(angle: float, height: float, outer: bool = False) -> float:
        places = anatomy.mesh.vertices_mm
        near = (np.abs(places[:, 2] - height) < 8) & (np.cos(rays.angle - angle) > 0.9)
        return float((rays.outer if outer else rays.inner)[near].mean()) if near.any() else 20.0

    def at(angle: float, share: float, height: float) -> np.ndarray:
        reach = share * radius(angle, height)
        return np.array([reach * np.cos(angle), reach * np.sin(angle), height])

    bars = []
    for angle in (np.radians(rng.normal(115, 15)), np.radians(rng.normal(-140, 15))):
        for _ in range(rng.integers(1, 3)):
            turn = angle + rng.normal(0, 0.15)
            foot = at(turn, 0.9, -rng.uniform(0.62, 0.75) * length)
            tip = at(turn, rng.uniform(0.5, 0.7), -rng.uniform(0.25, 0.42) * length)
            bars.append(np.r_[0, foot, tip, rng.uniform(2.2, 5.5)])
    for _ in range(rng.integers(1, 5)):
        turn, low = rng.normal(0, 0.6), -rng.uniform(0.35, 0.7) * length
        near = radius(turn, low, outer=True)
        side = np.array([np.cos(turn), np.sin(turn), 0])
        foot, tip = (
            side * (near - 1) + [0, 0, low],
            side * (near + rng.uniform(12, 30)) + [0, 0, low + rng.normal(0, 14)],
        )
        bars.append(np.r_[2, foot, tip, rng.uniform(1.2, 3.2)])
    return np.array(bars)
