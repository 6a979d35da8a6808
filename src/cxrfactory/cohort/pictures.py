"""Encodings of pictures and masks that the writers of the cohort share."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.contours import masks_to_landmarks
from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.cohort.patient import Radiograph


def to_8bit(grey: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Convert grey values 0..1 to 0..255; values outside this range are clipped."""
    return np.round(np.clip(grey, 0, 1) * 255).astype(np.uint8)


def encode_png(image: UInt8[np.ndarray, "h w"]) -> bytes:
    """Encode an 8-bit grey image as PNG."""
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes()


def encode_mask(mask: Bool[np.ndarray, "h w"]) -> bytes:
    """Encode a mask as 1-bit PNG; decoders return the values 0 and 255."""
    return cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()


def encode_jpeg(image: UInt8[np.ndarray, "h w"], quality: int = 95) -> bytes:
    """Encode an 8-bit grey image as JPEG with a quality from 0 to 100."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def landmarks(truth: dict[str, Bool[np.ndarray, "h w"]]) -> Float[np.ndarray, "120 2"]:
    """Compute the landmarks (x, y) of the true masks of a frontal picture, in pixels of the picture.

    Raises
    ------
    CxrError
        If the mask of an organ is empty.
    """
    return masks_to_landmarks(*(truth[name].astype(np.uint8) for name in ORGANS))


def truth_row(image_id: str, release: str, patient_id: str, radiograph: Radiograph) -> dict:
    """Return one row of the frontal truth table (:data:`cxrfactory.cohort.build.TRUTH`)."""
    nodes = landmarks(radiograph.truth).astype(np.float32).ravel()
    return {**mask_row(image_id, release, patient_id, radiograph), "landmarks": nodes}


def mask_row(image_id: str, release: str, patient_id: str, radiograph: Radiograph) -> dict:
    """Return one row of the lateral truth table (:data:`cxrfactory.cohort.build.LATERAL_TRUTH`)."""
    height, width = radiograph.grey.shape
    return {
        "image_id": image_id,
        "release": release,
        "patient_id": patient_id,
        "height": height,
        "width": width,
        **{name: encode_mask(mask) for name, mask in radiograph.truth.items()},
    }
