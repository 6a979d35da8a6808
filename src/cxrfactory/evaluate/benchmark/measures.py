"""The eight measures of the benchmark for one mask, computed in the box around both masks.

Outside that box both masks are background, so every measure is exactly that of the whole image. Empty masks: two empty
masks give NaN for all measures; one empty mask gives 0 for all overlaps and rates, and infinite distances.
"""

import numpy as np
from jaxtyping import Bool

from cxrfactory.metrics.components import component_scores
from cxrfactory.metrics.distance import BoundaryDistances, surface_distances
from cxrfactory.metrics.overlap import as_masks

RATES = ("dice", "iou", "nsd", "component_precision", "component_recall", "component_f1")  # in [0, 1], more is better
DISTANCES = ("hd95_px", "hd95_mm", "asd_px", "asd_mm")
MEASURES = ("dice", "iou", *DISTANCES, *RATES[2:])

Mask = Bool[np.ndarray, "rows columns"]


def mask_measures(found: Mask, truth: Mask, tolerance_px: float, pixel_mm: float = float("nan")) -> dict[str, float]:
    """Compute Dice, IoU, HD95, ASD, NSD and the precision, recall and F1 of components of one mask.

    Parameters
    ----------
    found, truth
        Masks of equal shape.
    tolerance_px
        Tolerance of the normalised surface distance (NSD) in pixels.
    pixel_mm
        Side of a pixel in mm; NaN leaves the distances in mm NaN.

    Returns
    -------
    dict
        One value for each of :data:`MEASURES`, with the area of both masks as ``found_px`` and ``truth_px``.

    Raises
    ------
    CxrError
        If the shapes differ or the tolerance is negative.
    """
    found, truth = _cropped(*as_masks(found, truth))
    area_found, area_truth = int(np.count_nonzero(found)), int(np.count_nonzero(truth))
    areas = {"truth_px": area_truth, "found_px": area_found}
    if not area_found or not area_truth:
        same = float("nan") if area_found == area_truth else 0.0
        far = float("nan") if area_found == area_truth else float("inf")
        return areas | dict.fromkeys(MEASURES, same) | {name: _in_mm(name, far, pixel_mm) for name in DISTANCES}
    both = int(np.count_nonzero(found & truth))
    distances = BoundaryDistances(*surface_distances(found, truth))
    parts = component_scores(found, truth)
    px = {"hd95_px": distances.hd95, "asd_px": distances.asd}
    return {
        **areas,
        "dice": 2 * both / (area_found + area_truth),
        "iou": both / (area_found + area_truth - both),
        **px,
        **{f"{name[:-3]}_mm": value * pixel_mm for name, value in px.items()},
        "nsd": distances.nsd(tolerance_px),
        "component_precision": parts.precision,
        "component_recall": parts.recall,
        "component_f1": parts.f1,
    }


def _in_mm(name: str, value: float, pixel_mm: float) -> float:
    return value * pixel_mm if name.endswith("_mm") else value


def _cropped(found: Mask, truth: Mask) -> tuple[Mask, Mask]:
    """Return both masks in the smallest box that holds both."""
    either = found | truth
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    if not rows.size:
        return found[:0], truth[:0]
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return found[box], truth[box]
