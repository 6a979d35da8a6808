"""Changes of a radiograph that its anatomy does not depend on, and where they move its points.

Each takes an 8-bit image as if it were a file's and gives the pixels of another file, with the affine map from
points (x, y) of the first to the second: ``[2, 3]``, pixel centres at integers. Arrays are [row, column].
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from jaxtyping import Float, Shaped, UInt8

Image = UInt8[np.ndarray, "h w"]
Transform = Float[np.ndarray, "2 3"]
IDENTITY: Transform = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
NONE = "none"

# Strokes of a letter (x, y) in units of its height, y down. Drawn here, because fonts differ between OpenCV's versions.
_LETTERS = {
    "L": [[(0, 0), (0, 1), (0.6, 1)]],
    "R": [[(0, 1), (0, 0), (0.4, 0), (0.6, 0.12), (0.6, 0.38), (0.4, 0.5), (0, 0.5)], [(0.3, 0.5), (0.6, 1)]],
}


@dataclass(frozen=True)
class Perturbed:
    """A changed image.

    Attributes
    ----------
    pixels
        uint8 or uint16.
    transform
        From points of the unchanged image to points of this one.
    """

    pixels: Shaped[np.ndarray, "height width"]
    transform: Transform


@dataclass(frozen=True)
class Perturbation:
    """One row of the suite: what is done, how much of it, and the function that does it.

    The function's second argument is the image's own random stream.
    """

    kind: str
    level: str
    apply: Callable[[Image, np.random.Generator], Perturbed]


def transform_points(points: Float[np.ndarray, "n 2"], transform: Transform) -> Float[np.ndarray, "n 2"]:
    """Map points (x, y)."""
    return points @ transform[:, :2].T + transform[:, 2]


def invert_transform(transform: Transform) -> Transform:
    """The map back."""
    return cv2.invertAffineTransform(transform)


def _table(image: Image, values: Float[np.ndarray, "256"]) -> Perturbed:
    levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Perturbed(levels[image], IDENTITY)


def gamma(image: Image, rng: np.random.Generator, exponent: float) -> Perturbed:
    """Power of the grey values; above 1 darkens."""
    return _table(image, 255 * (np.arange(256) / 255) ** exponent)


def contrast(image: Image, rng: np.random.Generator, share: float) -> Perturbed:
    """Shrink the range of values around mid-grey; levels between are lost, as in a file of 8 bits."""
    return _table(image, 127.5 + share * (np.arange(256) - 127.5))


def brightness(image: Image, rng: np.random.Generator, levels: float) -> Perturbed:
    """Add grey levels; what leaves 0 to 255 saturates."""
    return _table(image, np.arange(256) + levels)


def polarity(image: Image, rng: np.random.Generator) -> Perturbed:
    """The negative, in a file that does not say so."""
    return _table(image, 255 - np.arange(256.0))


def noise(image: Image, rng: np.random.Generator, sd: float) -> Perturbed:
    """Gaussian noise of that many grey levels."""
    noisy = image + rng.normal(0, sd, image.shape)
    return Perturbed(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), IDENTITY)


def markers(image: Image, rng: np.random.Generator, share: float, tissue: float = 1.0) -> Perturbed:
    """Saturated letters R and L in the upper corners, somewhere within a few percent of them.

    Parameters
    ----------
    image, rng
        As everywhere here.
    share
        Height of a letter, share of the image's.
    tissue
        The picture is darkened to this share of the range first, so that the letters alone are white.
    """
    height, width = image.shape
    marked = np.rint(image * tissue).astype(np.uint8)
    tall = share * height
    for letter, at in (("R", 0.05), ("L", 0.93 - share)):
        x, y = rng.uniform(at - 0.03, at + 0.03), rng.uniform(0.03, 0.12)
        _write(marked, letter, x * width, y * height, tall)
    return Perturbed(marked, IDENTITY)


def _write(image: Image, letter: str, x: float, y: float, tall: float) -> None:
    """Draw a white letter into the image, its upper left corner at (x, y)."""
    strokes = [np.rint(np.array(points) * tall + (x, y)).astype(np.int32) for points in _LETTERS[letter]]
    cv2.polylines(image, strokes, False, 255, max(1, round(tall / 6)), cv2.LINE_8)


def border(image: Image, rng: np.random.Generator, share: float, grey: int, letters: bool = False) -> Perturbed:
    """A frame around the image, on each side that share of it.

    With ``letters``, a white R in the upper left corner and an L in the lower right one keep the frame from being cut
    off: nothing that shows something is.
    """
    down, across = round(share * image.shape[0]), round(share * image.shape[1])
    framed = cv2.copyMakeBorder(image, down, down, across, across, cv2.BORDER_CONSTANT, value=grey)
    if letters:
        height, width = framed.shape
        _write(framed, "R", 0.2 * across, 0.2 * down, 0.6 * down)
        _write(framed, "L", width - 0.7 * across, height - 0.8 * down, 0.6 * down)
    return Perturbed(framed, np.array([[1.0, 0.0, across], [0.0, 1.0, down]]))


def zoom(image: Image, rng: np.random.Generator, factor: float, continued: bool = False) -> Perturbed:
    """Enlarge or shrink about the centre in a frame of the same size.

    What is new is black, or (``continued``) the edge's pixels go on outwards, so that no uniform border tells of it.
    """
    height, width = image.shape
    transform = np.array(
        [[factor, 0.0, (1 - factor) * (width - 1) / 2], [0.0, factor, (1 - factor) * (height - 1) / 2]]
    )
    return _warp(image, transform, continued)


def rotation(image: Image, rng: np.random.Generator, degrees: float, continued: bool = False) -> Perturbed:
    """Turn about the centre, counter-clockwise as seen; what is new as in :func:`zoom`."""
    height, width = image.shape
    transform = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return _warp(image, transform, continued)


def _warp(image: Image, transform: Transform, continued: bool) -> Perturbed:
    mode = cv2.BORDER_REPLICATE if continued else cv2.BORDER_CONSTANT
    size = (image.shape[1], image.shape[0])
    return Perturbed(cv2.warpAffine(image, transform, size, flags=cv2.INTER_LINEAR, borderMode=mode), transform)


def aspect(image: Image, rng: np.random.Generator, ratio: float) -> Perturbed:
    """Make the image wider by ``ratio`` (narrower below 1): pixels that are not square."""
    height, width = image.shape
    across = round(width * ratio)
    method = cv2.INTER_AREA if across < width else cv2.INTER_LINEAR
    factor = across / width
    transform = np.array([[factor, 0.0, 0.5 * (factor - 1)], [0.0, 1.0, 0.0]])
    return Perturbed(cv2.resize(image, (across, height), interpolation=method), transform)


def jpeg(image: Image, rng: np.random.Generator, quality: int) -> Perturbed:
    """Compress and decompress."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Perturbed(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), IDENTITY)


