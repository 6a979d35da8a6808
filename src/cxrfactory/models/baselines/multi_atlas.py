"""Multi-atlas baseline: landmarks of the most similar training images, transferred by registration.

Gaggion et al. (IEEE TMI 2022), section 4.2.3: the five training images with the largest mutual information are chosen;
each is registered affinely and then deformably, and the transferred landmarks are averaged. The registration is that of
:mod:`cxrfactory.registration.classical`, not SimpleElastix. Nothing is trained.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import get_logger
from cxrfactory.registration.classical import DEFAULT_SETTINGS, RegistrationSettings, prepare, register

log = get_logger(__name__)

BINS = 32
SIMILARITY_SIDE_PX = 64


@dataclass(frozen=True)
class AtlasPrediction:
    """Landmarks (x, y) in pixels ``[nodes, 2]``, and the indices of the atlases used, most similar first."""

    landmarks: Float[np.ndarray, "nodes 2"]
    atlases: tuple[int, ...]


class MultiAtlas:
    """A labelled training set whose images serve as atlases.

    Parameters
    ----------
    images
        Square 8-bit radiographs of one size, ``[n, rows, columns]``; the registration's defaults are for 256 x 256.
    landmarks
        (x, y) in pixels of the images, ``[n, nodes, 2]``.
    neighbours
        Number of atlases whose landmarks a prediction averages; all atlases where there are fewer.
    settings
        Settings of the registration.

    Raises
    ------
    CxrError
            If the shapes do not fit, there is no atlas, or ``neighbours`` is below 1.
    """

    def __init__(
        self,
        images: UInt8[np.ndarray, "n rows columns"],
        landmarks: Float[np.ndarray, "n nodes 2"],
        neighbours: int = 5,
        settings: RegistrationSettings = DEFAULT_SETTINGS,
    ) -> None:
        landmarks = np.asarray(landmarks, np.float64)
        if (
            images.ndim != 3
            or not len(images)
            or landmarks.shape[:1] != images.shape[:1]
            or landmarks.shape[2:] != (2,)
        ):
            raise CxrError(
                f"atlases with images {images.shape} and landmarks {landmarks.shape}; expected (n, rows, columns) and "
                "(n, nodes, 2) with n >= 1"
            )
        if neighbours < 1:
            raise CxrError(f"neighbours is {neighbours}; expected 1 or more")
        self.landmarks, self.settings = landmarks, settings
        self.neighbours = min(neighbours, len(images))
        self.shape = images.shape[1:]
        self._small = np.stack([_levels(image) for image in images])
        self._prepared = [prepare(image, settings) for image in images]

    def similar(self, image: UInt8[np.ndarray, "rows columns"]) -> tuple[int, ...]:
        """Return the indices of the most similar atlases by mutual information, best first; ties by lower index."""
        level = _levels(image)
        scores = np.array([mutual_information(level, other) for other in self._small])
        return tuple(int(index) for index in np.argsort(-scores, kind="stable")[: self.neighbours])

    def predict(self, image: UInt8[np.ndarray, "rows columns"]) -> AtlasPrediction:
        """Predict the landmarks of one image; a registration that fails is left out, with a warning.

        Raises
        ------
        CxrError
            If the shape of the image differs from that of the atlases.
        ImageError
            If the image has no content to register, or no registration succeeds.
        """
        if image.shape != self.shape:
            raise CxrError(f"image of shape {image.shape}; the atlases are {self.shape}")
        moving = prepare(image, self.settings)
        carried, used = [], []
        for index in self.similar(image):
            try:
                transform = register(self._prepared[index], moving, self.settings)
            except ImageError as error:
                log.warning("atlas %d left out: %s", index, error)
                continue
            # The atlas is the fixed image, so the transform maps points of the atlas to points of the image.
            carried.append([transform.TransformPoint(point) for point in self.landmarks[index].tolist()])
            used.append(index)
        if not carried:
            raise ImageError(f"none of {self.neighbours} atlases could be registered to the image")
        return AtlasPrediction(np.mean(carried, axis=0), tuple(used))


def mutual_information(a: UInt8[np.ndarray, " n"], b: UInt8[np.ndarray, " n"]) -> float:
    """Compute the mutual information, in nats, of two images given as levels 0 to 31, pixel by pixel."""
    joint = np.bincount(a.astype(np.intp) * BINS + b, minlength=BINS * BINS).reshape(BINS, BINS) / len(a)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())


def _levels(image: np.ndarray) -> np.ndarray:
    small = cv2.resize(image, (SIMILARITY_SIDE_PX, SIMILARITY_SIDE_PX), interpolation=cv2.INTER_AREA)
    return (small.ravel() // (256 // BINS)).astype(np.uint8)
