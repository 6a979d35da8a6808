"""True masks of the organs of a labelled image: the drawn mask where there is one, else the filled contour.

An image annotates any subset of the organs, by drawn masks, by contours, or by both. Training, ``evaluate-model`` and
the study of unseen hospitals take their truth from :func:`true_masks`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.anatomy.regions import IGNORED


@dataclass(frozen=True)
class TrueMask:
    """The truth of one organ.

    Attributes
    ----------
    mask
        True inside the organ, [row, column].
    valid
        True where the truth is known; the other pixels are not compared.
    """

    mask: Bool[np.ndarray, "size size"]
    valid: Bool[np.ndarray, "size size"]

    @classmethod
    def of_drawn(cls, drawn: UInt8[np.ndarray, "size size"]) -> "TrueMask":
        """Return the truth of a mask as labelled tables store it: 255 inside, 0 outside, 127 where it says nothing."""
        return cls(drawn > IGNORED, drawn != IGNORED)

    @classmethod
    def known(cls, mask: Bool[np.ndarray, "size size"]) -> "TrueMask":
        """Return the truth of a mask that is known for every pixel."""
        return cls(mask, np.ones_like(mask))

    def __or__(self, other: "TrueMask") -> "TrueMask":
        return TrueMask(self.mask | other.mask, self.valid & other.valid)

    def compared_with(
        self, found: Bool[np.ndarray, "size size"] | UInt8[np.ndarray, "size size"]
    ) -> tuple[Bool[np.ndarray, "size size"], Bool[np.ndarray, "size size"]]:
        """Return a found mask and the true one, both False where the truth is not known."""
        return found.astype(bool) & self.valid, self.mask & self.valid


Truth = dict[str, TrueMask]  # by organ


def true_masks(
    names: Mapping[str, str],
    drawn: Callable[[str], TrueMask | None],
    contours: Mapping[str, Float[np.ndarray, "nodes 2"]],
    size: int,
) -> Truth:
    """Return the true masks of one image.

    Parameters
    ----------
    names
        Region (:mod:`cxrfactory.anatomy.regions`) to the name of its organ in the result; other regions are left out.
    drawn
        Function from a region to its drawn mask in the frame; None where the region is not drawn. An empty mask says
        that the organ is absent.
    contours
        Region to the landmarks (x, y) that enclose it, pixels of the frame. A contour with a coordinate that is not
        finite is not annotated.
    size
        Side of the square frame, pixels.

    Returns
    -------
    Organ to its truth, in the order of ``names``; organs that are not annotated are absent.
    """
    found: Truth = {}
    for region, organ in names.items():
        mask = drawn(region)
        if mask is None and region in contours and np.isfinite(contours[region]).all():
            mask = TrueMask.known(fill_contour(contours[region], size, size).astype(bool))
        if mask is not None:
            found[organ] = mask
    return found