def sixteen_bit(image: Image, rng: np.random.Generator, step: int, offset: int = 0) -> Perturbed:
    """The same picture in 16 bits: ``step`` values a grey level, from ``offset``."""
    return Perturbed((image.astype(np.uint16) * np.uint16(step)) + np.uint16(offset), IDENTITY)


def unchanged(image: Image, rng: np.random.Generator) -> Perturbed:
    """The image itself, against which the others are held."""
    return Perturbed(image, IDENTITY)


def suite() -> list[Perturbation]:
    """All perturbations, the unchanged image first; ranges as the project promises them."""

    def rows(kind: str, levels: dict[str, partial[Perturbed]]) -> list[Perturbation]:
        return [Perturbation(kind, level, apply) for level, apply in levels.items()]

    frames, shares = {"black": 0, "white": 255}, (0.05, 0.10, 0.15)
    return [
        Perturbation(NONE, NONE, unchanged),
        *rows("gamma", {f"{each:g}": partial(gamma, exponent=each) for each in (0.4, 0.6, 1.5, 2.0, 2.5)}),
        *rows("contrast", {f"{each:g}": partial(contrast, share=each) for each in (0.5, 0.25)}),
        *rows("brightness", {f"{each:+d}": partial(brightness, levels=each) for each in (-60, -30, 30, 60)}),
        *rows("noise", {f"sd {each}": partial(noise, sd=each) for each in (5, 10, 20)}),
        *rows("polarity", {"negative": partial(polarity)}),
        *rows("markers", {f"{each:g}": partial(markers, share=each) for each in (0.04, 0.08)}),
        *rows("markers", {f"0.08, tissue {each:g}": partial(markers, share=0.08, tissue=each) for each in (0.7, 0.4)}),
        *(
            Perturbation(f"{name} border", f"{share:g}", partial(border, share=share, grey=grey))
            for name, grey in frames.items()
            for share in shares
        ),
        *rows(
            "black border, letters", {f"{each:g}": partial(border, share=each, grey=0, letters=True) for each in shares}
        ),
        *rows("zoom", {f"{each:g}": partial(zoom, factor=each) for each in (0.75, 0.85, 1.1, 1.2)}),
        *rows(
            "zoom, edge continued", {f"{each:g}": partial(zoom, factor=each, continued=True) for each in (0.75, 0.85)}
        ),
        *rows("aspect", {f"{each:g}": partial(aspect, ratio=each) for each in (0.8, 0.9, 1.1, 1.25)}),
        *rows("rotation", {f"{each:+d}": partial(rotation, degrees=each) for each in (-10, -5, 5, 10)}),
        *rows(
            "rotation, edge continued",
            {f"{each:+d}": partial(rotation, degrees=each, continued=True) for each in (-10, 10)},
        ),
        *rows("JPEG quality", {str(each): partial(jpeg, quality=each) for each in (70, 40)}),
        *rows(
            "16 bits",
            {
                "x 257": partial(sixteen_bit, step=257),
                "x 16": partial(sixteen_bit, step=16),
                "x 16 + 1000": partial(sixteen_bit, step=16, offset=1000),
            },
        ),
    ]
