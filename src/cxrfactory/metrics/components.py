"""Precision, recall and F1 of connected components: whether the parts of a mask were found as parts.

RadGenome-Anatomy reports the three for repeated, small or disconnected structures (section 4.1), but it does not give
the rule that pairs components. This module uses the rule of panoptic quality (Kirillov et al., 2019): a found and a
true component form a pair where their intersection over union is above 0.5. No component can belong to two such pairs,
so the pairing is unique and does not depend on an order.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool

from cxrfactory.errors import CxrError
from cxrfactory.metrics.overlap import as_masks

LEAST_IOU = 0.5
_CONNECTIVITY = 8  # pixels that touch by a corner are one component


@dataclass(frozen=True)
class ComponentScores:
    """Counts of components and of their pairs, with precision, recall and F1.

    Two empty masks give NaN for all three rates. One empty mask gives 0, as with Dice.

    Attributes
    ----------
    found, truth
        Number of components of each mask.
    matched
        Number of pairs.
    """

    found: int
    truth: int
    matched: int

    @property
    def precision(self) -> float:
        """Share of the found components that are paired with a true one."""
        return self._share(self.found)

    @property
    def recall(self) -> float:
        """Share of the true components that are paired with a found one."""
        return self._share(self.truth)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self._share((self.found + self.truth) / 2)

    def _share(self, of: float) -> float:
        if not self.found and not self.truth:
            return float("nan")
        return self.matched / of if of else 0.0


def component_scores(
    found: Bool[np.ndarray, "rows columns"],
    truth: Bool[np.ndarray, "rows columns"],
    least_iou: float = LEAST_IOU,
) -> ComponentScores:
    """Pair the 8-connected components of two masks.

    Parameters
    ----------
    found, truth
        Masks of equal shape; every non-zero pixel is foreground.
    least_iou
        Threshold that the intersection over union of a pair must exceed, in [0.5, 1). Below 0.5, pairs are not unique.

    Returns
    -------
    ComponentScores
        Counts, precision, recall and F1.

    Raises
    ------
    CxrError
        If the shapes differ, the masks are not two-dimensional, or ``least_iou`` is not in [0.5, 1).
    """
    found, truth = as_masks(found, truth)
    if found.ndim != 2:
        raise CxrError(f"masks of {found.ndim} dimensions; expected 2 (rows, columns)")
    if not 0.5 <= least_iou < 1:
        raise CxrError(f"least IoU of a pair of components is {least_iou}; expected 0.5 or more, and below 1")
    labels_found, areas_found = _label(found)
    labels_truth, areas_truth = _label(truth)
    both = found & truth
    key = labels_found[both].astype(np.int64) * len(areas_truth) + labels_truth[both]
    pairs, common = np.unique(key, return_counts=True)
    of_found, of_truth = np.divmod(pairs, len(areas_truth))
    union = areas_found[of_found] + areas_truth[of_truth] - common
    matched = int(np.count_nonzero(common > least_iou * union))
    return ComponentScores(len(areas_found) - 1, len(areas_truth) - 1, matched)


def _label(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the component number of each pixel (0 outside) and the number of pixels of each component."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=_CONNECTIVITY)
    return labels, np.bincount(labels.ravel(), minlength=count)
