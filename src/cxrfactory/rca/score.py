"""Reverse classification accuracy of one segmented image: how well its masks explain the masks of other images.

Valindria et al. (2017), as in CheXmask (Gaggion et al. 2024, "Validation via RCA-estimated DSC"): the image and its
predicted masks become a single atlas, which is registered onto reference images with known masks. If the prediction is
good, the warped masks fit the known ones. The score of one reference is the mean of the Dice of the lungs and of the
heart, or the Dice of the lungs where the masks hold no heart. The scores of the image are the mean and the maximum over
the references. An :class:`Aligner` defines how images are registered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.rca.labels import Codes, organ_dice
from cxrfactory.tables.calibration import ScoreOrigin


@dataclass(frozen=True)
class Reference:
    """An image with known masks.

    Attributes
    ----------
    image_id
        Id of the reference.
    image
        8-bit image, [row, column].
    codes
        Masks of the image, of the same shape (:mod:`cxrfactory.rca.labels`).
    """

    image_id: str
    image: UInt8[np.ndarray, "rows columns"] = field(repr=False)
    codes: Codes = field(repr=False)


@dataclass(frozen=True)
class Aligned:
    """An image aligned with its references.

    Attributes
    ----------
    warp
        Function that warps any masks of the image into the frame of each reference; outside is background.
    typicality
        1 for an image similar to those that the aligner was trained on, towards 0 for an image that is not a frontal
        chest radiograph. None for an aligner that does not estimate it.
    """

    warp: Callable[[Codes], UInt8[np.ndarray, "references rows columns"]]
    typicality: float | None = None


class Aligner(Protocol):
    """A method to register images."""

    method: str  # name of the method, as in ScoreOrigin
    network: str | None  # SHA-256 of the weights; None for a method without training
    interpolation: str  # interpolation of the labels: nearest or linear

    def align(self, image: UInt8[np.ndarray, "rows columns"], references: Sequence[Reference]) -> Aligned:
        """Register an image onto each reference.

        Raises
        ------
        ImageError
            If the image cannot be registered to a reference; a score over other references would not be comparable.
        """


@dataclass(frozen=True)
class RcaScore:
    """Dice of the warped masks with each reference's known masks.

    Attributes
    ----------
    references
        Ids of the references, in the order of ``lungs`` and ``heart``.
    lungs, heart
        Dice in [0, 1], multiplied by the typicality; ``heart`` is None where the masks hold no heart.
    typicality
        Typicality of the image (:class:`Aligned`).
    """

    references: tuple[str, ...]
    lungs: tuple[float, ...]
    heart: tuple[float, ...] | None
    typicality: float | None = None

    @property
    def scores(self) -> tuple[float, ...]:
        """Score of each reference: the mean of lungs and heart, or the Dice of the lungs alone."""
        if self.heart is None:
            return self.lungs
        return tuple((lungs + heart) / 2 for lungs, heart in zip(self.lungs, self.heart, strict=True))

    def as_row(self) -> dict[str, object]:
        """Return the columns of ``tables.schemas.RCA`` except the image's id."""
        return {
            "dice_rca_mean": _mean(self.scores),
            "dice_rca_max": max(self.scores),
            "lungs_mean": _mean(self.lungs),
            "lungs_max": max(self.lungs),
            "heart_mean": None if self.heart is None else _mean(self.heart),
            "heart_max": None if self.heart is None else max(self.heart),
            "typicality": self.typicality,
            "references": list(self.references),
        }


def select_references(
    latent: Float[np.ndarray, " latent"],
    reference_latents: Float[np.ndarray, "references latent"],
    reference_ids: Sequence[str],
    count: int,
    exclude: str | None = None,
) -> list[int]:
    """Return the positions of the references most similar to an image, most similar first.

    Similarity is the dot product of the latent means, without normalisation. Ties are ordered by id.

    Parameters
    ----------
    latent, reference_latents
        Latent means from the same weights.
    reference_ids
        One id per row of ``reference_latents``.
    count
        Number of references to choose.
    exclude
        Id of the evaluated image, which is not used as its own reference.

    Raises
    ------
    CxrError
        If the latent sizes differ, or there are fewer than ``count`` references.
    """
    latent, reference_latents = np.asarray(latent, np.float64), np.asarray(reference_latents, np.float64)
    if reference_latents.shape != (len(reference_ids), latent.size):
        raise CxrError(
            f"latent codes of {latent.size} numbers against references of shape {reference_latents.shape}; "
            "landmarks and references must come from the same weights"
        )
    similarity = (reference_latents * latent).sum(axis=1)  # BLAS may vary the order of summation
    order = sorted(
        (position for position, each in enumerate(reference_ids) if each != exclude),
        key=lambda position: (-similarity[position], reference_ids[position]),
    )
    if len(order) < count:
        raise CxrError(f"{len(order)} reference images, {count} wanted; label more images or ask for fewer")
    return order[:count]


def score_aligned(codes: Codes, with_heart: bool, aligned: Aligned, references: Sequence[Reference]) -> RcaScore:
    """Warp the masks of an aligned image onto each reference and measure the Dice.

    An empty mask, or one that is warped out of the frame, scores 0. The Dice is multiplied by the image's typicality.
    Without this factor, a picture of any other object could score high: a network always finds some alignment of it
    with a chest, and masks of a mean shape then fit.

    Parameters
    ----------
    codes
        Any masks of the image, from landmarks or from pixels.
    with_heart
        Whether the heart was segmented.
    aligned
        The image, aligned with ``references``.
    references
        References in the order in which the image was aligned.

    Raises
    ------
    CxrError
        If a reference has no lungs or, with ``with_heart``, no heart.
    """
    lungs, hearts = [], []
    for reference, warped in zip(references, aligned.warp(codes), strict=True):
        known = np.bitwise_or.reduce(reference.codes, axis=None)
        for organ, bits in (("lungs", 3), ("heart", 4)) if with_heart else (("lungs", 3),):
            if not known & bits:
                raise CxrError(f"reference '{reference.image_id}' has no {organ}; choose references with every organ")
        lung, heart = organ_dice(warped, reference.codes)
        lungs.append(lung)
        hearts.append(heart)
    ids, share = tuple(each.image_id for each in references), aligned.typicality
    if share is not None:
        lungs, hearts = [value * share for value in lungs], [value * share for value in hearts]
    return RcaScore(ids, tuple(lungs), tuple(hearts) if with_heart else None, share)


def check_shapes(image: UInt8[np.ndarray, "rows columns"], references: Sequence[Reference]) -> None:
    """Raise an error if a reference and the image differ in shape.

    Raises
    ------
    CxrError
        If a reference has another shape.
    """
    for reference in references:
        if reference.image.shape != image.shape:
            raise CxrError(f"image of shape {image.shape}, reference '{reference.image_id}' of {reference.image.shape}")


def resized(image: UInt8[np.ndarray, "rows columns"], size: int) -> UInt8[np.ndarray, "size size"]:
    """Scale a square image to the side at which pairs are registered (area average when shrinking)."""
    if image.shape == (size, size):
        return image
    method = cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=method)


def origin(aligner: Aligner, references: int, size: int, library: str) -> ScoreOrigin:
    """Return the provenance of scores: the aligner, and the number, size and digest of the references."""
    return ScoreOrigin(
        method=aligner.method,
        references=references,
        size=size,
        library=library,
        network=aligner.network,
        interpolation=aligner.interpolation,
    )


def _mean(values: Sequence[float]) -> float:
    return min(fsum(values) / len(values), max(values))  # rounding must not make a mean larger than its maximum
