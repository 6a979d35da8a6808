"""All measures of one segmentation against its truth, one row for each organ.

Distances are in pixels of a 1024 x 1024 frame and squared errors in squared pixels, as in the papers.

Empty masks: if truth and prediction are both empty, every measure is NaN, because nothing was compared. If one of them
is empty, Dice, IoU, precision, recall, NSD and the three component measures are 0; HD, HD95 and ASD are infinite; and
the cardiothoracic ratio is NaN. An organ that the truth does not annotate, or that the model does not segment, gives no
row. Tables count NaN as ``missing`` and infinite values as ``infinite``, and leave both out of means.
"""

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


def measure(found: Segmentation, case: LabelledImage, tolerance_px: float) -> list[Row]:
    """Measure one image.

    Parameters
    ----------
    found
        Segmentation in the frame of the case.
    case
        Labelled image that holds the truth.
    tolerance_px
        Tolerance of the normalised surface distance, pixels at 1024 x 1024.

    Returns
    -------
    Rows with ``organ`` and the measures that apply: one for each organ and union that both sides have, and one for
    :data:`WHOLE`.
    """
    true_masks, found_masks = with_unions(case.masks()), with_unions(found.masks)
    rows = []
    for organ, truth in true_masks.items():
        if organ not in found_masks:
            continue
        row = {"organ": organ, **_mask_measures(found_masks[organ], truth, case.size, tolerance_px)}
        if found.landmarks is not None and organ in found.graph.slices:
            points = found.landmarks[found.graph.slices[organ]]
            row[LANDMARK_MEASURE] = landmark_mse(points, case.landmarks[case.graph.slices[organ]], case.size)
        rows.append(row)
    return [*rows, {"organ": WHOLE, **_whole(found, case, found_masks, true_masks)}]


def _mask_measures(found, truth, size: int, tolerance_px: float) -> dict[str, float]:
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


def _whole(found: Segmentation, case: LabelledImage, found_masks: Masks, true_masks: Masks) -> dict[str, float]:
    row = {}
    if found.landmarks is not None:
        shared = min(len(found.landmarks), len(case.landmarks))  # every graph is a prefix of the larger ones
        row[LANDMARK_MEASURE] = landmark_mse(found.landmarks[:shared], case.landmarks[:shared], case.size)
    if {"lungs", "heart"} <= set(found_masks) & set(true_masks):
        row["ctr"] = cardiothoracic_ratio(found_masks["lungs"], found_masks["heart"])
        row["ctr_true"] = cardiothoracic_ratio(true_masks["lungs"], true_masks["heart"])
    return row
