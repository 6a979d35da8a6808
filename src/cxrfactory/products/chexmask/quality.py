"""Estimates of the true Dice with intervals and flags, by a quality calibration of the weights that drew the masks.

The published columns keep their meaning; only the Parquet file has these columns, with the signals beside them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.config.estimate import FlagConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.metrics.estimate.image import BOTH, ImageEstimates
from cxrfactory.metrics.estimate.worst import flagged_organs
from cxrfactory.products.chexmask.rows import ESTIMATE_ENDS, QUALITY_ORGANS, LandmarkRow, Scores
from cxrfactory.products.chexmask.summary import QualityRecord
from cxrfactory.tables.parquet import stored_rows
from cxrfactory.tables.quality_calibration import QualityCalibration, check_weights, read_quality_calibration
from cxrfactory.tables.signals import EVIDENCE, LATENT_NORM, check_evidence, read_signals, signals_of, stored_weights
from cxrfactory.tables.weights import sha256_of

log = get_logger(__name__)


@dataclass(frozen=True)
class QualityEstimator:
    """A quality calibration ready for use.

    Attributes
    ----------
    estimates
        Models by organ.
    record
        Record for the release's summary: SHA-256 of the file, the weights, and the fitted data.
    """

    estimates: ImageEstimates
    record: QualityRecord

    def columns(self, prediction: LandmarkRow, scores: Scores, graph: LandmarkGraph) -> dict[str, object]:
        """Return the columns of ``QUALITY_FIELDS`` of one image; an unknown estimate gives None."""
        known = signals_of(prediction.evidence, prediction.latent_norm)
        found = self.estimates.intervals(known, "heart" in graph.organs)
        row: dict[str, object] = {}
        for organ in QUALITY_ORGANS:
            prefix = "" if organ == BOTH else f"{organ}_"
            values = found.get(organ) or (None, None, None)
            row |= {f"{prefix}{name}": value for name, value in zip(ESTIMATE_ENDS, values, strict=True)}
        row["flagged"] = bool(prediction.flagged)
        row["flag_reasons"] = self.estimates.reasons(known, prediction.flagged)
        return row | {EVIDENCE: prediction.evidence, LATENT_NORM: prediction.latent_norm}


def read_quality(path: str | Path, landmarks: Sequence[str | Path], graph: LandmarkGraph) -> QualityEstimator:
    """Read a quality calibration, and check that it was made for the network of these landmark shards.

    Parameters
    ----------
    path
        Calibration of ``calibrate-quality`` or ``recalibrate-quality``.
    landmarks
        Landmark shards of the masks.
    graph
        Graph of the landmarks.

    Raises
    ------
    CxrError
        If the file is no calibration, a shard comes from other weights or lacks the signals, or an organ of the graph
        has no estimate.
    """
    calibration = read_quality_calibration(path)
    estimates = ImageEstimates.of(calibration, str(path))
    for shard in landmarks:
        if stored_rows(shard):
            check_weights(calibration, path, stored_weights(shard), str(shard))
            check_evidence(shard)
    lacking = [
        organ for organ in ("lungs", *graph.organs) if organ in ("lungs", "heart") and organ not in estimates.models
    ]
    if lacking:
        raise CxrError(
            f"{path}: estimates of {', '.join(estimates.models)}; masks of graph '{graph.name}' need {lacking[0]} too: "
            "make a calibration of tables that hold its Dice"
        )
    drawn = {organ: model for organ, model in estimates.models.items() if organ in ("lungs", *graph.organs)}
    return QualityEstimator(ImageEstimates(drawn), _record(path, calibration))


def flags_of(
    estimator: QualityEstimator, landmarks: Sequence[str | Path], scored: Collection[str], settings: FlagConfig
) -> dict[str, tuple[str, ...]]:
    """Return the images of a release that are flagged, with the organs that they are flagged for.

    The share of the worst is that of the release, whatever its shards.
    """
    ids: list[str] = []
    parts: dict[str, list[np.ndarray]] = {organ: [] for organ in estimator.estimates.models}
    for shard in landmarks:
        if not stored_rows(shard):
            continue
        signals = read_signals([shard])
        signals = signals[signals.index.isin(scored)]
        ids += signals.index.tolist()
        for organ, values in estimator.estimates.table(signals.to_dict("records")).items():
            parts[organ].append(values)
    whole = {organ: np.concatenate(values) if values else np.empty(0) for organ, values in parts.items()}
    found = flagged_organs(ids, whole, settings.flag_worst, settings.flag_below)
    log.info("%d of %d images are flagged", len(found), len(ids))
    return found


def _record(path: str | Path, calibration: QualityCalibration) -> QualityRecord:
    return {
        "sha256": sha256_of(Path(path)),
        "weights": calibration.weights,
        "alpha": calibration.alpha,
        "sources": {str(organ): dict(images) for organ, images in calibration.sources.items()},
        "own_films": {str(organ): own.films for organ, own in calibration.own.items()},
    }
