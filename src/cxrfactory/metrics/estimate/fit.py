"""Fit an organ's estimate to masks of known Dice from several sources (hospitals), and set its interval.

Sources are the units: each has the same weight, and the interval comes from sources that the fit has not seen. With few
sources, the exact split-conformal bound for a new source is infinite (it needs 1 / alpha - 1 sources). The rule here is
the worst source: each source is left out in turn, its images' errors are compared with the estimate of the other
sources, and the interval is as wide as the source needs that needs most. So at least a share 1 - alpha of the images of
every left-out source lies within, and the same is expected, not guaranteed, of a hospital that resembles the estimate
no less than the worst of those seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import nnls

from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.model import DIGITS, OrganModel, log_error, terms_of

LEAST_IMAGES = 20  # smallest number of images of a source
FOLDS = 5  # parts of the patients of a single source, which replace the sources
LEAST_SHIFT = 0.1  # smallest standard deviation of the sources' mean log errors; few sources may agree by chance
SHARES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


@dataclass(frozen=True)
class SourceMasks:
    """Masks of one source: signals ``[n, signals]``, true Dice ``[n]`` and the patient of each, ``[n]``."""

    signals: Float[np.ndarray, "n signals"]
    dice: Float[np.ndarray, " n"]
    patients: Int[np.ndarray, " n"]


def fit_organ(sources: Mapping[str, SourceMasks], names: Sequence[str], alpha: float = 0.1) -> OrganModel:
    """Fit the estimate to all sources, and its interval to each source in turn by the estimate of the others.

    With a single source, parts of its patients take the place of sources, and the interval says nothing about a new
    hospital.

    Parameters
    ----------
    sources
        Masks of each source; all signals known.
    names
        Names of the signals, such as ``lungs_soft_dice``.
    alpha
        Share of a left-out source's images that may lie outside their interval.

    Raises
    ------
    CxrError
        If a source has fewer than :data:`LEAST_IMAGES` images, shapes differ, a number is not finite, or alpha is not
        between 0 and 1.
    """
    _check(sources, names, alpha)
    model = _fitted(list(sources.values()), names)
    residuals = unseen_residuals(sources, names)
    ends = [residual_ends(each, alpha) for each in residuals]
    better, worse = min(end[0] for end in ends), max(end[1] for end in ends)
    shift = np.std([each.mean() for each in residuals], ddof=1) if len(sources) > 1 else 0.0
    spread = np.sqrt(np.mean([each.var() for each in residuals]))
    estimates = [model.interval(each.signals)[:, 0] for each in sources.values()]
    lowest = _weighted_quantiles(estimates, SHARES)
    return replace(
        model,
        better=_down(min(better, 0.0)),
        worse=_up(max(worse, 0.0)),
        shift_sd=round(max(float(shift), LEAST_SHIFT), DIGITS),
        spread_sd=round(float(spread), DIGITS),
        shares=SHARES,
        lowest=tuple(np.round(lowest, DIGITS).tolist()),
    )


def unseen_residuals(sources: Mapping[str, SourceMasks], names: Sequence[str]) -> list[np.ndarray]:
    """Return, for each source, the true log errors minus those that the estimate of the other sources gives."""
    if len(sources) > 1:
        return [
            residuals_of(_fitted([other for name, other in sources.items() if name != left], names), sources[left])
            for left in sources
        ]
    masks = next(iter(sources.values()))
    _, patient = np.unique(masks.patients, return_inverse=True)
    folds = np.minimum(FOLDS, patient.max() + 1)
    if folds < 2:
        raise CxrError("all images are of one patient; expected two or more, for the interval")
    parts = [patient % folds == fold for fold in range(folds)]
    found = [residuals_of(_fitted([_part(masks, ~part)], names), _part(masks, part)) for part in parts]
    return [np.concatenate(found)]


def residuals_of(model: OrganModel, masks: SourceMasks) -> np.ndarray:
    """Return the true log error of each mask minus the estimated one."""
    return log_error(masks.dice) - log_error(model.interval(masks.signals)[:, 0])


def residual_ends(residuals: Float[np.ndarray, " n"], alpha: float) -> tuple[float, float]:
    """Return the ends between which a share 1 - alpha of further residuals of the same source lies.

    They are the split-conformal order statistics at alpha / 2 on either side, or the smallest and the largest residual
    where there are too few.
    """
    ordered = np.sort(residuals)
    beyond = int(np.floor(alpha / 2 * (len(ordered) + 1) + 1e-9))  # number of residuals outside on either side
    place = max(beyond - 1, 0)
    return float(ordered[place]), float(ordered[len(ordered) - 1 - place])


def _fitted(parts: Sequence[SourceMasks], names: Sequence[str]) -> OrganModel:
    """Fit weights by non-negative least squares of log errors, and the offset to the mean error; without interval."""
    terms = np.concatenate([terms_of(part.signals, names) for part in parts])
    errors = np.concatenate([log_error(part.dice) for part in parts])
    share = np.concatenate([np.full(len(part.dice), 1 / len(part.dice) / len(parts)) for part in parts])
    centred = terms - (share[:, None] * terms).sum(axis=0)
    aim = errors - (share * errors).sum()
    weights, _ = nnls(centred * np.sqrt(share)[:, None], aim * np.sqrt(share))
    weights = np.round(weights, DIGITS)
    usual = np.round(np.median(terms, axis=0), DIGITS)
    index = ((terms - usual) * weights).sum(axis=1)
    offset = float(np.log((share * np.exp(errors)).sum() / (share * np.exp(index)).sum()))
    return OrganModel(
        tuple(names), tuple(weights.tolist()), tuple(usual.tolist()), round(offset, DIGITS), 0.0, 0.0, 0.0, 0.0, (), ()
    )


def _part(masks: SourceMasks, taken: np.ndarray) -> SourceMasks:
    return SourceMasks(masks.signals[taken], masks.dice[taken], masks.patients[taken])


def _weighted_quantiles(parts: Sequence[np.ndarray], shares: Sequence[float]) -> np.ndarray:
    """Return quantiles over all parts, each of the same total weight."""
    values = np.concatenate(parts)
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in parts])
    order = np.argsort(values, kind="stable")
    places = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return np.interp(shares, places, values[order])


def _up(value: float) -> float:
    return float(np.ceil(value * 10**DIGITS) / 10**DIGITS)


def _down(value: float) -> float:
    return float(np.floor(value * 10**DIGITS) / 10**DIGITS)


def _check(sources: Mapping[str, SourceMasks], names: Sequence[str], alpha: float) -> None:
    if not 0 < alpha < 1:
        raise CxrError(f"alpha {alpha:g}; expected a number between 0 and 1")
    if not sources or not names:
        raise CxrError("no source or no signal to fit an estimate to; expected one or more of each")
    for source, masks in sources.items():
        rows = len(masks.dice)
        if masks.signals.shape != (rows, len(names)) or masks.patients.shape != (rows,):
            raise CxrError(f"source '{source}': signals of shape {masks.signals.shape} for {rows} masks")
        if rows < LEAST_IMAGES:
            raise CxrError(f"source '{source}': {rows} images; expected {LEAST_IMAGES} or more")
        if not (np.isfinite(masks.signals).all() and np.isfinite(masks.dice).all()):
            raise CxrError(f"source '{source}': a signal or a true Dice is not finite")
