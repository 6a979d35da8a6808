"""The measures of one segmented image against its truth, as one row."""

import numpy as np
from jaxtyping import Bool

from cxrfactory.anatomy.graph import WHOLE_LUNGS
from cxrfactory.anatomy.organs import BOTH_LUNGS, HEART, LUNGS
from cxrfactory.evaluate.generalise.truth import REGION_ORGANS, StudyImage, TrueMask, Truth, outline
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.metrics.distance import BoundaryDistances, surface_distances
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.segmenter import Masks
from cxrfactory.tables.rows import Row

OUTLINE = "outline"
WHOLE = "whole_lungs"
MEASURED = (*LUNGS, BOTH_LUNGS, HEART, OUTLINE, WHOLE)
MEASURES = ("dice", "hd95_px", "hd95_mm")
COLUMNS = (*(f"{measure}_{organ}" for measure in MEASURES for organ in MEASURED), "ctr_true", "ctr")


def measure_image(found: Masks, case: StudyImage, definition: str, pixel_mm: float | None = None) -> Row:
    """Measure one image.

    Parameters
    ----------
    found
        Masks of the model in the frame of the image, by organ.
    case
        Image with its truth.
    definition
        What the model's organs include, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`.
    pixel_mm
        Side of a pixel of the image file, mm; None if it is not known.

    Returns
    -------
    All of :data:`COLUMNS`; None for organs that the truth (by the model's definition) or the model lacks. ``outline``
    compares the area between the outermost lung pixels of each row and needs lungs of any definition. ``whole_lungs``
    is for models that answer both definitions, with lungs by the names ``right_whole_lung`` and ``left_whole_lung``.
    HD95 is in pixels of a frame of 1024 x 1024, and in mm; it is infinite where one of the two masks is empty.
    """
    truth = _with_unions(case.truth(definition))
    answer = {organ: mask.astype(bool) for organ, mask in found.items()}
    if set(LUNGS) <= set(answer):
        answer[BOTH_LUNGS] = answer[LUNGS[0]] | answer[LUNGS[1]]
        truth |= _true_outline(case)
        area = outline(answer)
        if area is not None:
            answer[OUTLINE] = area.mask
    whole = [name for name, (of, _) in REGION_ORGANS.items() if of == WHOLE_LUNGS]
    if set(whole) <= set(answer):
        truth |= _whole_lungs(case)
        answer[WHOLE] = answer[whole[0]] | answer[whole[1]]
    row: Row = dict.fromkeys(COLUMNS)
    for organ in MEASURED:
        if organ in truth and organ in answer:
            row |= _measures(answer[organ], truth[organ], organ, case, pixel_mm)
    if {BOTH_LUNGS, HEART} <= set(truth):
        row["ctr_true"] = cardiothoracic_ratio(truth[BOTH_LUNGS].mask, truth[HEART].mask)
    if {BOTH_LUNGS, HEART} <= set(answer):
        row["ctr"] = cardiothoracic_ratio(answer[BOTH_LUNGS], answer[HEART])
    return row


def _with_unions(truth: Truth) -> Truth:
    if set(LUNGS) <= set(truth):
        truth[BOTH_LUNGS] = truth[LUNGS[0]] | truth[LUNGS[1]]
    return truth


def _whole_lungs(case: StudyImage) -> Truth:
    truth = case.truth(WHOLE_LUNGS)
    return {WHOLE: truth[LUNGS[0]] | truth[LUNGS[1]]} if set(LUNGS) <= set(truth) else {}


def _true_outline(case: StudyImage) -> Truth:
    for definition in case.definitions():
        area = outline(case.truth(definition))
        if area is not None:
            return {OUTLINE: area}
    return {}


def _measures(
    answer: Bool[np.ndarray, "size size"], truth: TrueMask, organ: str, case: StudyImage, pixel_mm: float | None
) -> Row:
    answer, true = truth.compared_with(answer)
    hd95 = BoundaryDistances(*surface_distances(answer, true)).hd95
    return {
        f"dice_{organ}": dice(answer, true),
        f"hd95_px_{organ}": hd95 * PAPER_SIZE_PX / case.size,
        f"hd95_mm_{organ}": None if pixel_mm is None else hd95 * case.scale * pixel_mm,
    }
