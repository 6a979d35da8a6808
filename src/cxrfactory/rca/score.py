"""Reverse classification accuracy of one segmented image: how well its masks explain known ones.

Valindria et al. (2017), as in CheXmask (Gaggion et al. 2024, "Validation via RCA-estimated DSC"): the image
and its predicted masks become a single atlas, which is registered onto reference images with known
masks. If the prediction is good, the warped masks fit the known ones. Here the score of one reference is the mean
of the Dice of the lungs and of the heart (the lungs' alone where the masks hold no heart), and the image's score is the
mean, and the maximum, over the references. How images are registered is an :class:`Aligner`'s affair.
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
        Of the reference.
    image
        8-bit, [row, column].
    codes
        Its masks, of the image's shape (:mod:`cxrfactory.rca.labels`).
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
        Takes any masks of the image into the frame of each reference; outside is background.
    typicality
        1 for an image like those that the aligner learned from, towards 0 for one that is no frontal chest radiograph;
        None for an aligner that does not tell.
    """

    warp: Callable[[Codes], UInt8[np.ndarray, "references rows columns"]]
    typicality: float | None = None


class Aligner(Protocol):
    """A way to register images."""

    method: str  # of ScoreOrigin
    network: str | None  # SHA-256 of the weights, where it learned
    interpolation: str  # of the labels: nearest, or linear

    def align(self, image: UInt8[np.ndarray, "rows columns"], references: Sequence[Reference]) -> Aligned:
        """Register an image onto each reference.

        Raises
        ------
        ImageError
            If it cannot be registered: a score over other references would not be comparable.
        """


@dataclass(frozen=True)
class RcaScore:
    """Dice of the warped masks with each reference's known masks.

    Attributes
    ----------
    references
        Ids, in the order of the other two.
    lungs, heart
        Dice in [0, 1], times the typicality; ``heart`` is None where the masks hold no heart.
    typicality
        Of the image (:class:`Aligned`).
    """

    references: tuple[str, ...]
    lungs: tuple[float, ...]
    heart: tuple[float, ...] | None
    typicality: float | None = None

    @property
    def scores(self) -> tuple[float, ...]:
        """Score of each reference: mean of lungs and heart, or the lungs' Dice alone."""
        if self.heart is None:
            return self.lungs
        return tuple((lungs + heart) / 2 for lungs, heart in zip(self.lungs, self.heart, strict=True))

    def as_row(self) -> dict[str, object]:
        """Return the columns of ``tables.schemas.RCA`` but the image's id."""
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
    """Positions of the references most similar to an image, most similar first.

    Similarity is the plain dot product of the latent means, not normalised; equal ones go by id.

    Parameters
    ----------
    latent, reference_latents
        Latent means from the same weights.
    reference_ids
        One a row of ``reference_latents``.
    count
        How many to choose.
    exclude
        Id of the evaluated image, which is no reference of itself.

    Raises
    ------
    CxrError
        If the latent sizes differ or fewer than ``count`` references are there.
    """
    latent, reference_latents = np.asarray(latent, np.float64), np.asarray(reference_latents, np.float64)
    if reference_latents.shape != (len(reference_ids), latent.size):
        raise CxrError(
            f"latent codes of {latent.size} numbers against references of shape {reference_latents.shape}; "
            "landmarks and references must come from the same weights"
        )
    similarity = (reference_latents * latent).sum(axis=1)  # not BLAS: its order of summation may vary
    order = sorted(
        (position for position, each in enumerate(reference_ids) if each != exclude),
        key=lambda position: (-similarity[position], reference_ids[position]),
    )
    if len(order) < count:
        raise CxrError(f"{len(order)} reference images, {count} wanted; label more images or ask for fewer")
    return order[:count]


def score_aligned(codes: Codes, with_heart: bool, aligned: Aligned, references: Sequence[Reference]) -> RcaScore:
    """Warp the masks of an aligned image onto each reference and measure the Dice.

    An empty mask, or one that is warped out of the frame, scores 0. The Dice of an atypical image counts less: a
    network finds some way to lay a picture of anything over a chest, and masks of a mean shape then fit, whatever it
    shows.

    Parameters
    ----------
    codes
        Any masks of the image, from landmarks or not.
    with_heart
        Whether the heart was segmented.

    Raises
    ------
    CxrError
        If a reference has no lungs or, where it is needed, no heart.
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
    """Refuse references of another shape than the image's.

    Raises
    ------
    CxrError
        If one has it.
    """
    for reference in references:
        if reference.image.shape != image.shape:
            raise CxrError(f"image of shape {image.shape}, reference '{reference.image_id}' of {reference.image.shape}")


def resized(image: UInt8[np.ndarray, "rows columns"], size: int) -> UInt8[np.ndarray, "size size"]:
    """Scale a square image to the side at which pairs are registered (area average where it shrinks)."""
    if image.shape == (size, size):
        return image
    method = cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=method)


def origin(aligner: Aligner, references: int, size: int, library: str) -> ScoreOrigin:
    """Say where scores come from: the aligner, the number of references, their size and their digest."""
    return ScoreOrigin(
        method=aligner.method,
        references=references,
        size=size,
        library=library,
        network=aligner.network,
        interpolation=aligner.interpolation,
    )


def _mean(values: Sequence[float]) -> float:
    return min(fsum(values) / len(values), max(values))  # rounding must not lift a mean above its maximum
