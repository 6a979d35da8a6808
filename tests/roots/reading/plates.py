"""Tiny photographs of a plate with a frame, dust and a root that grows, for the tests of reading."""

from pathlib import Path

import cv2
import numpy as np

SIDE = 240


def plate(hour: float = 0.0, shift: tuple[float, float] = (0, 0), degrees: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return a picture, uint8 [240, 240], of a plate that lies ``shift`` (x, y) away and is turned clockwise."""
    rng = np.random.default_rng(seed)
    grey = np.full((SIDE, SIDE), 70, np.uint8)
    cv2.rectangle(grey, (14, 14), (SIDE - 15, SIDE - 15), 140, 4, cv2.LINE_AA)
    for _ in range(60):
        x, y, size, value = (int(each) for each in rng.integers([20, 20, 1, 30], [220, 220, 4, 200]))
        cv2.circle(grey, (x, y), size, value, -1, cv2.LINE_AA)
    cv2.line(grey, (90, 50), (95, 60 + int(2 * hour)), 180, 3, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), -degrees, 1)
    turn[:, 2] += shift
    moved = cv2.warpAffine(grey, turn, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(round(1000 * hour) + 1).normal(0, 2, moved.shape)
    return np.clip(moved + noise, 0, 255).round().astype(np.uint8)


def save(path: Path, picture: np.ndarray) -> Path:
    """Write a picture; its suffix gives the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)
    return path


def series(folder: Path, number: int = 6) -> list[Path]:
    """Write a plate of ``number`` pictures, one an hour, whose names hold the times."""
    return [save(folder / f"p_2020-01-01_{hour:02d}-00-00.png", plate(hour)) for hour in range(number)]


def with_code(side: float, place: tuple[float, float] = (100, 60), degrees: float = 0.0) -> tuple[np.ndarray, float]:
    """Return a picture of 400 x 400 with a QR code whose side is given in pixels, and that side."""
    code = cv2.QRCodeEncoder.create().encode("PLATE-1")
    dark = np.flatnonzero((code < 128).any(1))
    core, zoom = dark[-1] - dark[0] + 1, 4
    large = np.kron(code, np.ones((16, 16), np.uint8))
    scale, turn = zoom * side / (16 * core), np.radians(degrees)
    matrix = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), zoom * place[0]],
            [scale * np.sin(turn), scale * np.cos(turn), zoom * place[1]],
        ]
    )
    drawn = cv2.warpAffine(large, matrix, (400 * zoom, 400 * zoom), flags=cv2.INTER_LINEAR, borderValue=70)
    drawn = cv2.GaussianBlur(cv2.resize(drawn, (400, 400), interpolation=cv2.INTER_AREA), (0, 0), 0.7)
    noise = np.random.default_rng(0).normal(0, 4, drawn.shape)
    return np.clip(drawn + noise, 0, 255).round().astype(np.uint8), side
