"""Pictures and masks as bytes: the encodings that the cohort's writers share."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.contours import masks_to_landmarks
from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.cohort.patient import Radiograph


def to_8bit(grey: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Grey 0..1 to 0..255, what lies beyond cut off."""
    return np.round(np.clip(grey, 0, 1) * 255).astype(np.uint8)


def encode_png(image: UInt8[np.ndarray, "h w"]) -> bytes:
    """8-bit grey PNG."""
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes()


def encode_mask(mask: Bool[np.ndarray, "h w"]) -> bytes:
    """1-bit PNG of a mask; a reader gets 0 and 255."""
    return cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()


def encode_jpeg(image: UInt8[np.ndarray, "h w"], quality: int = 95) -> bytes:
    """8-bit grey JPEG."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def landmarks(truth: dict[str, Bool[np.ndarray, "h w"]]) -> Float[np.ndarray, "120 2"]:
    """Landmarks (x, y) of a frontal truth, px of its frame.

    Raises
    ------
    CxrError
        If an organ is empty.
    """
    return masks_to_landmarks(*(truth[name].astype(np.uint8) for name in ORGANS))


def truth_row(image_id: str, release: str, patient_id: str, radiograph: Radiograph) -> dict:
    """One row of the frontal truth table (:data:`cxrfactory.cohort.build.TRUTH`)."""
    nodes = landmarks(radiograph.truth).astype(np.float32).ravel()
    return {**mask_row(image_id, release, patient_id, radiograph), "landmarks": nodes}


def mask_row(image_id: str, release: str, patient_id: str, radiograph: Radiograph) -> dict:
    """One row of the lateral truth table (:data:`cxrfactory.cohort.build.LATERAL_TRUTH`)."""
    height, width = radiograph.grey.shape
    return {
        "image_id": image_id,
        "release": release,
        "patient_id": patient_id,
        "height": height,
        "width": width,
        **{name: encode_mask(mask) for name, mask in radiograph.truth.items()},
    }
