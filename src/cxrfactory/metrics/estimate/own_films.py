"""Sharpen an organ's estimate with films of known Dice from the user's own hospital.

The hospital's shift of the log error is shrunk as in a model of random sources: n films have the weight
n * shift_sd^2 / (n * shift_sd^2 + spread_sd^2) against the shift 0 of the fit. The ends of the interval are mixed from
those of the fit, which count as :data:`PRIOR_FILMS` films, and from the order statistics of the own films' residuals,
each around the shift of the other films.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.fit import residual_ends
from cxrfactory.metrics.estimate.model import DIGITS, SMALLEST_ERROR, OrganModel, log_error

LEAST_FILMS = 5
PRIOR_FILMS = 20  # number of own films that count as much as the fit for the ends of the interval


@dataclass(frozen=True)
class Recalibrated:
    """The sharpened model, with the films' number, the applied shift of the log error, and the shift they showed."""

    model: OrganModel
    films: int
    shift: float
    seen_shift: float


def recalibrate_organ(
    model: OrganModel, signals: Float[np.ndarray, "n signals"], dice: Float[np.ndarray, " n"], alpha: float
) -> Recalibrated:
    """Shift the estimate and its interval towards the user's own films.

    Parameters
    ----------
    model
        Estimate that was fitted to other hospitals.
    signals, dice
        Signals and true Dice of the own films.
    alpha
        Share of images that may lie outside their interval.

    Raises
    ------
    CxrError
        If there are fewer than :data:`LEAST_FILMS` films, or a number is not finite.
    """
    dice = np.asarray(dice, np.float64)
    if len(dice) < LEAST_FILMS:
        raise CxrError(f"{len(dice)} films; expected {LEAST_FILMS} or more, better 20 to 50")
    estimate = model.interval(signals)[:, 0]
    if not (np.isfinite(estimate).all() and np.isfinite(dice).all()):
        raise CxrError("a signal or a true Dice of an own film is not finite")
    true, estimated = np.exp(log_error(dice)), np.exp(log_error(estimate))
    shift, seen = _shift(true, estimated, model)
    others = np.array([_shift(np.delete(true, k), np.delete(estimated, k), model)[0] for k in range(len(dice))])
    ends = residual_ends(np.log(true / estimated) - others, alpha)
    own = len(dice) / (len(dice) + PRIOR_FILMS)
    better, worse = (
        own * mine + (1 - own) * prior for mine, prior in zip(ends, (model.better, model.worse), strict=True)
    )
    lowest = 1 - np.minimum(np.maximum(1 - np.array(model.lowest), SMALLEST_ERROR) * np.exp(shift), 1)
    changed = replace(
        model,
        offset=round(model.offset + shift, DIGITS),
        better=round(min(better, 0.0), DIGITS),
        worse=round(max(worse, 0.0), DIGITS),
        lowest=tuple(np.round(lowest, DIGITS).tolist()),
    )
    return Recalibrated(changed, len(dice), round(shift, DIGITS), round(seen, DIGITS))


def _shift(true: np.ndarray, estimated: np.ndarray, model: OrganModel) -> tuple[float, float]:
    """Return the shrunk and the seen logarithm of the films' mean error over their mean estimated error."""
    seen = float(np.log(true.mean() / estimated.mean()))
    between, within = len(true) * model.shift_sd**2, model.spread_sd**2
    return seen * between / (between + within) if between + within > 0 else 0.0, seen
