"""Flags of a picture alone, whatever was segmented in it: no frontal chest, several films, crushed grey levels."""

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.imaging.geometry import Geometry
from cxrfactory.metrics.flags import PART_TYPICAL, SEVERAL, look_at_parts, parts_of, picture_flags, score_flags
from cxrfactory.rca.deep import DeepAligner
from cxrfactory.rca.score import resized

REGISTRATION_WEIGHTS = "pretrained-registration"
TYPICALITY_SIZE = 256  # pixels; side at which the typicality is computed without references, the default of the stage
_FLAG_SIZE = 256  # pixels; side at which grey values are counted

Image = UInt8[np.ndarray, "size size"]


class PictureJudge:
    """Judge preprocessed pictures, one at a time.

    Parameters
    ----------
    device
        ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._aligner = DeepAligner(REGISTRATION_WEIGHTS, device=device)

    def __call__(self, image: Image, geometry: Geometry, frontal: bool) -> list[str]:
        """Return the flags of a picture; a lateral film has those of its grey values alone.

        Parameters
        ----------
        image, geometry
            Preprocessed picture and its geometry.
        frontal
            Whether the picture was segmented as a frontal film.
        """
        flags = grey_flags(image, geometry)
        if not frontal or image.min() == image.max():
            return flags
        typicality = self._aligner.typicality([resized(image, TYPICALITY_SIZE)])[0]
        flags = score_flags(typicality, None) + flags
        if look_at_parts(typicality, None) and has_film_in_part(self._aligner, image, geometry):
            flags.insert(0, SEVERAL)
        return flags


def grey_flags(image: Image, geometry: Geometry, lungs: UInt8[np.ndarray, "s s"] | None = None) -> list[str]:
    """Return the flags of the grey values of a preprocessed picture; ``lungs`` has the size of :func:`small`."""
    seen = small(image)
    return picture_flags(seen, Geometry(**{**geometry.as_row(), "size": len(seen)}), lungs)


def small(image: Image) -> UInt8[np.ndarray, "s s"]:
    """Return every n-th pixel of a picture, because averages of black and white would be grey."""
    step = max(1, image.shape[0] // _FLAG_SIZE)
    return image[::step, ::step]


def has_film_in_part(aligner: DeepAligner, image: Image, geometry: Geometry) -> bool:
    """Return whether a half, third or quarter of a picture looks like a frontal chest radiograph."""
    size = aligner.net.input_size
    parts = [resized(_squared(part), size) for part in parts_of(image, geometry)]
    parts = [part for part in parts if part.min() < part.max()]
    return bool(parts) and max(aligner.typicality(parts)) > PART_TYPICAL


def _squared(part: UInt8[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "side side"]:
    height, width = part.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return cv2.copyMakeBorder(part, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT, value=0)
