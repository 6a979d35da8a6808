"""Changes of a radiograph that leave its anatomy as it is, with the point maps that they imply.

Each function takes an 8-bit image as if it came from a file. It returns the changed pixels with the affine map from
points (x, y) of the input to points of the output: ``[2, 3]``, pixel centres at integers. Arrays are [row, column].
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

# Strokes of the letters as (x, y) in units of the height, y down. They do not use OpenCV's fonts, which vary by
# version.
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
        Affine map from points of the unchanged image to points of this one.
    """

    pixels: Shaped[np.ndarray, "height width"]
    transform: Transform


@dataclass(frozen=True)
class Perturbation:
    """One row of the suite: the kind of change, its level, and the function that applies it.

    The second argument of the function is the image's own random generator.
    """

    kind: str
    level: str
    apply: Callable[[Image, np.random.Generator], Perturbed]


def transform_points(points: Float[np.ndarray, "n 2"], transform: Transform) -> Float[np.ndarray, "n 2"]:
    """Map points (x, y) by an affine transform."""
    return points @ transform[:, :2].T + transform[:, 2]


def invert_transform(transform: Transform) -> Transform:
    """Return the inverse of an affine transform."""
    return cv2.invertAffineTransform(transform)


def _table(image: Image, values: Float[np.ndarray, "256"]) -> Perturbed:
    levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Perturbed(levels[image], IDENTITY)


def gamma(image: Image, rng: np.random.Generator, exponent: float) -> Perturbed:
    """Raise the grey values to a power; an exponent above 1 darkens the image."""
    return _table(image, 255 * (np.arange(256) / 255) ** exponent)


def contrast(image: Image, rng: np.random.Generator, share: float) -> Perturbed:
    """Shrink the range of values around mid-grey; the values are rounded to 8 bits, as in a file."""
    return _table(image, 127.5 + share * (np.arange(256) - 127.5))


def brightness(image: Image, rng: np.random.Generator, levels: float) -> Perturbed:
    """Add grey levels; values outside 0 to 255 saturate."""
    return _table(image, np.arange(256) + levels)


def polarity(image: Image, rng: np.random.Generator) -> Perturbed:
    """Invert the grey values, as in a file whose header does not declare the inversion."""
    return _table(image, 255 - np.arange(256.0))


def noise(image: Image, rng: np.random.Generator, sd: float) -> Perturbed:
    """Add Gaussian noise with a standard deviation of ``sd`` grey levels."""
    noisy = image + rng.normal(0, sd, image.shape)
    return Perturbed(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), IDENTITY)


def markers(image: Image, rng: np.random.Generator, share: float, tissue: float = 1.0) -> Perturbed:
    """Draw saturated letters R and L in the upper corners, at random positions near them.

    Parameters
    ----------
    image, rng
        8-bit image and its random generator.
    share
        Height of a letter, as a share of the image's height.
    tissue
        The image is first darkened by this factor, so that only the letters are white.
    """
    height, width = image.shape
    marked = np.rint(image * tissue).astype(np.uint8)
    tall = share * height
    for letter, at in (("R", 0.05), ("L", 0.93 - share)):
        x, y = rng.uniform(at - 0.03, at + 0.03), rng.uniform(0.03, 0.12)
        _write(marked, letter, x * width, y * height, tall)
    return Perturbed(marked, IDENTITY)


def _write(image: Image, letter: str, x: float, y: float, tall: float) -> None:
    """Draw a white letter into the image in place, with its upper left corner at (x, y)."""
    strokes = [np.rint(np.array(points) * tall + (x, y)).astype(np.int32) for points in _LETTERS[letter]]
    cv2.polylines(image, strokes, False, 255, max(1, round(tall / 6)), cv2.LINE_8)


def border(image: Image, rng: np.random.Generator, share: float, grey: int, letters: bool = False) -> Perturbed:
    """Add a frame whose width on each side is ``share`` of the image's side.

    With ``letters``, a white R stands in the upper left corner and an L in the lower right corner, as markers do.
    """
    down, across = round(share * image.shape[0]), round(share * image.shape[1])
    framed = cv2.copyMakeBorder(image, down, down, across, across, cv2.BORDER_CONSTANT, value=grey)
    if letters:
        height, width = framed.shape
        _write(framed, "R", 0.2 * across, 0.2 * down, 0.6 * down)
        _write(framed, "L", width - 0.7 * across, height - 0.8 * down, 0.6 * down)
    return Perturbed(framed, np.array([[1.0, 0.0, across], [0.0, 1.0, down]]))


def zoom(image: Image, rng: np.random.Generator, factor: float, continued: bool = False) -> Perturbed:
    """Enlarge or shrink about the centre, in a frame of the same size.

    New pixels are black. With ``continued``, the edge pixels are replicated instead, so that no uniform border appears.
    """
    height, width = image.shape
    transform = np.array(
        [[factor, 0.0, (1 - factor) * (width - 1) / 2], [0.0, factor, (1 - factor) * (height - 1) / 2]]
    )
    return _warp(image, transform, continued)


def rotation(image: Image, rng: np.random.Generator, degrees: float, continued: bool = False) -> Perturbed:
    """Rotate about the centre, counter-clockwise as seen; new pixels are filled as in :func:`zoom`."""
    height, width = image.shape
    transform = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return _warp(image, transform, continued)


def _warp(image: Image, transform: Transform, continued: bool) -> Perturbed:
    mode = cv2.BORDER_REPLICATE if continued else cv2.BORDER_CONSTANT
    size = (image.shape[1], image.shape[0])
    return Perturbed(cv2.warpAffine(image, transform, size, flags=cv2.INTER_LINEAR, borderMode=mode), transform)


def aspect(image: Image, rng: np.random.Generator, ratio: float) -> Perturbed:
    """Widen the image by ``ratio`` (below 1 narrows it), as if the pixels were not square."""
    height, width = image.shape
    across = round(width * ratio)
    method = cv2.INTER_AREA if across < width else cv2.INTER_LINEAR
    factor = across / width
    transform = np.array([[factor, 0.0, 0.5 * (factor - 1)], [0.0, 1.0, 0.0]])
    return Perturbed(cv2.resize(image, (across, height), interpolation=method), transform)


def jpeg(image: Image, rng: np.random.Generator, quality: int) -> Perturbed:
    """Compress the image as JPEG and decompress it."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Perturbed(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), IDENTITY)


def sixteen_bit(image: Image, rng: np.random.Generator, step: int, offset: int = 0) -> Perturbed:
    """Return the same picture in 16 bits: value = ``step`` times the grey level, plus ``offset``."""
    return Perturbed((image.astype(np.uint16) * np.uint16(step)) + np.uint16(offset), IDENTITY)


def unchanged(image: Image, rng: np.random.Generator) -> Perturbed:
    """Return the image itself, which is the baseline of the comparisons."""
    return Perturbed(image, IDENTITY)


def suite() -> list[Perturbation]:
    """Return all perturbations, the unchanged image first, over the ranges that the documentation states."""

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
