"""Estimate of the Dice with an interval, from scores that only correlate with it: split-conformal regression.

One half of the images fits curves (the centre and the spread of the Dice at each score). The other half measures the
error of these curves and sets the width of the interval. The resulting guarantee does not need a correct model: of
masks drawn as the calibration masks were (a random image, then one of its masks), at least a share ``1 - alpha`` lies
within its interval. The masks of one image resemble each other, so the image is the unit of exchangeability.

Papers: Romano, Patterson, Candes (2019), conformalised quantile regression; Sesia, Candes (2020), its width-scaled
form; Lee, Barber, Willett (2023), hierarchical data.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import isotonic_regression

from cxrfactory.errors import CxrError

MASKS_A_BIN = 30  # smallest bin for the quantiles of the residuals
MAX_BINS = 10
MIN_WIDTH = 0.005  # smallest width of the uncalibrated interval, in Dice; a perfect fit would else give a width of 0
_DIGITS = 6  # decimals of the stored numbers; the margin is computed with the rounded curves


def group_quantile(scores: Float[np.ndarray, " n"], groups: Int[np.ndarray, " n"], alpha: float) -> float:
    """Return the bound that a new group's score does not exceed with probability ``1 - alpha`` or more.

    Each of the K groups has the weight 1 / (K + 1), shared equally by its members. The remaining weight of 1 / (K + 1)
    is placed at infinity, for the new group. With one member per group, the bound is the
    ceil((K + 1)(1 - alpha))-th smallest score.

    Parameters
    ----------
    scores
        Finite scores ``[n]``; higher is worse.
    groups
        Group of each score, ``[n]``.
    alpha
        Probability of exceeding the bound, between 0 and 1.

    Returns
    -------
    float
        One of the scores; infinity where there are fewer than 1 / alpha - 1 groups.

    Raises
    ------
    CxrError
        If there is no score, a score is not finite, the shapes differ, or alpha is not between 0 and 1.
    """
    scores, groups = np.asarray(scores, np.float64), np.asarray(groups)
    if not 0 < alpha < 1:
        raise CxrError(f"alpha {alpha}; expected a number between 0 and 1")
    if scores.ndim != 1 or scores.shape != groups.shape or not scores.size or not np.isfinite(scores).all():
        raise CxrError(
            f"scores of shape {scores.shape} in groups of {groups.shape}; expected finite ones, as many of each"
        )
    _, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(1 / sizes[member[order]])
    enough = np.flatnonzero(reached >= (1 - alpha) * (len(sizes) + 1) - 1e-9)
    return float(scores[order[enough[0]]]) if enough.size else math.inf


@dataclass(frozen=True)
class Conformal:
    """A fitted estimator: the index of the features, curves over this index, and the margin.

    Attributes
    ----------
    intercept, weights
        The index of a mask is intercept + features @ weights.
    centre_index, centre
        Knots of the estimated Dice; linear between the knots, constant outside, and non-decreasing.
    spread_index, below, above
        Knots of the uncalibrated interval, which runs from centre + below to centre + above.
    margin
        Amount added on either side, in widths of the uncalibrated interval; a negative margin narrows the interval.
    """

    intercept: float
    weights: tuple[float, ...]
    centre_index: tuple[float, ...]
    centre: tuple[float, ...]
    spread_index: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]
    margin: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as numbers and lists, for a JSON file."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Conformal":
        """Rebuild the estimator from the result of :meth:`as_dict`.

        Raises
        ------
        CxrError
            If a name is missing or unknown, a value is not a finite number, or knots are out of order or unequal in
            number.
        """
        names = list(cls.__dataclass_fields__)
        if sorted(values) != sorted(names):
            raise CxrError(f"conformal model of {sorted(values)}; expected {sorted(names)}")
        single = ("intercept", "margin")
        try:
            taken = {
                name: float(values[name]) if name in single else tuple(float(each) for each in values[name])
                for name in names
            }
        except (TypeError, ValueError) as error:
            raise CxrError(f"conformal model: {error}; expected numbers") from error
        model = cls(**taken)
        finite = all(np.isfinite(value).all() for value in taken.values())
        pairs = (
            (model.centre_index, model.centre),
            (model.spread_index, model.below),
            (model.spread_index, model.above),
        )
        if not finite or not model.weights or any(len(x) != len(y) or not x for x, y in pairs):
            raise CxrError("conformal model: knots of unequal number, none at all, or not finite; make it again")
        if any((np.diff(x) <= 0).any() for x in (model.centre_index, model.spread_index)):
            raise CxrError("conformal model: knots out of order; make it again")
        return model

    def interval(self, features: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n 3"]:
        """Return [estimate, low end, high end] of each mask's Dice, in [0, 1], with low <= estimate <= high.

        Raises
        ------
        CxrError
            If the number of features differs from the fit, or a feature is not finite.
        """
        features = np.asarray(features, np.float64)
        if features.ndim != 2 or features.shape[1] != len(self.weights) or not np.isfinite(features).all():
            raise CxrError(f"features of shape {features.shape}; expected finite [masks, {len(self.weights)}]")
        centre, low, high = self._curves(features)
        reach = self.margin * (high - low)
        low, high = np.minimum(low - reach, centre), np.maximum(high + reach, centre)  # a negative margin may cross
        return np.clip(np.stack([centre, low, high], axis=1), 0, 1)

    def _curves(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index = _index(features, self.intercept, self.weights)
        centre = np.interp(index, self.centre_index, self.centre)
        low = centre + np.interp(index, self.spread_index, self.below)
        return centre, low, centre + np.interp(index, self.spread_index, self.above)


def fit_conformal(
    fit: tuple[Float[np.ndarray, "n features"], Float[np.ndarray, " n"]],
    calibration: tuple[Float[np.ndarray, "m features"], Float[np.ndarray, " m"]],
    groups: Int[np.ndarray, " m"],
    alpha: float = 0.1,
) -> Conformal:
    """Fit the curves on the masks of some images, and set the margin on the masks of other images.

    Parameters
    ----------
    fit, calibration
        Features (a higher score means a better mask) and true Dice. No image may be in both sets.
    groups
        Image of each calibration mask.
    alpha
        Share of the masks that may lie outside their interval.

    Raises
    ------
    CxrError
        If there are too few masks or images, shapes differ, or a number is not finite.
    """
    features, truth = (np.asarray(part, np.float64) for part in fit)
    new, new_truth = (np.asarray(part, np.float64) for part in calibration)
    for x, y in ((features, truth), (new, new_truth)):
        if x.ndim != 2 or y.shape != x.shape[:1] or x.shape[1] != features.shape[1]:
            raise CxrError(f"features of shape {x.shape} for Dice of {y.shape}; expected [masks, features] and [masks]")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise CxrError("features or true Dice hold a number that is not finite")
    if len(truth) < 2:
        raise CxrError(f"{len(truth)} masks to fit; expected 2 or more")
    intercept, weights = _least_squares(features, truth)
    index = _index(features, intercept, weights)
    centre_index, centre = _isotonic(index, truth)
    spread_index, below, above = _spread(index, truth - np.interp(index, centre_index, centre), alpha)
    curves = Conformal(intercept, weights, centre_index, centre, spread_index, below, above, 0.0)
    _, low, high = curves._curves(new)
    margin = group_quantile(np.maximum(low - new_truth, new_truth - high) / (high - low), groups, alpha)
    if math.isinf(margin):
        least = math.ceil((1 - alpha) / alpha - 1e-9)
        raise CxrError(f"{len(np.unique(groups))} images to calibrate on; expected {least} or more for alpha {alpha:g}")
    margin = math.ceil(margin * 10**_DIGITS) / 10**_DIGITS  # rounded up, so that rounding does not reduce coverage
    return Conformal(intercept, weights, centre_index, centre, spread_index, below, above, margin)


def _index(features: np.ndarray, intercept: float, weights: Sequence[float]) -> np.ndarray:
    return intercept + (features * np.array(weights)).sum(axis=1)  # BLAS may vary the order of summation


def _least_squares(features: np.ndarray, truth: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """Fit intercept and weights of the index; a single feature is used as the index itself."""
    if features.shape[1] == 1:
        return 0.0, (1.0,)
    means = features.mean(axis=0)
    centred = features - means
    moments = np.array([[(a * b).mean() for a in centred.T] for b in centred.T])
    scale = max(np.trace(moments) / len(moments), 1e-12)
    target = np.array([(column * (truth - truth.mean())).mean() for column in centred.T])
    # A small ridge term is needed, because two features such as mean and maximum may be exactly equal.
    weights = np.linalg.solve(moments + 1e-6 * scale * np.eye(len(moments)), target)
    weights = np.round(weights, _DIGITS)
    return round(float(truth.mean() - (weights * means).sum()), _DIGITS), tuple(weights.tolist())


def _isotonic(index: np.ndarray, truth: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the knots of the non-decreasing least-squares curve, each level at the mean index of its masks."""
    places, first = np.unique(np.round(index, _DIGITS), return_inverse=True)
    counts = np.bincount(first).astype(np.float64)
    level = isotonic_regression(np.bincount(first, truth) / counts, weights=counts)
    starts = level.blocks[:-1]
    blocks = np.add.reduceat(places * counts, starts) / np.add.reduceat(counts, starts)
    return _knots(blocks, level.x[starts])


def _spread(index: np.ndarray, residuals: np.ndarray, alpha: float) -> tuple[tuple[float, ...], ...]:
    """Return the knots of the residuals' quantiles alpha / 2 and 1 - alpha / 2 over bins of equal count."""
    order = np.argsort(index, kind="stable")
    bins = np.array_split(order, min(max(len(order) // MASKS_A_BIN, 1), MAX_BINS))
    places = np.array([index[each].mean() for each in bins])
    ends = np.array([np.quantile(residuals[each], [alpha / 2, 1 - alpha / 2]) for each in bins])
    ends[:, 0], ends[:, 1] = np.minimum(ends[:, 0], -MIN_WIDTH / 2), np.maximum(ends[:, 1], MIN_WIDTH / 2)
    knots, below = _knots(places, ends[:, 0])
    return knots, below, _knots(places, ends[:, 1])[1]


def _knots(places: np.ndarray, values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Round the knots and keep one value per position."""
    places, first = np.unique(np.round(places, _DIGITS), return_index=True)
    return tuple(places.tolist()), tuple(np.round(values[first], _DIGITS).tolist())
