"""Radiographs cut out by a mask: to a small square, the mask closed, ``image AND mask``, both as JPEG.

The steps and their order are those of CXLSeg (section V): resize, CLAHE for the segmenter alone, dilate and erode the
mask, bitwise AND. Arrays are [row, column].
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.intensity import to_uint8

FITS = ("stretch", "pad")

GreySquare = UInt8[np.ndarray, "size size"]


@dataclass(frozen=True)
class Closing:
    """Dilations of a mask and erosions after them, by a disc.

    Attributes
    ----------
    kernel
        Side of the disc, pixels; odd.
    dilate, erode
        How often; equally often is a closing, which fills gaps narrower than the disc and moves no straight border.
    """

    kernel: int = 5
    dilate: int = 1
    erode: int = 1

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise CxrError(f"kernel of {self.kernel} px; expected an odd number of 1 or more")
        if min(self.dilate, self.erode) < 0:
            raise CxrError(f"{self.dilate} dilations and {self.erode} erosions; expected 0 or more of each")

    def apply(self, mask: GreySquare) -> GreySquare:
        """Dilate and erode a mask; what lies beyond the picture neither adds to it nor takes from it.

        Parameters
        ----------
        mask
            Non-zero inside.

        Returns
        -------
        0 outside, 255 inside.
        """
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (self.kernel, self.kernel))
        changed = (mask != 0).astype(np.uint8) * 255
        if self.dilate:
            changed = cv2.dilate(changed, disc, iterations=self.dilate)
        if self.erode:
            changed = cv2.erode(changed, disc, iterations=self.erode)
        return changed


def small_square(pixels: Shaped[np.ndarray, "height width"], size: int, fit: str = "stretch") -> GreySquare:
    """The whole image as a square of ``size`` pixels, 8-bit.

    8-bit images keep their grey values; of others the range is stretched to 0-255. Shrinking averages over areas.

    Parameters
    ----------
    pixels
        As :func:`cxrfactory.imaging.radiograph.reading.read_radiograph` reads it.
    size
        Side, pixels.
    fit
        ``stretch``: both sides to the size, as in the paper; ``pad``: black beside the shorter side.

    Raises
    ------
    CxrError
        If the fit is unknown, or the image has one colour.
    """
    if fit not in FITS:
        raise CxrError(f"fit is '{fit}'; expected one of {', '.join(FITS)}")
    grey = pixels if pixels.dtype == np.uint8 else to_uint8(pixels)
    if fit == "pad":
        return Geometry.whole(*grey.shape, size).forward_crop(grey)
    method = cv2.INTER_AREA if min(grey.shape) > size else cv2.INTER_LINEAR
    return cv2.resize(grey, (size, size), interpolation=method)


def cut_out(image: GreySquare, mask: GreySquare) -> GreySquare:
    """``image AND mask``: the image inside the mask, 0 outside.

    Parameters
    ----------
    image
        8-bit.
    mask
        0 and 255: with other values, single bits of the image would be lost.

    Raises
    ------
    CxrError
        If the shapes differ, or the mask holds another value.
    """
    if image.shape != mask.shape:
        raise CxrError(f"image of {image.shape} and mask of {mask.shape}; expected one shape")
    if not np.isin(mask, (0, 255)).all():
        raise CxrError("mask holds values beside 0 and 255; expected these two alone")
    return cv2.bitwise_and(image, mask)


def encode_jpeg(image: UInt8[np.ndarray, "height width"], quality: int) -> bytes:
    """8-bit grey JPEG without metadata; the same pixels give the same bytes.

    Raises
    ------
    CxrError
        If the array cannot be a JPEG.
    """
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise CxrError(f"array of shape {image.shape} and type {image.dtype} cannot be a JPEG")
    return data.tobytes()
