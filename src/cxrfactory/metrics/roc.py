"""The ROC curve of a value against a binary truth, and the bootstrap of its area by patient."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cxrfactory.errors import CxrError
from cxrfactory.metrics.groups import drawn_times
from cxrfactory.metrics.intervals import RESAMPLES


@dataclass(frozen=True)
class RocCurve:
    """Points of a ROC curve: a case is called positive if its value is at least the threshold.

    Attributes
    ----------
    thresholds
        Distinct values, descending, after infinity, where no case is called positive.
    sensitivity, false_positive_rate
        Share of the positive and of the negative cases that are called positive.
    """

    thresholds: Float[np.ndarray, " points"]
    sensitivity: Float[np.ndarray, " points"]
    false_positive_rate: Float[np.ndarray, " points"]


def roc_curve(values: Float[np.ndarray, " n"], truth: Bool[np.ndarray, " n"]) -> RocCurve | None:
    """Compute the ROC curve; larger values speak for the positive class. It is None where one class is absent.

    Raises
    ------
    CxrError
        If the shapes differ or a value is NaN.

    Examples
    --------
    >>> curve = roc_curve(np.array([0.4, 0.5, 0.6]), np.array([False, False, True]))
    >>> curve.sensitivity.tolist(), curve.false_positive_rate.tolist()
    ([0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0])
    """
    values, truth = _checked(values, truth)
    if truth.all() or not truth.any():
        return None
    distinct, place = np.unique(-values, return_inverse=True)
    positive, negative = (np.bincount(place[of], minlength=len(distinct)) for of in (truth, ~truth))
    rates = [np.concatenate([[0.0], np.cumsum(of) / of.sum()]) for of in (positive, negative)]
    return RocCurve(np.concatenate([[np.inf], -distinct]), *rates)


def drawn_areas(
    values: Float[np.ndarray, " n"],
    truth: Bool[np.ndarray, " n"],
    patients: Int[np.ndarray, " n"],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Float[np.ndarray, " resamples"]:
    """Compute the area under the ROC curve of every bootstrap draw of patients; ties count one half.

    Parameters
    ----------
    values, truth
        Value and truth of each case.
    patients
        Index of each case's patient, from 0 without gaps.
    resamples, seed
        Number and seed of the draws, which are those of :func:`cxrfactory.metrics.groups.drawn_sums`.

    Returns
    -------
    One area a draw; NaN where a draw lacks one of the classes.

    Raises
    ------
    CxrError
        If the shapes differ, a value is NaN, or ``resamples`` is below 1.
    """
    values, truth = _checked(values, truth)
    if patients.shape != values.shape:
        raise CxrError(f"patients {patients.shape}; expected one index for each of {values.size} cases")
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values[order]) > 0])) if values.size else np.zeros(0, int)
    truth, patients = truth[order], patients[order]
    areas = []
    for times in drawn_times(int(patients.max(initial=-1)) + 1, resamples, seed):
        drawn = times[:, patients].astype(np.float64)
        positive = np.add.reduceat(drawn * truth, starts, axis=1)
        negative = np.add.reduceat(drawn * ~truth, starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        won = (positive * below).sum(axis=1)
        areas.append(np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))
    return np.concatenate(areas)


def _checked(values: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, truth = np.asarray(values, np.float64), np.asarray(truth, bool)
    if values.shape != truth.shape or values.ndim != 1:
        raise CxrError(f"values {values.shape} and truth {truth.shape}; expected one of each a case")
    if np.isnan(values).any():
        raise CxrError(f"{int(np.isnan(values).sum())} of {values.size} values are NaN; expected none")
    return values, truth
