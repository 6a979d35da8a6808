"""What stands still on a virtual plate: its walls, dust, fibres, scratches, and the label with the QR code."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32
from numpy.random import Generator

from cxrfactory.errors import CxrError
from cxrfactory.roots.cohort.grow import FIELD_MM

QR_MM = 10.0  # side of the code, from the outer edge of its first module to that of its last one

_PLATE_MM = 120.0
_LABEL_MM = 14.4  # side of the white label around the code
_LABEL_MIDDLE_MM = (112.0, 11.4)  # (x, y)
_FINE = 8  # samples a pixel in each direction, of the label
_MODULES = 21


@dataclass(frozen=True)
class Label:
    """The label, as a part of the picture.

    Attributes
    ----------
    top, left
        First row and column of the part.
    grey
        Grey values from 0 to 1, [row, column].
    cover
        Share of each pixel that the label covers, [row, column].
    """

    top: int
    left: int
    grey: Float32[np.ndarray, "height width"]
    cover: Float32[np.ndarray, "height width"]

    def over(self, picture: Float32[np.ndarray, "height width"], inverted: bool = False) -> None:
        """Put the label over a picture, in place; an inverted label comes out right when the picture is inverted."""
        part = picture[self.top : self.top + self.grey.shape[0], self.left : self.left + self.grey.shape[1]]
        part += self.cover * ((1 - self.grey if inverted else self.grey) - part)


def draw_walls(plate_px: int) -> Float32[np.ndarray, "height width"]:
    """Return what the plate itself adds to the light: 1 on the agar, lines at the walls, and less outside."""
    at = (np.arange(plate_px) + 0.5) * FIELD_MM / plate_px - FIELD_MM / 2
    corner = 6.0
    box = _PLATE_MM / 2 - corner
    across, down = np.abs(at)[None, :] - box, np.abs(at)[:, None] - box
    outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0)) + np.minimum(np.maximum(across, down), 0) - corner
    outer, inner = _bump(outside, 0.0, 0.35), _bump(outside, -2.6, 0.3)
    wall = _step(outside, -2.6, 0.25) * (1 - _step(outside, 0.0, 0.25))
    beyond = _step(outside, 0.2, 0.3)
    depth = np.exp(np.minimum(outside + 2.6, 0) / 2.5) * 0.18  # light that the wall scatters into the agar
    waves = 1 + 0.25 * np.sin(at[None, :] * 0.55 + 1) * np.sin(at[:, None] * 0.47)
    found = 1 + depth + wall * 0.22 * waves + 0.95 * inner * waves + 1.3 * outer - beyond * 0.55
    return found.astype(np.float32)


def _bump(value: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-(((value - middle) / width) ** 2))


def _step(value: np.ndarray, middle: float, width: float) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh((value - middle) / width)


def draw_litter(rng: Generator, plate_px: int, specks: int) -> Float32[np.ndarray, "height width"]:
    """Return what dust, fibres, scratches and writing add to the grey value of the agar."""
    per_mm = plate_px / FIELD_MM
    found = np.zeros((plate_px, plate_px), np.float32)
    for _ in range(specks):
        middle, size = rng.uniform(4, FIELD_MM - 4, 2) * per_mm, max(rng.gamma(2.0, 0.09) * per_mm, 0.6)
        _blob(found, middle, size, float(rng.choice((-0.5, 1.0))) * rng.uniform(0.05, 0.3))
    for _ in range(1 + specks // 12):  # fibres: short, thin, curved
        start, angle, turn = rng.uniform(8, FIELD_MM - 8, 2), rng.uniform(0, 2 * np.pi), rng.normal(0, 0.25)
        steps = int(rng.integers(6, 18))
        angles = angle + turn * np.arange(steps) + rng.normal(0, 0.1, steps)
        points = start + np.cumsum(0.4 * np.stack([np.cos(angles), np.sin(angles)], 1), axis=0)
        _stroke(found, points * per_mm, rng.uniform(0.06, 0.16), 1)
    for _ in range(1 + specks // 15):  # scratches: long, straight, faint
        middle, angle, length = rng.uniform(10, FIELD_MM - 10, 2), rng.uniform(0, np.pi), rng.uniform(8, 45)
        ends = middle + np.outer((-0.5, 0.5), (np.cos(angle), np.sin(angle))) * length
        _stroke(found, ends * per_mm, rng.uniform(-0.05, 0.07), 1)
    if rng.random() < 0.6:  # a word by a pen, near the lower wall
        word = f"{rng.choice(('Col', 'Ler', 'WS', 'Cvi'))} {rng.integers(1, 30)}"
        _write(found, word, rng.uniform((12, 110), (80, 115)) * per_mm, 0.12 * per_mm, rng.uniform(-0.13, 0.2))
    return found


def _write(found: np.ndarray, word: str, start: np.ndarray, size: float, value: float) -> None:
    ink = np.zeros(found.shape, np.uint8)
    font, thickness = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, max(1, round(2 * size))
    cv2.putText(ink, word, (round(start[0]), round(start[1])), font, size, 255, thickness, cv2.LINE_AA)
    found += value * cv2.GaussianBlur(ink, (0, 0), 0.8).astype(np.float32) / 255


def _blob(found: np.ndarray, middle: np.ndarray, size: float, value: float) -> None:
    reach = int(3 * size) + 2
    column, row = int(middle[0]), int(middle[1])
    rows = slice(max(row - reach, 0), min(row + reach + 1, found.shape[0]))
    columns = slice(max(column - reach, 0), min(column + reach + 1, found.shape[1]))
    across = np.arange(columns.start, columns.stop)[None, :] - middle[0]
    down = np.arange(rows.start, rows.stop)[:, None] - middle[1]
    found[rows, columns] += value * np.exp(-(across**2 + down**2) / (2 * size**2)).astype(np.float32)


def _stroke(found: np.ndarray, points: np.ndarray, value: float, thickness: int) -> None:
    ink = np.zeros(found.shape, np.uint8)
    fixed = np.round(points * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(ink, [fixed], False, 255, thickness, cv2.LINE_AA, shift=4)
    found += value * cv2.GaussianBlur(ink, (0, 0), 0.6).astype(np.float32) / 255


def draw_label(plate: str, plate_px: int) -> Label:
    """Draw the label in the plate's upper right corner: a QR code of 10 mm that holds the plate's name.

    Raises
    ------
    CxrError
        If the name is too long for the smallest code.
    """
    code = cv2.QRCodeEncoder.create().encode(plate)
    rows, columns = np.nonzero(code < 128)
    code = code[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    if code.shape != (_MODULES, _MODULES):
        raise CxrError(f"plate {plate}: its QR code has {code.shape[0]} modules; expected {_MODULES}: use a short name")
    per_mm = plate_px / FIELD_MM
    first = [int(np.floor((middle - _LABEL_MM / 2) * per_mm)) - 1 for middle in _LABEL_MIDDLE_MM]
    side = int(np.ceil(_LABEL_MM * per_mm)) + 4
    fine = (np.arange(side * _FINE) + 0.5) / _FINE - 0.5
    across, down = ((start + fine) / per_mm - middle for start, middle in zip(first, _LABEL_MIDDLE_MM, strict=True))
    paper = (np.abs(across)[None, :] <= _LABEL_MM / 2) & (np.abs(down)[:, None] <= _LABEL_MM / 2)
    column, row = (np.floor((each / QR_MM + 0.5) * _MODULES).astype(int) for each in (across, down))
    inside = ((column >= 0) & (column < _MODULES))[None, :] & ((row >= 0) & (row < _MODULES))[:, None]
    module = code[np.clip(row, 0, _MODULES - 1)[:, None], np.clip(column, 0, _MODULES - 1)[None, :]]
    grey = np.where(inside & (module < 128), 0.1, 0.78)
    return Label(first[1], first[0], _mean(grey, side), _mean(paper.astype(float), side))


def _mean(fine: np.ndarray, side: int) -> Float32[np.ndarray, "side side"]:
    return fine.reshape(side, _FINE, side, _FINE).mean((1, 3)).astype(np.float32)
