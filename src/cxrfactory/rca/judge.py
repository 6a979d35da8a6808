"""Quality of single segmentations as they are made: RCA scores, typicality and flags."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.organs import HEART, LUNGS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.logs import get_logger
from cxrfactory.metrics.estimate.image import ImageEstimates
from cxrfactory.metrics.flags import (
    LOW_ESTIMATE,
    NOT_FRONTAL,
    SEVERAL,
    TYPICAL_TURNED,
    look_at_parts,
    score_flags,
    shape_flags,
    side_flags,
)
from cxrfactory.metrics.quality import Quality
from cxrfactory.models.orientation import SideCheck
from cxrfactory.models.segmenter import SampledLandmarks, Segmenter
from cxrfactory.rca.deep import DeepAligner
from cxrfactory.rca.packaged import PACKAGED, packaged_references
from cxrfactory.rca.picture import REGISTRATION_WEIGHTS, TYPICALITY_SIZE, grey_flags, has_film_in_part, small
from cxrfactory.rca.reference import ReferenceSet, read_reference
from cxrfactory.rca.score import resized
from cxrfactory.rca.shard import score_image
from cxrfactory.tables.parquet import stored_graph
from cxrfactory.tables.quality_calibration import (
    AUTO,
    check_weights,
    packaged_calibration,
    read_quality_calibration,
)
from cxrfactory.tables.signals import signals_of
from cxrfactory.tables.weights import WeightsCard

log = get_logger(__name__)


class QualityJudge:
    """Judge one segmentation at a time.

    Parameters
    ----------
    segmenter, card
        The opened weights and their card.
    reference
        ``pretrained`` for the virtual patients of the package, a table of the ``rca-reference`` stage made with the
        same weights (``results/rca/reference.parquet``), or None for no RCA.
    compare
        Number of references that an image is compared with: those with the most similar latent code.
    device
        ``auto``, ``cpu`` or ``cuda``.
    calibration
        Quality calibration of the weights: ``auto`` for the one that comes with the package, where it has one for
        these weights, a path, or the name of the package's weights; None for no estimates.
    flag_worst
        Share of the calibration's films below whose estimates an image is flagged.

    Raises
    ------
    CxrError
        If the table is unreadable, holds fewer references than ``compare``, or defines the organs differently, or the
        calibration is one of other weights.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        card: WeightsCard,
        reference: str | Path | None,
        compare: int,
        device: str = "cpu",
        calibration: str | Path | None = AUTO,
        flag_worst: float = 0.02,
    ) -> None:
        self._graph = segmenter.graph
        self._known = _opened(segmenter, card, reference)
        self._compare = compare
        if self._known is not None and not 1 <= compare <= len(self._known.references):
            raise CxrError(f"{reference}: {len(self._known.references)} references; compare={compare} does not fit")
        self._aligner = DeepAligner(REGISTRATION_WEIGHTS, device=device)
        self._sides = SideCheck()
        if calibration == AUTO:
            calibration = packaged_calibration(card["sha256"])
        self._estimates = None if calibration is None else _estimates(calibration, card)
        self._flag_worst = flag_worst

    def __call__(
        self, image: UInt8[np.ndarray, "size size"], geometry: Geometry, prediction: SampledLandmarks, image_id: str
    ) -> Quality:
        """Score a preprocessed image and its prediction in the same frame.

        Raises
        ------
        ImageError
            If the image has only one grey value, or a landmark is not finite.
        """
        if not np.isfinite(prediction.landmarks).all():
            raise ImageError("landmarks are not finite numbers")
        if image.min() == image.max():
            raise ImageError(f"RCA: image has one grey value only ({image.min()}); nothing to compare")
        typicality, mean, highest, references = self._scores(image, prediction, image_id)
        flags = score_flags(typicality, mean) + self._seen(image, geometry, prediction)
        if look_at_parts(typicality, mean) and has_film_in_part(self._aligner, image, geometry):
            flags.insert(0, SEVERAL)
        if NOT_FRONTAL not in flags and SEVERAL not in flags:
            flags += side_flags(self._sides(image))
        found = Quality(typicality, mean, highest, references, tuple(flags), prediction.evidence)
        return found if self._estimates is None else self._estimated(found, self._estimates)

    def _estimated(self, quality: Quality, estimates: ImageEstimates) -> Quality:
        """Add the estimates, and the flag and its reasons where one of them is low."""
        evidence = quality.evidence
        known = {} if evidence is None else signals_of(evidence.records(), evidence.latent_norm)
        found = estimates.intervals(known, HEART in self._graph.organs)
        low = estimates.below_share(known, self._flag_worst)
        judged = replace(quality, estimates=found, flag_reasons=tuple(estimates.reasons(known, low)))
        return judged.with_flags([LOW_ESTIMATE] if low else [])

    def confirms_turn(self, image: UInt8[np.ndarray, "size size"], geometry: Geometry, turns: int) -> bool:
        """Return whether an image shows one chest after a number of quarter turns by ``np.rot90``."""
        turned = np.ascontiguousarray(np.rot90(image, turns))
        typicality = self._aligner.typicality([resized(turned, TYPICALITY_SIZE)])[0]
        return typicality >= TYPICAL_TURNED and not has_film_in_part(self._aligner, image, geometry)

    def _scores(
        self, image: UInt8[np.ndarray, "size size"], prediction: SampledLandmarks, image_id: str
    ) -> tuple[float, float | None, float | None, tuple[str, ...]]:
        if self._known is None:
            return self._aligner.typicality([resized(image, TYPICALITY_SIZE)])[0], None, None, ()
        reduced = resized(image, self._known.size)
        size = image.shape[0]
        try:
            score = score_image(
                *(image_id, reduced, prediction.landmarks, prediction.latent, size),
                *(self._known, self._aligner, self._compare),
            )
        except ImageError as error:
            raise ImageError(f"RCA: {error}") from error
        row = score.as_row()
        return row["typicality"], row["dice_rca_mean"], row["dice_rca_max"], score.references  # type: ignore[return-value]

    def _seen(
        self, image: UInt8[np.ndarray, "size size"], geometry: Geometry, prediction: SampledLandmarks
    ) -> list[str]:
        side = len(small(image))
        points = (prediction.landmarks + 0.5) * (side / len(image)) - 0.5
        masks = landmarks_to_masks(points, self._graph, side, side)
        lungs = masks[LUNGS[0]] | masks[LUNGS[1]]
        return grey_flags(image, geometry, lungs) + shape_flags(prediction.landmarks, self._graph, geometry)


def _estimates(calibration: str | Path, card: WeightsCard) -> ImageEstimates:
    found = read_quality_calibration(calibration)
    check_weights(found, calibration, card["sha256"], "segment")
    return ImageEstimates.of(found, str(calibration))


def _opened(segmenter: Segmenter, card: WeightsCard, reference: str | Path | None) -> ReferenceSet | None:
    if reference is None:
        return None
    graph = segmenter.graph
    if str(reference) == PACKAGED:
        known = packaged_references(graph, card["sha256"], segmenter.latent_mean)
        log.info("RCA: %d virtual references of the package, definition '%s'", len(known.references), graph.definition)
        return known
    definition = landmark_graph(stored_graph(reference) or "lungs").definition
    if definition != graph.definition:
        raise CxrError(
            f"{reference}: references by the definition '{definition}', the segmenter's is "
            f"'{graph.definition}'; make the references with the segmenter's weights"
        )
    return read_reference(reference)
