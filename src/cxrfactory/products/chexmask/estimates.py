"""Estimate the true Dice of each packed mask from its RCA scores, with a calibration of ``rca-calibrate``.

The published columns keep their meaning; only the Parquet file has columns of estimates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.metrics.conformal import Conformal
from cxrfactory.metrics.uncertainty import organ_spread
from cxrfactory.products.chexmask.rows import ESTIMATE_FIELDS, LandmarkRow, Scores
from cxrfactory.products.chexmask.summary import CalibrationRecord
from cxrfactory.tables.calibration import Calibration, check_origin, read_calibration, stored_origin
from cxrfactory.tables.weights import sha256_of

# Organ of the calibration -> prefix of the estimate's columns, prefix of the score columns.
_ORGANS = {"both": ("", "dice_rca_"), "lungs": ("lungs_", "lungs_"), "heart": ("heart_", "heart_")}
_ENDS = ("dice_estimate", "dice_low", "dice_high")


@dataclass(frozen=True)
class Estimator:
    """A calibration ready for use.

    Attributes
    ----------
    path
        Path of the calibration file, for error messages.
    features
        Names among ``mean``, ``max`` and ``std``, in the order of the models' weights.
    models
        Conformal models by ``both``, ``lungs`` and ``heart``.
    record
        Record for the release's summary: SHA-256 of the file, the kind of scores, and the fitted data.
    """

    path: str
    features: tuple[str, ...]
    models: dict[str, Conformal]
    record: CalibrationRecord

    def columns(self, prediction: LandmarkRow, scores: Scores, graph: LandmarkGraph) -> dict[str, float | None]:
        """Return the columns of ``ESTIMATE_FIELDS`` of one image; an organ that the graph lacks gives None."""
        spread = organ_spread(prediction.landmarks_std, graph, prediction.geometry.size)
        row: dict[str, float | None] = dict.fromkeys(field.name for field in ESTIMATE_FIELDS)
        for organ, (prefix, scored) in _ORGANS.items():
            if organ == "heart" and "heart" not in graph.organs:
                continue
            known = {"mean": getattr(scores, f"{scored}mean"), "max": getattr(scores, f"{scored}max")}
            known["std"] = spread[organ]
            features = np.array([[known[name] for name in self.features]], np.float64)
            found = self.models[organ].interval(features)[0]
            row |= {f"{prefix}{name}": float(value) for name, value in zip(_ENDS, found, strict=True)}
        return row


def read_estimator(path: str | Path, rca: Sequence[str | Path], graph: LandmarkGraph) -> Estimator:
    """Read a calibration, and check that it was made for these scores.

    Parameters
    ----------
    path
        Calibration file of ``rca-calibrate``.
    rca
        Shards of the scores to which the calibration will be applied.
    graph
        Graph of the landmarks.

    Raises
    ------
    CxrError
        If the file is not a calibration, a shard's scores come from another RCA (method, reference library, number of
        references, size), or the calibrated organs differ from those of the graph.
    """
    calibration = read_calibration(path)
    for shard in rca:
        check_origin(calibration, path, stored_origin(shard), str(shard))
    organs = [organ for organ in _ORGANS if organ != "heart" or "heart" in graph.organs]
    if sorted(calibration.models) != sorted(organs):
        raise CxrError(
            f"{path}: calibrated for {', '.join(sorted(calibration.models))}; landmarks of graph '{graph.name}' need "
            f"{', '.join(sorted(organs))}: calibrate on masks of that graph"
        )
    models = {}
    for organ in organs:
        try:
            models[organ] = Conformal.from_dict(calibration.models[organ])
        except CxrError as error:
            raise CxrError(f"{path}: {organ}: {error}") from error
        if len(models[organ].weights) != len(calibration.features):
            raise CxrError(f"{path}: {organ}: weights do not fit features {list(calibration.features)}; make it again")
    return Estimator(str(path), tuple(calibration.features), models, _record(path, calibration))


def _record(path: str | Path, calibration: Calibration) -> CalibrationRecord:
    on = calibration.fitted_on
    return {
        "sha256": sha256_of(Path(path)),
        "alpha": calibration.alpha,
        "features": list(calibration.features),
        **calibration.origin.model_dump(include={"method", "references", "size", "network", "interpolation"}),
        "images": on.images_fit + on.images_calibration,
        "masks": on.masks,
    }
