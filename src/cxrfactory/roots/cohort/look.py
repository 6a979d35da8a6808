"""How the pictures of a virtual plate look: light, contrast, widths, blur and disturbances of one plate."""

from dataclasses import dataclass

import numpy as np

from cxrfactory.tables.keys import seed_of

_MOVED = 0.25  # share of plates whose camera moves once


@dataclass(frozen=True)
class Look:
    """Numbers that describe the pictures of one plate; grey values are from 0 to 1.

    Attributes
    ----------
    ground
        Grey value of the agar.
    contrast
        Grey value of roots above that of the agar.
    light
        Relative strength of the uneven light.
    width_mm
        Mean width of the main roots.
    soft_px
        Width of the roots' soft edges, pixels.
    blur_px
        Standard deviation of the camera's blur, pixels; 0 for none.
    noise
        Standard deviation of the sensor's noise.
    gamma
        Exponent of the camera's curve.
    haze
        Strength of condensation.
    drops
        Number of droplets over all pictures.
    litter
        Number of dust specks; fibres and scratches are fewer in proportion.
    inverted
        Whether roots are dark on bright ground.
    quality
        Quality of the JPEG files.
    jitter_px
        Standard deviation of the camera's position in each direction, pixels.
    moved
        Whether the camera moves once by about 8 pixels.
    """

    ground: float
    contrast: float
    light: float
    width_mm: float
    soft_px: float
    blur_px: float
    noise: float
    gamma: float
    haze: float
    drops: int
    litter: int
    inverted: bool
    quality: int
    jitter_px: float
    moved: bool


def draw_look(plate: str, seed: int, varied: bool, inverted: bool = False) -> Look:
    """Draw the look of a plate, which depends on its name and the seed alone.

    Parameters
    ----------
    plate
        Name of the plate.
    seed
        Seed of the cohort.
    varied
        Whether to draw from wide ranges, so that a network that learns from several plates serves others as well.
    inverted
        Whether roots are dark on bright ground.
    """
    rng = np.random.default_rng(seed_of(plate, "virtual plate, look", seed))
    wide = 1.0 if varied else 0.0

    def between(low: float, high: float, more: float = 0.0) -> float:
        return float(rng.uniform(low - wide * more, high + wide * more))

    return Look(
        ground=between(0.24, 0.32, 0.06),
        contrast=between(0.24, 0.34, 0.08),
        light=between(0.2, 0.38, 0.1),
        width_mm=between(0.34, 0.44, 0.09),
        soft_px=between(1.2, 1.6, 0.3),
        blur_px=between(0.35, 0.55, 0.3),
        noise=between(0.010, 0.016, 0.004),
        gamma=between(0.92, 1.08, 0.15),
        haze=between(0.35, 0.75, 0.2),
        drops=int(rng.integers(14, 34)),
        litter=int(rng.integers(25, 60)),
        inverted=inverted,
        quality=int(rng.integers(91, 95)),
        jitter_px=between(0.15, 0.35),
        moved=bool(rng.random() < _MOVED),
    )


def draw_shifts(plate: str, seed: int, look: Look, frames: int) -> np.ndarray:
    """Draw the shift (x, y) of each picture against the first one, float64 [frames, 2], pixels.

    A picture that is moved by its shift lies over the first picture (``shift_x`` and ``shift_y`` of ``ROOT_FRAMES``);
    the content of the picture is moved by minus the shift.
    """
    rng = np.random.default_rng(seed_of(plate, "virtual plate, camera", seed))
    place = float(rng.uniform(0.2, 0.8))
    angle = rng.uniform(0, 2 * np.pi)
    step = rng.uniform(7.0, 9.0) * np.array([np.cos(angle), np.sin(angle)])
    shifts = np.clip(rng.normal(0, look.jitter_px, (frames, 2)), -1.0, 1.0)
    if look.moved:
        shifts[max(1, round(place * frames)) :] += step
    shifts[0] = 0
    return shifts
