"""Scale of a plate by a QR code of known size in its pictures.

OpenCV finds and reads the code. Its modules are then drawn anew and laid over the picture by an affine map that
correlates best (ECC), which measures the side to a fraction of a pixel over the whole code and not at its corners only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

_SQUARE = 0.05  # a code whose sides or diagonals differ by a larger share is seen at an angle
_AGREE = 0.02  # codes in pictures of one plate that differ by a larger share from their median do not count
_UPSCALES = (1, 2, 3)
_REDUCTIONS = (2, 4, 8)
_MODULE_PX = 8  # of the drawn code
_QUIET = 1  # modules around the drawn code
_LARGEST = 6e6  # pixels; larger pictures are searched at reduced sizes first, for OpenCV does not see very large codes
_SMALLEST = 3e5  # pixels; pictures are not reduced below


@dataclass(frozen=True)
class QrScale:
    """Scale by QR codes.

    Attributes
    ----------
    mm_per_pixel
        Median over the pictures that count.
    seen, looked_at
        Numbers of pictures with a code that counts, and of all.
    spread
        Largest distance from the median, as a share of it.
    """

    mm_per_pixel: float
    seen: int
    looked_at: int
    spread: float


def scale_of(pictures: Iterable[UInt8[np.ndarray, "height width"]], qr_mm: float) -> QrScale | None:
    """Return the scale of a plate by the QR codes in some of its pictures.

    Parameters
    ----------
    pictures
        Full pictures [row, column]; they are taken one by one.
    qr_mm
        Side of the code without the white around it, mm.

    Returns
    -------
    The scale; None if no code is read, or the codes do not agree.
    """
    sides = [qr_side(picture) for picture in pictures]
    found = np.array([side for side in sides if side is not None])
    if not len(found):
        return None
    middle = float(np.median(found))
    agreeing = found[np.abs(found - middle) <= _AGREE * middle]
    if 2 * len(agreeing) <= len(found):
        return None
    middle = float(np.median(agreeing))
    spread = float(np.abs(agreeing - middle).max() / middle)
    return QrScale(qr_mm / middle, len(agreeing), len(sides), spread)


def qr_side(picture: UInt8[np.ndarray, "height width"]) -> float | None:
    """Return the side of the QR code in a picture, pixels; None without one that is read and nearly square."""
    reductions = [each for each in _REDUCTIONS if picture.size / each**2 >= _SMALLEST]
    upscales = [each for each in _UPSCALES if each == 1 or picture.size * each**2 <= 4 * _LARGEST]
    if picture.size > _LARGEST:
        return _reduced_side(picture, reductions) or _upscaled_side(picture, upscales)
    return _upscaled_side(picture, upscales) or _reduced_side(picture, reductions)


def _reduced_side(picture: np.ndarray, factors: Iterable[int]) -> float | None:
    for factor in factors:
        looked = cv2.resize(picture, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        if (found := _code(looked)) is not None and (side := _measured(looked, *found)) is not None:
            return side * factor
    return None


def _upscaled_side(picture: np.ndarray, factors: Iterable[int]) -> float | None:
    for factor in factors:
        looked = picture
        if factor > 1:
            looked = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        if (found := _code(looked)) is not None:
            corners, modules = found
            return _measured(picture, (corners + 0.5) / factor - 0.5, modules)
    return None


def _code(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the corners (x, y) and the modules of the code in a picture; None without one that is read."""
    try:
        text, corners, modules = cv2.QRCodeDetector().detectAndDecode(picture)
    except cv2.error:  # OpenCV fails on some shapes that are no code
        return None
    return (corners.reshape(4, 2), modules) if text and corners is not None and modules is not None else None


def _measured(picture: np.ndarray, corners: np.ndarray, modules: np.ndarray) -> float | None:
    sides = np.linalg.norm(corners - np.roll(corners, -1, 0), axis=1)
    diagonals = np.linalg.norm(corners[:2] - corners[2:], axis=1)
    if max(np.ptp(sides) / sides.mean(), np.ptp(diagonals) / diagonals.mean()) > 2 * _SQUARE:
        return None
    drawn, count = _drawn(modules)
    side = count * _MODULE_PX
    start = _QUIET * _MODULE_PX - 0.5
    target = np.array([[start, start], [start + side, start], [start + side, start + side], [start, start + side]])
    guess, _ = cv2.estimateAffine2D(target.astype(np.float32), corners.astype(np.float32))
    if guess is None:
        return None
    blur = _MODULE_PX * count / sides.mean() * 0.6  # of the drawn code, about that of a camera's pixel
    template = cv2.GaussianBlur(drawn, (0, 0), max(blur, 0.5))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-6)
    try:
        response, found = cv2.findTransformECC(
            template, picture, guess.astype(np.float32), cv2.MOTION_AFFINE, criteria, None, 3
        )
    except cv2.error:  # it did not converge: the drawn code is not what the picture shows
        return None
    across, down = found[:, 0], found[:, 1]
    lengths = np.array([np.linalg.norm(across), np.linalg.norm(down)]) * side
    slant = abs(float(across @ down)) / float(np.linalg.norm(across) * np.linalg.norm(down))
    if response < 0.7 or np.ptp(lengths) / lengths.mean() > _SQUARE or slant > _SQUARE:
        return None
    return float(np.sqrt(lengths[0] * lengths[1]))


def _drawn(modules: np.ndarray) -> tuple[np.ndarray, int]:
    """Return a drawing of a code with white around it, and the number of its modules along a side."""
    dark = modules.reshape(modules.shape[0], -1) < 128
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    dark = dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # OpenCV may keep white around the code
    plain = np.where(np.pad(dark, _QUIET), 0, 255).astype(np.uint8)
    return np.kron(plain, np.ones((_MODULE_PX, _MODULE_PX), np.uint8)), dark.shape[1]
