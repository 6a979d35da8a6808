"""Random variation of a radiograph and its mask: flips, rotation, zoom, crop, Gaussian noise; arrays [row, column]."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.tables.keys import seed_of


@dataclass(frozen=True)
class Changes:
    """Limits of the random changes of a copy.

    Attributes
    ----------
    flip_horizontal, flip_vertical
        Probabilities of the flips, 0 to 1.
    rotation_degrees
        Largest rotation in either direction, degrees.
    zoom
        Largest relative change of scale, at most 0.99.
    crop
        Largest share of a side that is cut off, at most 0.99; the remaining part is scaled to the full picture.
    noise
        Largest standard deviation of the Gaussian noise, as a share of the grey range.
    """

    flip_horizontal: float = 0.5
    flip_vertical: float = 0.1
    rotation_degrees: float = 10.0
    zoom: float = 0.15
    crop: float = 0.1
    noise: float = 0.03

    def __post_init__(self) -> None:
        limits = {"rotation_degrees": 180.0, "zoom": 0.99, "crop": 0.99}
        for name in (field.name for field in fields(self)):
            value, most = getattr(self, name), limits.get(name, 1.0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise CxrError(f"changes: {name} is {value!r}; expected a number from 0 to {most:g}")


def varied_copies(
    image: UInt8[np.ndarray, "height width"],
    mask: UInt8[np.ndarray, "height width"],
    image_id: str,
    times: int,
    changes: Changes,
    seed: int,
) -> Iterator[tuple[str, UInt8[np.ndarray, "height width"], UInt8[np.ndarray, "height width"]]]:
    """Yield an image and its mask unchanged, and then changed copies, ``times`` pairs in all.

    Parameters
    ----------
    image, mask
        8-bit grey image, and its label mask.
    image_id
        Id of the image; it is the first pair's name, and the copies are ``<id>-copy01`` and so on.
    times
        Number of pairs, at least 1.
    changes
        Limits of the changes.
    seed
        Seed; the changes of a copy depend on it, on the id and on the copy's number alone.
    """
    yield image_id, image, mask
    for copy in range(1, times):
        rng = np.random.default_rng(seed_of(image_id, f"copy {copy}", seed))
        yield copy_name(image_id, copy), *vary(image, mask, changes, rng)


def copy_name(image_id: str, copy: int) -> str:
    """Return the name of an image's copy; number 0 is the image itself."""
    return f"{image_id}-copy{copy:02d}" if copy else image_id


def vary(
    image: UInt8[np.ndarray, "height width"],
    mask: UInt8[np.ndarray, "height width"],
    changes: Changes,
    rng: np.random.Generator,
) -> tuple[UInt8[np.ndarray, "height width"], UInt8[np.ndarray, "height width"]]:
    """Apply the same random transform to an image and its mask; noise is added to the image only.

    Parameters
    ----------
    image
        8-bit grey image.
    mask
        Label mask with any values; it is resampled by nearest neighbour, so labels are not mixed.
    changes
        Limits of the changes.
    rng
        Random generator of this copy.

    Returns
    -------
    Image and mask of the same shape; pixels from outside the image are 0 before noise is added.
    """
    height, width = mask.shape
    across, upright = rng.random(2) < (changes.flip_horizontal, changes.flip_vertical)
    angle = rng.uniform(-1, 1) * changes.rotation_degrees
    kept = 1 - rng.uniform(0, 1) * changes.crop
    scale = (1 + rng.uniform(-1, 1) * changes.zoom) / kept
    corner = rng.uniform(-0.5, 0.5, 2) * (1 - kept) * (width, height)  # offset of the crop from the centre, pixels
    sigma = rng.uniform(0, 1) * changes.noise * 255
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, angle, scale)
    matrix[:, 2] -= matrix[:, :2] @ corner
    flip = np.diag([-1.0 if across else 1.0, -1.0 if upright else 1.0, 1.0])
    flip[:2, 2] = [width - 1 if across else 0, height - 1 if upright else 0]
    matrix = matrix @ flip
    moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)
    labels = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    noisy = moved + rng.normal(0, 1, image.shape) * sigma
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), labels
