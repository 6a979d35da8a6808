"""Shoulders and arms that hang down, added to a frontal projection.

The field of view of a chest CT ends at the chest wall, and the patient's arms are raised. A radiograph of a standing
patient shows shoulders and upper arms beside and above the lungs.
"""

import cv2
import numpy as np
from jaxtyping import Float

from cxrfactory.projection.conventions import MU_WATER_PER_MM

Map = Float[np.ndarray, "h w"]
_BONE_PER_MM = 0.012  # attenuation of the humerus beyond that of soft tissue


def add_shoulders(
    soft: Map, bone: Map, lungs_box: tuple[float, float, float, float], pixel_mm: float, rng: np.random.Generator
) -> tuple[Map, Map]:
    """Add shoulders and arms to the line integrals of a frontal view.

    Where the body already stands, the larger of its line integral and of the added one counts, so that nothing inside
    the chest changes much.

    Parameters
    ----------
    soft, bone
        Dimensionless line integrals of the whole attenuation and of its part above the bone threshold; not modified.
    lungs_box
        Box (left, top, right, bottom) of the lungs in pixels.
    pixel_mm
        Pixel size in mm.
    rng
        Random generator of sizes and positions, which differ slightly between the two sides.

    Returns
    -------
    The two line integrals with shoulders and arms.
    """
    left, top, right, bottom = (value * pixel_mm for value in lungs_box)
    middle, height = (left + right) / 2, bottom - top
    depth, arm = float(rng.uniform(80, 150)), float(rng.uniform(32, 58))
    drop, spread = float(rng.uniform(5, 45)), arm + float(rng.uniform(5, 70))
    added, shaft = np.zeros_like(soft), np.zeros_like(bone)
    for side, edge in ((-1, left), (1, right)):
        joint = np.array([edge + side * rng.uniform(22, 45), top + drop + rng.uniform(-8, 8)])
        elbow = joint + np.array([side * (spread + rng.uniform(0, 20)), 280.0])
        out = np.array([side * arm, 0.0])
        axilla = np.array([edge + side * rng.uniform(14, 26), top + height * rng.uniform(0.34, 0.52)])
        neck = (middle + side * rng.uniform(42, 60), top - rng.uniform(30, 60))
        tip, corner = joint - np.array([0, arm]), joint + 0.75 * out - np.array([0, 0.7 * arm])
        inner = axilla + np.array([side * 4, 30])
        under = [(edge - side * 5, axilla[1] - 25), (edge - side * 15, top + 25), (middle + side * 30, top + 15)]
        outline = [neck, tip, corner, joint + out, elbow + out, elbow - out, inner, axilla, *under]
        added = np.maximum(added, MU_WATER_PER_MM * depth * _rounded(soft.shape, outline, arm, pixel_mm))
        shaft = np.maximum(shaft, _humerus(soft.shape, joint, elbow, pixel_mm, rng))
    return np.maximum(soft, added) + shaft, bone + shaft


def _rounded(shape: tuple[int, ...], outline_mm: list, reach_mm: float, pixel_mm: float) -> np.ndarray:
    """Return the relative thickness 0..1 inside an outline; it rises like a cylinder's over ``reach_mm``."""
    pad = max(8, round(reach_mm / pixel_mm))  # the body goes on beyond the picture, so its edge is no edge of the body
    inside = np.zeros((shape[0] + 2 * pad, shape[1] + 2 * pad), np.uint8)
    points = np.array([np.asarray(point, float) for point in outline_mm]) / pixel_mm + pad
    cv2.fillPoly(inside, [np.round(points * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    deep = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[pad:-pad, pad:-pad] * pixel_mm / reach_mm
    return np.sqrt(np.clip(1 - (1 - np.clip(deep, 0, 1)) ** 2, 0, 1)).astype(np.float32)


def _humerus(
    shape: tuple[int, ...], joint: np.ndarray, elbow: np.ndarray, pixel_mm: float, rng: np.random.Generator
) -> np.ndarray:
    head, radius = float(rng.uniform(20, 26)), float(rng.uniform(9, 13))
    rows, columns = np.indices(shape, dtype=np.float32) * np.float32(pixel_mm)
    along = (elbow - joint) / np.linalg.norm(elbow - joint)
    dx, dy = columns - joint[0], rows - joint[1]
    beyond = dx * along[0] + dy * along[1]
    across = np.where(beyond > 0, np.abs(dx * along[1] - dy * along[0]), np.inf)
    chord = 2 * np.sqrt(np.clip(radius**2 - across**2, 0, None))
    ball = 2 * np.sqrt(np.clip(head**2 - dx**2 - dy**2, 0, None))
    bone = _BONE_PER_MM * np.maximum(chord, 0.6 * ball)
    return cv2.GaussianBlur(bone.astype(np.float32), (0, 0), max(2.0 / pixel_mm, 0.3))
