"""The scale of a CT series whose slices state different rescales (PS3.3 C.8.2.1): each slice has its own."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num

from cxrfactory.errors import ImageError

# Neighbouring slices are alike in HU. Where they differ this many times as much under their own scales as under one of
# them, the header contradicts the pixels.
_CONTRADICTION = 2.0


@dataclass(frozen=True)
class Rescale:
    """Scale of a slice: HU = slope * stored + intercept; ``stated`` tells whether the header states both numbers."""

    slope: float
    intercept: float
    stated: bool = True

    def hu(self, stored: Num[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """Return the HU of stored values, float32."""
        return (stored * self.slope + self.intercept).astype(np.float32)


def one_scale(rescales: list[Rescale]) -> bool:
    """Return whether all slices have the same scale.

    Raises
    ------
    ImageError
        If they differ and some slices state none, or a scale is not finite or has slope 0.
    """
    kinds = {(one.slope, one.intercept) for one in rescales}
    if len(kinds) == 1:
        return True
    silent = sum(not one.stated for one in rescales)
    if silent:
        raise ImageError(
            f"{silent} of {len(rescales)} slices state no RescaleSlope or RescaleIntercept, and others do; expected "
            "both in every slice, so export the series again"
        )
    if not all(np.isfinite([one.slope, one.intercept]).all() and one.slope != 0 for one in rescales):
        raise ImageError(f"{len(kinds)} rescales among {len(rescales)} slices; expected finite numbers, slope not 0")
    return False


class SeriesScaler:
    """Scale slices to HU in their order, each by its own rescale, and compare neighbours of different rescales."""

    def __init__(self) -> None:
        self._before: tuple[np.ndarray, Rescale] | None = None

    def hu(self, stored: Num[np.ndarray, "rows columns"], rescale: Rescale) -> Float[np.ndarray, "rows columns"]:
        """Return the HU of the next slice, float32.

        Raises
        ------
        ImageError
            If the slice goes on from the one before far better without the change of the rescale.
        """
        hu = rescale.hu(stored)
        if self._before is not None and self._before[1] != rescale:
            before, other = self._before
            stated, unchanged = (float(np.abs(values - before).mean()) for values in (hu, other.hu(stored)))
            if stated > _CONTRADICTION * unchanged:
                raise ImageError(
                    f"the header changes the rescale from {_told(other)} to {_told(rescale)}, but the pixels go on "
                    f"without it (neighbouring slices differ by {stated:.0f} HU, and by {unchanged:.0f} HU without the "
                    "change); expected the rescale of the pixels, so export the series again"
                )
        self._before = (hu, rescale)
        return hu


def _told(rescale: Rescale) -> str:
    return f"{rescale.slope:g} * value {rescale.intercept:+g}"
