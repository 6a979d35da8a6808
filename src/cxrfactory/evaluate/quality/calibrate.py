"""Fit the quality estimates to masks of several hospitals, and measure them on each hospital in turn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.estimate import CalibrateQualityConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.quality.table import organ_masks, read_known, signal_names
from cxrfactory.logs import get_logger
from cxrfactory.metrics.estimate.fit import SourceMasks, fit_organ
from cxrfactory.metrics.ranking import rank_correlation, worst_found
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.quality_calibration import ORGANS, QualityCalibration, write_quality_calibration
from cxrfactory.tables.rows import Row
from cxrfactory.tables.weights import sha256_of, weights_file

log = get_logger(__name__)


def calibrate_quality(
    tables: Sequence[str | Path],
    weights: str | Path,
    output: str | Path,
    settings: CalibrateQualityConfig,
    landmarks: Sequence[str | Path] = (),
    check: str | Path | None = None,
) -> QualityCalibration:
    """Fit one estimate for each organ, and write the calibration.

    Parameters
    ----------
    tables, landmarks
        Masks of known Dice with their signals (:func:`cxrfactory.evaluate.quality.table.read_known`), drawn by models
        of the same recipe as the weights that never saw the images' source.
    weights
        Weights for whose masks the calibration is made, by path or by name.
    output
        JSON file to write.
    settings
        Share of masks allowed outside, and the signals.
    check
        CSV to write with the measures of :func:`check_sources`.

    Raises
    ------
    CxrError
        If an input is unreadable, or no organ has enough images with its signals.
    """
    file = weights_file(weights)
    if not file.is_file():
        raise CxrError(f"{file}: no such file; expected the weights for whose masks the calibration is made")
    known = read_known(tables, landmarks)
    masks = {organ: found for organ in ORGANS if (found := organ_masks(known, organ, settings.signals))}
    if not masks:
        raise CxrError(
            f"{', '.join(map(str, tables))}: no organ with its Dice and the signals {', '.join(settings.signals)} for "
            f"enough images; found columns {', '.join(known.rows.columns)}"
        )
    names = {organ: signal_names(organ, settings.signals) for organ in masks}
    models = {organ: fit_organ(parts, names[organ], settings.alpha) for organ, parts in masks.items()}
    calibration = QualityCalibration(
        weights=sha256_of(file),
        alpha=settings.alpha,
        models={organ: model.as_dict() for organ, model in models.items()},  # type: ignore[misc]
        table=known.sha256,
        sources={organ: {name: len(each.dice) for name, each in parts.items()} for organ, parts in masks.items()},  # type: ignore[misc]
    )
    write_quality_calibration(calibration, output)
    for organ, parts in masks.items():
        log.info("%s: %s; interval from %.2f to %.2f of the estimated error", organ,
                 ", ".join(f"{len(each.dice)} of {name}" for name, each in parts.items()),
                 np.exp(models[organ].better), np.exp(models[organ].worse))  # fmt: skip
        if len(parts) == 1:
            log.warning("%s: one source only; its interval says nothing about a new hospital", organ)
    if check is not None:
        found = check_sources(masks, names, settings.alpha)
        write_text(check, found.to_csv(index=False, float_format="%.6f"))
        log.info("wrote %s", check)
    return calibration


def check_sources(
    masks: Mapping[str, Mapping[str, SourceMasks]], names: Mapping[str, Sequence[str]], alpha: float
) -> pd.DataFrame:
    """Fit each organ to all sources but one, and measure the estimate on that one, for each source in turn.

    Returns
    -------
    One row for each organ and source, for organs with two sources or more: ``organ``, ``source``, ``images``,
    ``sources_fit``, ``rank_correlation`` with the true Dice, ``worst_tenth_area`` (ROC area for the tenth of the images
    with the lowest Dice), ``mean_truth``, ``mean_estimate``, ``coverage`` and ``median_width`` of the intervals.
    """
    rows: list[Row] = []
    for organ, parts in masks.items():
        for source, held in parts.items():
            others = {name: each for name, each in parts.items() if name != source}
            if others:
                estimate, low, high = fit_organ(others, names[organ], alpha).interval(held.signals).T
                rows.append({"organ": organ, "source": source, "images": len(held.dice), "sources_fit": len(others)}
                            | _measures(estimate, low, high, held.dice))  # fmt: skip
    columns = ["organ", "source", "images", "sources_fit", *_measures(*np.zeros((4, 1)))]
    return pd.DataFrame(rows, columns=columns)


def _measures(estimate: np.ndarray, low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> Row:
    return {
        "rank_correlation": rank_correlation(estimate, truth),
        "worst_tenth_area": worst_found(estimate, truth),
        "mean_truth": float(truth.mean()),
        "mean_estimate": float(estimate.mean()),
        "coverage": float(((low <= truth) & (truth <= high)).mean()),
        "median_width": float(np.median(high - low)),
    }
