"""Agreement of a measured value with a true one: correlation, error, and the limits of Bland and Altman (1986)."""

import numpy as np
from jaxtyping import Float, Int

from cxrfactory.errors import CxrError
from cxrfactory.metrics.groups import drawn_sums
from cxrfactory.metrics.intervals import RESAMPLES, percentile_ends

MEASURES = ("r", "mae", "bias", "sd", "limit_low", "limit_high")
NORMAL_95 = 1.96  # Bland and Altman's limits hold 95 % of normally distributed differences


def value_agreement(true: Float[np.ndarray, " n"], measured: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Compute how a measured value agrees with a true one; a difference is measured minus true.

    Returns
    -------
    dict
        ``r``: Pearson's correlation. ``mae``: mean absolute difference. ``bias``: mean difference. ``sd``: standard
        deviation of the differences (n - 1). ``limit_low`` and ``limit_high``: bias minus and plus 1.96 ``sd``. NaN
        without cases; with one case, only ``mae`` and ``bias`` are numbers. ``r`` is NaN if one of the two is constant.

    Raises
    ------
    CxrError
        If the shapes differ or a value is not finite.

    Examples
    --------
    >>> found = value_agreement(np.array([0.4, 0.5, 0.6]), np.array([0.42, 0.5, 0.61]))
    >>> round(found["bias"], 3), round(found["mae"], 3), round(found["r"], 3)
    (0.01, 0.01, 0.996)
    """
    sums = _sums(*_checked(true, measured)).sum(axis=0, keepdims=True)
    return {name: float(values[0]) for name, values in _measures(sums).items()}


def value_intervals(
    true: Float[np.ndarray, " n"],
    measured: Float[np.ndarray, " n"],
    patients: Int[np.ndarray, " n"],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Compute the percentile bootstrap (95 %) of all measures; patients are drawn with replacement.

    Parameters
    ----------
    true, measured
        Values of each case.
    patients
        Index of each case's patient, from 0 without gaps.
    resamples, seed
        Number and seed of the draws.

    Returns
    -------
    dict
        Low and high end of each of :data:`MEASURES`; NaN for fewer than two patients.

    Raises
    ------
    CxrError
        Under the conditions of :func:`value_agreement`, and if ``resamples`` is below 1.
    """
    sums = _sums(*_checked(true, measured))
    clusters = int(patients.max(initial=-1)) + 1
    if clusters < 2:
        return dict.fromkeys(MEASURES, (float("nan"),) * 2)
    totals = np.stack([np.bincount(patients, weights=column, minlength=clusters) for column in sums.T], axis=1)
    return {name: percentile_ends(values) for name, values in _measures(drawn_sums(totals, resamples, seed)).items()}


def _checked(true: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, measured = np.asarray(true, np.float64), np.asarray(measured, np.float64)
    if true.shape != measured.shape or true.ndim != 1:
        raise CxrError(f"values of shapes {true.shape} and {measured.shape}; expected one value a case for both")
    if not (np.isfinite(true).all() and np.isfinite(measured).all()):
        raise CxrError("a value is not finite; expected finite values")
    return true, measured


def _sums(true: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return what each case adds to the sums that determine all measures, ``[n, 8]``.

    The values are taken from their means, so that the squares lose no digits.
    """
    difference = measured - true
    x, y = true - (true.mean() if true.size else 0), measured - (measured.mean() if measured.size else 0)
    return np.stack([np.ones(true.shape), np.abs(difference), difference, x, y, x * x, y * y, x * y], axis=1)


def _measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Return the measures of every row of sums ``[draws, 8]``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        n, absolute, difference, x, y, xx, yy, xy = sums.T
        of_x, of_y, of_both = xx - x * x / n, yy - y * y / n, xy - x * y / n
        spread = np.maximum(of_x + of_y - 2 * of_both, 0)  # squared differences from their mean
        # Sums of a constant value leave a rounding error that is no variance.
        constant = (of_x <= 1e-12 * np.maximum(xx, 1e-300)) | (of_y <= 1e-12 * np.maximum(yy, 1e-300)) | (n < 2)
        r = np.where(constant, np.nan, of_both / np.sqrt(np.where(constant, 1.0, of_x * of_y)))
        bias, sd = difference / n, np.sqrt(np.where(n > 1, spread / (n - 1), np.nan))
        return {
            "r": np.clip(r, -1, 1),
            "mae": absolute / n,
            "bias": bias,
            "sd": sd,
            "limit_low": bias - NORMAL_95 * sd,
            "limit_high": bias + NORMAL_95 * sd,
        }
