"""One organ's estimate of the Dice: a monotone function of signals, with an interval and the reason of a low value.

The error 1 - Dice of a mask is estimated as exp(offset + sum of weight * (term - usual)). The term of a signal that is
a Dice itself, such as the agreement of two heads of the network, is log(1 - signal); that of another signal, which is
higher for worse masks, is its logarithm. No weight is negative, so that a better signal never lowers the estimate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError

SMALLEST_ERROR = 0.005  # smaller errors, of signals and of masks, count as this; rounding of masks is of this order
DOUBTS = (
    "latent_norm",
)  # signals that are higher for worse masks; all others are in [0, 1] and higher for better ones
DIGITS = 6  # decimals of the stored numbers


def terms_of(signals: Float[np.ndarray, "n signals"], names: Sequence[str]) -> Float[np.ndarray, "n signals"]:
    """Return the logarithmic terms of signals; a higher term means a worse mask, and NaN stays NaN."""
    values = np.asarray(signals, np.float64)
    doubt = np.array([name in DOUBTS for name in names])
    with np.errstate(invalid="ignore"):
        return np.log(np.maximum(np.where(doubt, values, 1 - values), SMALLEST_ERROR))


def log_error(dice: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return log(1 - Dice), with errors below :data:`SMALLEST_ERROR` raised to it."""
    return np.log(np.maximum(1 - np.asarray(dice, np.float64), SMALLEST_ERROR))


@dataclass(frozen=True)
class OrganModel:
    """The estimate of one organ's Dice.

    Attributes
    ----------
    signals
        Names of the signals in the order of the columns, such as ``lungs_soft_dice``.
    weights
        Weight of each signal's term, 0 or more.
    usual
        Term of each signal in the median image of the fit.
    offset
        Logarithm of the estimated error where all terms are as usual.
    better, worse
        The interval runs from 1 - error * exp(worse) to 1 - error * exp(better); better <= 0 <= worse.
    shift_sd, spread_sd
        Standard deviation of the sources' mean log errors around the estimate, and of images around their source's
        mean; recalibration weighs the user's own films with them.
    shares, lowest
        Shares, ascending, and the estimate below which each share of the fit's images lies; sources count equally.
    """

    signals: tuple[str, ...]
    weights: tuple[float, ...]
    usual: tuple[float, ...]
    offset: float
    better: float
    worse: float
    shift_sd: float
    spread_sd: float
    shares: tuple[float, ...]
    lowest: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as numbers, texts and lists, for a JSON file."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "OrganModel":
        """Rebuild the model from the result of :meth:`as_dict`.

        Raises
        ------
        CxrError
            If a name is missing or unknown, lists differ in length, a number is not finite, a weight is negative, or
            the ends of the interval or the shares are out of order.
        """
        names = list(cls.__dataclass_fields__)
        if sorted(values) != sorted(names):
            raise CxrError(f"estimate of {sorted(values)}; expected {sorted(names)}")
        single = ("offset", "better", "worse", "shift_sd", "spread_sd")
        try:
            signals = tuple(str(each) for each in values["signals"])
            numbers = {
                name: float(values[name]) if name in single else tuple(float(each) for each in values[name])
                for name in names
                if name != "signals"
            }
        except (TypeError, ValueError) as error:
            raise CxrError(f"estimate: {error}; expected numbers") from error
        model = cls(signals=signals, **numbers)  # type: ignore[arg-type]
        model._check(all(np.isfinite(value).all() for value in numbers.values()))
        return model

    def _check(self, finite: bool) -> None:
        if not finite or not self.signals or not len(self.signals) == len(self.weights) == len(self.usual):
            raise CxrError("estimate: signals, weights and usual terms of unequal number, none, or not finite")
        if min(self.weights) < 0:
            raise CxrError(f"estimate: weight {min(self.weights):g}; expected 0 or more, so that it is monotone")
        if not self.better <= 0 <= self.worse or min(self.shift_sd, self.spread_sd) < 0:
            raise CxrError(f"estimate: interval from {self.worse:g} to {self.better:g}; expected better <= 0 <= worse")
        if len(self.shares) != len(self.lowest) or (np.diff(self.shares) <= 0).any():
            raise CxrError("estimate: shares and lowest estimates of unequal number, or out of order")

    def contributions(self, signals: Float[np.ndarray, "n signals"]) -> Float[np.ndarray, "n signals"]:
        """Return how much each signal raises the logarithm of the estimated error over its usual value."""
        return (terms_of(signals, self.signals) - np.array(self.usual)) * np.array(self.weights)

    def interval(self, signals: Float[np.ndarray, "n signals"]) -> Float[np.ndarray, "n 3"]:
        """Return [estimate, low end, high end] of each mask's Dice in [0, 1]; NaN where a used signal is NaN.

        Raises
        ------
        CxrError
            If the number of signals differs from the fit.
        """
        signals = np.asarray(signals, np.float64)
        if signals.ndim != 2 or signals.shape[1] != len(self.signals):
            raise CxrError(f"signals of shape {signals.shape}; expected [masks, {len(self.signals)}]")
        used = np.array(self.weights) > 0
        log = self.offset + self.contributions(signals)[:, used].sum(axis=1)
        return np.clip(1 - np.exp(np.stack([log, log + self.worse, log + self.better], axis=1)), 0, 1)

    def threshold(self, share: float) -> float:
        """Return the estimate below which a share of images like those of the fit lies."""
        return float(np.interp(share, self.shares, self.lowest))

    def reason(self, signals: Float[np.ndarray, " signals"]) -> str:
        """Return the name of the signal that lowers the estimate most; of the unknown one, if a used one is NaN."""
        raised = self.contributions(np.asarray(signals, np.float64)[None])[0]
        raised[np.array(self.weights) == 0] = -np.inf
        return self.signals[int(np.argmax(np.where(np.isnan(raised), np.inf, raised)))]
