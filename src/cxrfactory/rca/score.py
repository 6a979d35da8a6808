"""Reverse classification accuracy of one segmented image: how well its masks explain known ones.

Valindria et al. (2017), as in CheXmask (Gaggion et al. 2024, "Validation via RCA-estimated DSC"): the image
and its predicted masks become a single atlas, which is registered onto reference images with known
masks. If the prediction is good, the warped masks fit the known ones. Here the score of one reference is the mean
of the Dice of both lungs together and of the heart (the lungs' alone where the masks hold no heart), and
the image's score is the mean, and the maximum, over the references.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import fsum
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.metrics.overlap import dice
from cxrfactory.registration.classical import prepare, register, warp_labels

if TYPE_CHECKING:
    import SimpleITK as sitk

Masks = Mapping[str, Bool[np.ndarray, "rows columns"]]

LUNGS, HEART = "lungs", "heart"


@dataclass(frozen=True)
class Reference:
    """An image with known masks.

    Attributes
    ----------
    image_id
        Of the reference.
    image
        8-bit, [row, column].
    masks
        ``lungs`` and, where known, ``heart``, of the image's shape.
    """

    image_id: str
    image: UInt8[np.ndarray, "rows columns"] = field(repr=False)
    masks: Masks = field(repr=False)

    @cached_property
    def prepared(self) -> "sitk.Image":
        """The image as registration takes it, made once."""
        return prepare(self.image)


@dataclass(frozen=True)
class RcaScore:
    """Dice of the warped masks with each reference's known masks.

    Attributes
    ----------
    references
        Ids, in the order of the other two.
    lungs, heart
        Dice in [0, 1]; ``heart`` is None where the masks hold no heart.
    """

    references: tuple[str, ...]
    lungs: tuple[float, ...]
    heart: tuple[float, ...] | None

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


def align(image: UInt8[np.ndarray, "rows columns"], references: Sequence[Reference]) -> list["sitk.Transform"]:
    """Register an image onto each reference; the transforms serve any masks of the image.

    Raises
    ------
    ImageError
        If the image has one grey value, or a registration fails: the score needs all references, and
        another reference in the place of a failed one would make scores incomparable.
    """
    moving = prepare(image)
    transforms = []
    for reference in references:
        if reference.image.shape != image.shape:
            raise CxrError(f"image of shape {image.shape}, reference '{reference.image_id}' of {reference.image.shape}")
        try:
            transforms.append(register(reference.prepared, moving))
        except ImageError as error:
            raise ImageError(f"RCA registration failed for reference '{reference.image_id}': {error}") from error
    return transforms


def score_aligned(masks: Masks, transforms: Sequence["sitk.Transform"], references: Sequence[Reference]) -> RcaScore:
    """Warp the masks of an aligned image onto each reference and measure the Dice.

    An empty mask, or one that is warped out of the frame, scores 0.

    Raises
    ------
    CxrError
        If ``lungs`` is missing, or a reference lacks an organ of ``masks`` or holds it empty.
    """
    if LUNGS not in masks:
        raise CxrError(f"masks of {sorted(masks)}; expected '{LUNGS}', and '{HEART}' where known")
    organs = [LUNGS, HEART] if HEART in masks else [LUNGS]
    found: dict[str, list[float]] = {organ: [] for organ in organs}
    stack = np.stack([masks[organ] for organ in organs])
    for reference, transform in zip(references, transforms, strict=True):
        warped = warp_labels(stack, transform)
        for organ, mask in zip(organs, warped, strict=True):
            if organ not in reference.masks or not reference.masks[organ].any():
                raise CxrError(f"reference '{reference.image_id}' has no {organ}; choose references with every organ")
            found[organ].append(dice(mask, reference.masks[organ]))
    heart = tuple(found[HEART]) if HEART in found else None
    return RcaScore(tuple(each.image_id for each in references), tuple(found[LUNGS]), heart)


def rca_score(image: UInt8[np.ndarray, "rows columns"], masks: Masks, references: Sequence[Reference]) -> RcaScore:
    """Score the masks of an image against references: :func:`align`, then :func:`score_aligned`.

    Parameters
    ----------
    image
        8-bit, of the references' shape.
    masks
        ``lungs`` and, where segmented, ``heart``: any masks, from landmarks or not.
    references
        The most similar ones, from :func:`select_references`.
    """
    return score_aligned(masks, align(image, references), references)


def organ_masks(
    landmarks: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph, from_size: int, size: int
) -> dict[str, Bool[np.ndarray, "size size"]]:
    """Masks that RCA compares, from landmarks: both lungs as one, and the heart where the graph has it.

    Parameters
    ----------
    landmarks
        (x, y) pixels of a frame of ``from_size`` x ``from_size``.
    size
        Side of the masks.
    """
    scaled = (np.asarray(landmarks, np.float64).reshape(-1, 2) + 0.5) * (size / from_size) - 0.5
    organs = landmarks_to_masks(scaled, graph, size, size)
    masks = {LUNGS: (organs["right_lung"] | organs["left_lung"]).astype(bool)}
    if HEART in organs:
        masks[HEART] = organs[HEART].astype(bool)
    return masks


def graph_of(nodes: int) -> LandmarkGraph:
    """Return the landmark graph of that many nodes.

    Raises
    ------
    CxrError
        If no graph has so many.
    """
    graphs = [landmark_graph(name) for name in ("lungs", "lungs-heart", "lungs-heart-clavicles")]
    for graph in graphs:
        if graph.nodes == nodes:
            return graph
    raise CxrError(f"{nodes} landmarks an image; expected one of {[graph.nodes for graph in graphs]}")


def resized(image: UInt8[np.ndarray, "rows columns"], size: int) -> UInt8[np.ndarray, "size size"]:
    """Scale a square image to the side at which pairs are registered (area average where it shrinks)."""
    if image.shape == (size, size):
        return image
    method = cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=method)


def _mean(values: Sequence[float]) -> float:
    return min(fsum(values) / len(values), max(values))  # rounding must not lift a mean above its maximum
