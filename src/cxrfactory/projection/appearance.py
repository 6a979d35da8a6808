"""Render line integrals as a radiograph: exposure, scatter, blur, noise, film curve, collimation and burnt-in text.

Grey 0 is black (air) and grey 1 is white (dense). A display window clips values outside 0..1.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

_HAZE_SIGMA_MM = 28.0
_TOE = 0.08
_DULLED_MM = (0.9, 1.6)  # across and along the body
_REDUCED_PX = 160  # smallest width in pixels of the reduced picture on which wide blurs are computed


@dataclass(frozen=True)
class RoomStyle:
    """Parameters of the apparatus and processing of one X-ray room; :func:`draw_style` draws them at random."""

    energy: float  # factor on the attenuation; a value below 1 models a harder beam
    bone_gain: float  # extra weight of bone; 0 models a high tube voltage
    scatter: float  # share of the detected mean that is scattered radiation
    sharpness: float  # gain of detail finer than a CT slice's thickness, which resampling has blurred
    blur_mm: float  # standard deviation of the Gaussian blur of the picture
    noise: float  # relative standard deviation where the transmission equals the body's mean
    noise_blur_px: float  # standard deviation of the noise's Gaussian blur
    air_percentile: float  # percentile of the body's densities that is displayed as black
    dense_percentile: float  # percentile of the body's densities that is displayed as white
    headroom: float  # distance of the white point above the dense percentile, as a share of the range
    steepness: float  # steepness of the sigmoid film curve; 0 gives a linear curve
    gamma: float  # exponent of the film curve
    local_contrast: float  # gain of detail finer than local_mm
    local_mm: float  # standard deviation of the blur that separates this detail
    lift: float  # grey value of black (film fog)


def draw_style(rng: np.random.Generator) -> RoomStyle:
    """Draw the parameters of one room at random: contrast, sharpness, noise and film curve."""
    return RoomStyle(
        energy=float(rng.uniform(0.75, 1.1)),
        bone_gain=float(rng.uniform(0.3, 2.2)),
        scatter=float(rng.uniform(0.05, 0.45)),
        sharpness=float(rng.uniform(0.5, 2.2)),
        blur_mm=float(rng.uniform(0.05, 0.5)),
        noise=float(np.exp(rng.uniform(np.log(0.006), np.log(0.05)))),
        noise_blur_px=float(rng.uniform(0.0, 1.0)),
        air_percentile=float(rng.uniform(0.1, 1.5)),
        dense_percentile=float(rng.uniform(88.0, 99.5)),
        headroom=float(rng.uniform(0.0, 0.2)),
        steepness=float(rng.choice([0.0, rng.uniform(1.0, 3.2)])),
        gamma=float(np.exp(rng.uniform(np.log(0.5), np.log(1.25)))),
        local_contrast=float(rng.choice([0.0, rng.uniform(0.15, 0.6)])),
        local_mm=float(rng.uniform(8.0, 40.0)),
        lift=float(rng.choice([0.0, rng.uniform(0.0, 0.15)])),
    )


def render(
    soft: Float[np.ndarray, "h w"],
    bone: Float[np.ndarray, "h w"],
    pixel_mm: float,
    style: RoomStyle,
    rng: np.random.Generator,
) -> Float[np.ndarray, "h w"]:
    """Render line integrals as a grey picture in the style of one room.

    Parameters
    ----------
    soft, bone
        Dimensionless line integrals of the whole attenuation and of its part above the bone threshold.
    pixel_mm
        Pixel size in mm.
    style
        Parameters of the room.
    rng
        Random generator of the noise.

    Returns
    -------
    Float[np.ndarray, "h w"]
        Grey values [row, column] as float32; 0 is black and 1 is white. The values are not clipped.
    """
    density = (style.energy * (np.maximum(soft, 0) + style.bone_gain * np.maximum(bone, 0))).astype(np.float32)
    dulled = cv2.GaussianBlur(density, (0, 0), sigmaX=_DULLED_MM[0] / pixel_mm, sigmaY=_DULLED_MM[1] / pixel_mm)
    density = np.maximum(density + style.sharpness * (density - dulled), 0)
    primary = np.exp(-density)
    body = density > 0.6
    if not body.any():
        body = np.ones_like(body)
    haze = _wide_blur(primary, _HAZE_SIGMA_MM / pixel_mm)
    # Tissue causes the scatter; the limit keeps it close to zero in the open beam.
    ratio = style.scatter / (1 - style.scatter)
    detected = primary + ratio * np.minimum(haze, 0.12)
    if style.blur_mm > 0.3 * pixel_mm:
        detected = cv2.GaussianBlur(detected, (0, 0), style.blur_mm / pixel_mm)
    grain = rng.standard_normal(detected.shape, dtype=np.float32)
    if style.noise_blur_px > 0.3:
        grain = cv2.GaussianBlur(grain, (0, 0), style.noise_blur_px)
        grain /= grain.std()
    mean = float(detected[body].mean())
    # Quantum noise: the relative deviation is proportional to 1 / sqrt(detected).
    detected = detected * np.maximum(1 + style.noise * grain * np.sqrt(mean / detected), 0.05)
    film = -np.log(np.maximum(detected, 1e-5))
    low, high = np.percentile(
        film[body][:: max(1, body.sum() // 60000)], [style.air_percentile, style.dense_percentile]
    )
    grey = (film - low) / max((high - low) * (1 + style.headroom), 1e-3)
    if style.local_contrast:
        grey = (
            grey
            + style.local_contrast * (grey - _wide_blur(np.clip(grey, -0.3, 1.3), style.local_mm / pixel_mm)) * body
        )
    return _film_curve(grey, style)


def _film_curve(grey: np.ndarray, style: RoomStyle) -> np.ndarray:
    if style.steepness:
        edge = np.tanh(style.steepness / 2)
        grey = 0.5 + 0.5 * np.tanh(style.steepness * (np.clip(grey, -0.5, 1.5) - 0.5)) / edge
    toe = 0.5 * (grey + np.sqrt(grey**2 + _TOE**2))  # a smooth approach to black instead of a clip
    curved = toe**style.gamma
    return (style.lift + (1 - style.lift) * curved).astype(np.float32)


def _wide_blur(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Apply a wide Gaussian blur on a reduced copy of the picture."""
    height, width = image.shape
    step = max(1.0, min(sigma_px / 3, width / _REDUCED_PX))
    size = (max(round(width / step), 8), max(round(height / step), 8))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma_px * size[0] / width, 0.3), borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def add_breasts(
    soft: Float[np.ndarray, "h w"],
    lungs_box: tuple[float, float, float, float],
    pixel_mm: float,
    thickness_mm: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, "h w"]:
    """Add the line integral of two breasts over the lower lungs.

    Parameters
    ----------
    soft
        Dimensionless line integrals; the array is not modified.
    lungs_box
        Box (left, top, right, bottom) of the lungs in pixels.
    pixel_mm
        Pixel size in mm.
    thickness_mm
        Largest thickness of the breast tissue.
    rng
        Random generator of the positions and shapes.
    """
    left, top, right, bottom = lungs_box
    rows, columns = np.mgrid[: soft.shape[0], : soft.shape[1]].astype(np.float32)
    added = soft.copy()
    for centre_x in (left + 0.24 * (right - left), right - 0.24 * (right - left)):
        x = centre_x + rng.uniform(-8, 8) / pixel_mm
        y = top + rng.uniform(0.62, 0.86) * (bottom - top)
        half_x, half_y = rng.uniform(52, 75) / pixel_mm, rng.uniform(45, 70) / pixel_mm
        # The lower fold is steep, and the breast fades upwards.
        below = np.where(rows > y, 1.0, rng.uniform(0.45, 0.7))
        inside = 1 - ((columns - x) / half_x) ** 2 - (below * (rows - y) / half_y) ** 2
        added += 0.0187 * thickness_mm * np.sqrt(np.clip(inside, 0, 1))
    return added


