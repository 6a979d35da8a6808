"""Reading of masks of roots that people or other programs made: which pixels are root, or why it cannot be told."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool
from PIL import Image, UnidentifiedImageError

from cxrfactory.errors import ImageError

_LABELS = 16  # largest value of a picture whose values are labels, not grey levels
_BETWEEN = (0.25, 0.75)  # of the largest value: what lies between is neither root nor ground
_MOST_BETWEEN = 0.05  # share of such pixels, as at soft edges and in JPEG
_NOISE = 0.05  # of the largest value; darker is ground, as the noise of JPEG
_EDGE_PX, _MOST_FAR = 3, 0.05  # soft edges lie so near to root; share of what is shown elsewhere
_MOST_ROOT = 0.5  # share of root; more is an inverted mask
_SUFFIXES = "PNG, TIFF, BMP, GIF or JPEG"


def read_root_mask(path: str | Path) -> Bool[np.ndarray, "height width"]:
    """Read a mask of roots.

    Root is what is bright on black, what has a label other than 0, or, in a picture with a transparent ground, what is
    not transparent, as in the segmentations of RootPainter.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Whether each pixel is root, [row, column].

    Raises
    ------
    ImageError
        In one line, if the file cannot be read, is a grey picture, shows no root, or is root for the most part.
    """
    try:
        with Image.open(path) as picture:
            if picture.format in ("TIFF", "PNG", "GIF") and getattr(picture, "n_frames", 1) > 1:
                raise ImageError(f"{picture.format} with {picture.n_frames} pictures; expected one mask")
            picture.load()
            root = _root(picture)
    except FileNotFoundError as error:
        raise ImageError("no such file") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"no picture by its content; expected a mask as {_SUFFIXES}") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"cannot be read as a picture ({' '.join(str(error).split())})") from error
    share = float(root.mean())
    if share == 0:
        raise ImageError("no pixel of the mask is root; expected roots brighter than black")
    if share > _MOST_ROOT:
        raise ImageError(
            f"{100 * share:.0f} % of the mask are root; expected bright roots on black; invert the mask if its roots "
            "are dark"
        )
    return root


def _root(picture: Image.Image) -> np.ndarray:
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = np.asarray(picture.convert("RGBA"))[..., 3] > 0
        if not seen.all():
            return seen
    if picture.mode == "P":
        return _labelled(np.asarray(picture), np.asarray(picture.convert("L")))
    if picture.mode in ("1", "L") or picture.mode.startswith(("I", "F")):
        values = np.asarray(picture).astype(np.float64)
    else:
        values = np.asarray(picture.convert("RGB")).max(axis=2).astype(np.float64)
    return _labelled(values, values)


def _labelled(labels: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Return root by labels if there are few of them, and else by grey values."""
    known = np.unique(labels)
    if len(known) == 2:
        return labels == known[1]
    if known[-1] <= _LABELS and (known == np.rint(known)).all():
        return labels > 0
    low, high = (share * float(grey.max()) for share in _BETWEEN)
    between = float(((grey > low) & (grey < high)).mean())
    if between > _MOST_BETWEEN:
        raise ImageError(
            f"a grey picture, not a mask: {100 * between:.0f} % of its pixels are neither dark nor bright; expected 0 "
            "for ground and one value for root"
        )
    root = grey >= (low + high) / 2
    shown = grey > _NOISE * float(grey.max())
    near = cv2.dilate(root.astype(np.uint8), np.ones((2 * _EDGE_PX + 1,) * 2, np.uint8)) > 0
    if np.count_nonzero(shown & ~near) > _MOST_FAR * np.count_nonzero(shown):
        raise ImageError(
            f"values up to {grey.max():g} of which many are dark and lie apart from the bright ones; expected 0 for "
            "ground and one value for root, so save labels as 0 and 255"
        )
    return root
