"""All measures of one segmentation against its truth, one row for each organ.

Distances are in pixels of a 1024 x 1024 frame and squared errors in squared pixels, as in the papers.

Empty masks: if truth and prediction are both empty, every measure is NaN, because nothing was compared. If one of them
is empty, Dice, IoU, precision, recall, NSD and the three component measures are 0; HD, HD95 and ASD are infinite; and
the cardiothoracic ratio is NaN. A drawn mask that is empty says that the organ is absent. An organ that the truth does
not annotate, or that the model does not segment, gives no row. Pixels about which a drawn mask says nothing count as
background of both masks. Tables count NaN as ``missing`` and infinite values as ``infinite``, and leave both out of
means.
"""

import numpy as np

from cxrfactory.anatomy.graph import JSRT
from cxrfactory.anatomy.regions import region_of
from cxrfactory.anatomy.truth import TrueMask, Truth
from cxrfactory.evaluate.models.labelled import LabelledImage, with_unions
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.metrics.components import component_scores
from cxrfactory.metrics.distance import BoundaryDistances, surface_distances
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX, landmark_mse
from cxrfactory.metrics.overlap import dice, jaccard
from cxrfactory.metrics.precision import precision, recall
from cxrfactory.models.segmenter import Masks, Segmentation
from cxrfactory.tables.rows import Row

WHOLE = "all"  # row of the measures over all organs: landmark error of all nodes, cardiothoracic ratio
MASK_MEASURES = (
    "dice",
    "iou",
    "precision",
    "recall",
    "hd_px",
    "hd95_px",
    "asd_px",
    "nsd",
    "component_precision",
    "component_recall",
    "component_f1",
)
LANDMARK_MEASURE = "landmark_mse_px2"
CTR_COLUMNS = ("ctr", "ctr_true")
COLUMNS = ("model", "source", "image_id", "organ", *MASK_MEASURES, LANDMARK_MEASURE, *CTR_COLUMNS)


def measure(found: Segmentation, case: LabelledImage, tolerance_px: float, definition: str = JSRT) -> list[Row]:
    """Measure one image.

    Parameters
    ----------
    found
        Segmentation in the frame of the case.
    case
        Labelled image that holds the truth.
    tolerance_px
        Tolerance of the normalised surface distance, pixels at 1024 x 1024.
    definition
        What the organs of the model include, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`.

    Returns
    -------
    Rows with ``organ`` and the measures that apply: one for each organ and union that both sides have, and one for
    :data:`WHOLE`.
    """
    names = {region_of(organ, definition): organ for organ in found.masks}
    truth, masks = with_unions(case.true_masks(names)), with_unions(found.masks)
    points = _landmarks(found, case)
    rows = []
    for organ, true in truth.items():
        row = {"organ": organ, **_mask_measures(masks[organ], true, case.size, tolerance_px)}
        if organ in points:
            row[LANDMARK_MEASURE] = landmark_mse(*points[organ], case.size)
        rows.append(row)
    whole: Row = {"organ": WHOLE}
    if points:
        whole[LANDMARK_MEASURE] = landmark_mse(*map(np.concatenate, zip(*points.values(), strict=True)), case.size)
    return [*rows, whole | _ratios(masks, truth)]


def _landmarks(found: Segmentation, case: LabelledImage) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the found and the true landmarks of the organs that both have, by one definition."""
    if found.landmarks is None or case.graph is None or case.graph.definition != found.graph.definition:
        return {}
    known = case.graph.slices
    return {
        organ: (found.landmarks[where], case.landmarks[known[organ]])
        for organ, where in found.graph.slices.items()
        if organ in known
    }


def _mask_measures(found: np.ndarray, true: TrueMask, size: int, tolerance_px: float) -> dict[str, float]:
    found, truth = true.compared_with(found)
    step = PAPER_SIZE_PX / size
    spacing = (step, step)
    parts = component_scores(found, truth)
    distances = BoundaryDistances(*surface_distances(found, truth, spacing))
    return {
        "dice": dice(found, truth),
        "iou": jaccard(found, truth),
        "precision": precision(found, truth),
        "recall": recall(found, truth),
        "hd_px": distances.hd,
        "hd95_px": distances.hd95,
        "asd_px": distances.asd,
        "nsd": distances.nsd(tolerance_px),
        "component_precision": parts.precision,
        "component_recall": parts.recall,
        "component_f1": parts.f1,
    }


def _ratios(masks: Masks, truth: Truth) -> dict[str, float]:
    if not {"lungs", "heart"} <= set(truth):
        return {}
    return {
        "ctr": cardiothoracic_ratio(masks["lungs"], masks["heart"]),
        "ctr_true": cardiothoracic_ratio(truth["lungs"].mask, truth["heart"].mask),
    }