def add_lines(
    soft: Float[np.ndarray, "h w"], pixel_mm: float, count: int, rng: np.random.Generator
) -> Float[np.ndarray, "h w"]:
    """Add ``count`` thin curves of high attenuation that model leads and catheters."""
    height, width = soft.shape
    drawn = np.zeros((height, width), np.uint8)
    for _ in range(count):
        knots = rng.uniform(0.05, 0.95, size=(4, 2)) * [width, height]
        along = np.linspace(0, 1, 60)[:, None]
        weights = [(1 - along) ** 3, 3 * along * (1 - along) ** 2, 3 * along**2 * (1 - along), along**3]
        curve = sum(weight * knot for weight, knot in zip(weights, knots, strict=True))
        thickness = max(1, round(rng.uniform(0.5, 1.4) / pixel_mm))
        cv2.polylines(
            drawn, [np.round(curve * 8).astype(np.int32)], False, int(rng.integers(60, 255)), thickness, cv2.LINE_AA, 3
        )
    return soft + drawn.astype(np.float32) / 255


def collimate(
    grey: Float[np.ndarray, "h w"],
    lungs_box: tuple[float, float, float, float],
    rng: np.random.Generator,
    level: float = 0.0,
) -> Float[np.ndarray, "h w"]:
    """Blacken the area outside the collimator's open field, a slightly rotated rectangle around the lungs.

    Parameters
    ----------
    grey
        Picture; the array is not modified.
    lungs_box
        Box (left, top, right, bottom) of the lungs in pixels. A leaf covers at most 70 % of the distance from the
        edge of the picture to this box.
    rng
        Random generator of the leaves' positions and of the angle.
    level
        Grey value of the covered area.
    """
    height, width = grey.shape
    left, top, right, bottom = lungs_box
    room = np.array([left, top, width - 1 - right, height - 1 - bottom]).clip(min=0)
    taken = room * np.where(rng.random(4) < 0.7, rng.uniform(0.0, 0.7, 4), 0.0)
    angle = np.radians(rng.normal(0, 0.8))
    x0, y0, x1, y1 = taken[0], taken[1], width - 1 - taken[2], height - 1 - taken[3]
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    centre = corners.mean(axis=0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = (corners - centre) @ turn.T + centre
    open_field = np.zeros((height, width), np.uint8)
    cv2.fillPoly(open_field, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft_edge = cv2.GaussianBlur(open_field.astype(np.float32) / 255, (0, 0), rng.uniform(0.6, 2.5))
    return (grey * soft_edge + level * (1 - soft_edge)).astype(np.float32)


def burn_in(
    grey: Float[np.ndarray, "h w"], text: str, at: tuple[float, float], height_px: float, mirrored: bool, boxed: bool
) -> Float[np.ndarray, "h w"]:
    """Burn white letters into a copy of the picture.

    The centre of the text lies at ``at`` = (x, y) in pixels. ``mirrored`` flips the text horizontally, and ``boxed``
    draws it on a black plate.
    """
    scale = height_px / 21.0
    thickness = max(1, round(2.2 * scale))
    (width, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    pad = thickness + 3
    plate = np.zeros((tall + 2 * pad, width + 2 * pad), np.uint8)
    cv2.putText(plate, text, (pad, pad + tall), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    if mirrored:
        plate = plate[:, ::-1]
    rows, columns = plate.shape
    top = int(np.clip(at[1] - rows / 2, 0, max(grey.shape[0] - rows, 0)))
    left = int(np.clip(at[0] - columns / 2, 0, max(grey.shape[1] - columns, 0)))
    where = (slice(top, top + rows), slice(left, left + columns))
    out = grey.copy()
    ink = plate[: out[where].shape[0], : out[where].shape[1]].astype(np.float32) / 255
    ground = np.zeros_like(ink) if boxed else out[where]
    out[where] = ground * (1 - ink) + ink
    return out
