"""Masked radiographs: resizing to a small square, closing of the mask, ``image AND mask``, and JPEG encoding.

The steps and their order are those of CXLSeg (section V): resize, CLAHE for the input of the segmenter only, dilation
and erosion of the mask, bitwise AND. Arrays are [row, column].
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
    """Dilations of a mask by a disc, followed by erosions.

    Attributes
    ----------
    kernel
        Diameter of the disc, pixels; odd.
    dilate, erode
        Number of dilations and of erosions. Equal numbers give a closing, which fills gaps narrower than the disc and
        does not move straight borders.
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
        """Dilate and erode a mask; the area outside the image has no effect.

        Parameters
        ----------
        mask
            uint8 mask [row, column], non-zero inside.

        Returns
        -------
        uint8 mask, 0 outside and 255 inside.
        """
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (self.kernel, self.kernel))
        changed = (mask != 0).astype(np.uint8) * 255
        if self.dilate:
            changed = cv2.dilate(changed, disc, iterations=self.dilate)
        if self.erode:
            changed = cv2.erode(changed, disc, iterations=self.erode)
        return changed


def small_square(pixels: Shaped[np.ndarray, "height width"], size: int, fit: str = "stretch") -> GreySquare:
    """Resize the whole image to an 8-bit square of ``size`` pixels per side.

    8-bit images keep their grey values; other images are converted to 8 bits. Shrinking averages over pixel areas.

    Parameters
    ----------
    pixels
        Image as :func:`cxrfactory.imaging.radiograph.reading.read_radiograph` returns it.
    size
        Side of the square, pixels.
    fit
        ``stretch`` scales both sides to the size, as in the paper; ``pad`` keeps the aspect ratio and pads with black.

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
    """Return ``image AND mask``: the image inside the mask and 0 outside.

    Parameters
    ----------
    image
        8-bit grey image.
    mask
        Mask of the values 0 and 255; other values would remove single bits of the grey values.

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
    """Encode an 8-bit grey image as JPEG without metadata; the same pixels give the same bytes.

    Parameters
    ----------
    image
        8-bit grey image [row, column].
    quality
        JPEG quality of OpenCV, 0 to 100.

    Raises
    ------
    CxrError
        If the array cannot be a JPEG.
    """
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise CxrError(f"array of shape {image.shape} and type {image.dtype} cannot be a JPEG")
    return data.tobytes()
