"""Sharpen a quality calibration with films of known Dice from the user's own hospital."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.quality.own_films import dice_of_corrections, dice_of_labelled
from cxrfactory.logs import get_logger
from cxrfactory.metrics.estimate.image import ImageEstimates
from cxrfactory.metrics.estimate.own_films import LEAST_FILMS, recalibrate_organ
from cxrfactory.tables.quality_calibration import (
    OwnFilms,
    QualityCalibration,
    check_weights,
    read_quality_calibration,
    write_quality_calibration,
)
from cxrfactory.tables.signals import read_signals, stored_weights

log = get_logger(__name__)

FEW_FILMS = 20


def recalibrate_quality(
    calibration: str | Path,
    landmarks: Sequence[str | Path],
    output: str | Path,
    labelled: Sequence[str | Path] = (),
    annotations: Sequence[str | Path] = (),
) -> QualityCalibration:
    """Shift the estimates and their intervals towards the user's own films, and write the new calibration.

    Parameters
    ----------
    calibration
        Quality calibration to sharpen, by path or by the name of the package's weights.
    landmarks
        Landmark shards of the run that hold the films.
    output
        JSON file to write.
    labelled, annotations
        The films' truth, one of the two: labelled tables, or corrections
        (:mod:`cxrfactory.evaluate.quality.own_films`).

    Raises
    ------
    CxrError
        If both or neither truth is given, the calibration was sharpened before or is one for other weights, or no
        organ has enough films.
    """
    if bool(labelled) == bool(annotations):
        raise CxrError("give either --labelled or --annotations: the truth of your own films")
    prior = read_quality_calibration(calibration)
    if prior.own:
        raise CxrError(f"{calibration}: already sharpened with own films; give the calibration that it was made from, "
                       "and all films at once")  # fmt: skip
    for shard in landmarks:
        check_weights(prior, calibration, stored_weights(shard), str(shard))
    truth = dice_of_labelled(landmarks, labelled) if labelled else dice_of_corrections(landmarks, annotations)
    signals = read_signals(landmarks).reindex(truth["image_id"])
    models, own = dict(prior.models), {}
    for organ, model in ImageEstimates.of(prior, str(calibration)).models.items():
        if f"dice_{organ}" not in truth or not set(model.signals) <= set(signals.columns):
            continue
        values, dice = signals[list(model.signals)].to_numpy(np.float64), truth[f"dice_{organ}"].to_numpy(np.float64)
        known = np.isfinite(values).all(axis=1) & np.isfinite(dice)
        if known.sum() < LEAST_FILMS:
            log.warning("%s: %d films; %d are needed, so its estimate stays", organ, known.sum(), LEAST_FILMS)
            continue
        found = recalibrate_organ(model, values[known], dice[known], prior.alpha)
        models[organ] = found.model.as_dict()  # type: ignore[index]
        own[organ] = OwnFilms(films=found.films, shift=found.shift, seen_shift=found.seen_shift)
        log.info("%s: %d films; the error is %.2f times the estimated one, and the estimate is moved by %.2f",
                 organ, found.films, np.exp(found.seen_shift), np.exp(found.shift))  # fmt: skip
    if not own:
        raise CxrError(f"{', '.join(map(str, [*labelled, *annotations]))}: no organ with {LEAST_FILMS} films or more "
                       f"in the landmark shards; expected {LEAST_FILMS}, better 20 to 50")  # fmt: skip
    if (fewest := min(each.films for each in own.values())) < FEW_FILMS:
        log.warning("%d films are few; 20 to 50 are better", fewest)
    made = prior.model_copy(update={"models": models, "own": own})
    write_quality_calibration(made, output)
    log.info("wrote %s for %s", output, ", ".join(own))
    return made
