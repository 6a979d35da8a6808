"""Convert drawn masks to labelled images: the masks themselves, and landmarks on their borders where they allow it.

No network is used. Landmarks of the lungs need both of them, each in one piece; the heart can have landmarks alone. An
image whose masks do not allow landmarks keeps its masks.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.contour_features import context_distance, outer_contour
from cxrfactory.anatomy.graph import LABEL_GRAPHS, landmark_graph
from cxrfactory.anatomy.mask_landmarks import contour_landmarks, contour_models, landmarks_from_masks
from cxrfactory.anatomy.organ_masks import main_part
from cxrfactory.anatomy.organs import HEART, LUNGS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.anatomy.regions import IGNORED, INSIDE, contour_regions, region_of
from cxrfactory.config import LabelLungMasksConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.labelling.mask_folder import Labels, Lungs, MaskFolder, Regions
from cxrfactory.logs import get_logger
from cxrfactory.metrics.overlap import dice

# Landmark graphs of both lungs and their label codes; the user states which definition the masks follow.
LUNG_GRAPHS = {graph: code for code, graph in LABEL_GRAPHS.items() if landmark_graph(graph).organs == LUNGS}
# Codes in the order in which they are tried, by the graph of lungs. Whole lungs have no landmarks of a heart beside.
TRIED = {"lungs": ("LHC", "LH", "L", "H"), "whole-lungs": ("W", "H")}
LEAST_DICE = 0.95  # smallest Dice of filled landmarks with the mask; below it, 44 + 50 nodes cannot describe the mask
MOST_IGNORED = 0.01  # largest share of an organ's border that may touch pixels about which the mask says nothing

log = get_logger(__name__)


def label_masks(
    root: str | Path,
    output: str | Path,
    rejected: str | Path,
    recipe: Preparation,
    settings: LabelLungMasksConfig,
) -> tuple[int, int]:
    """Write labelled images of a folder with ``table.csv``, images and masks.

    Parameters
    ----------
    root, recipe
        The same as for :class:`~cxrfactory.labelling.mask_folder.MaskFolder`.
    output
        Parquet file to write, schema ``LABELLED_IMAGES``.
    rejected
        Table to write of the images that could not be used, schema ``REJECTED``.
    settings
        Name of the set, share of patients for validation, the graph that defines the extent of the lungs
        (``whole-lungs`` with the part behind the heart, or ``lungs``), and what the columns of the table mean.

    Returns
    -------
    Numbers of images written and rejected.

    Raises
    ------
    CxrError
        If the table or a column is missing, or a column's meaning is not COLUMN=REGION.
    """
    folder = MaskFolder(
        Path(root),
        settings.source,
        recipe,
        settings.val_fraction,
        settings.definition,
        _pairs("--columns", settings.columns),
        _pairs("--not-annotated", settings.not_annotated),
    )
    scores: list[float] = []

    def labeller(image_id: str, image: UInt8[np.ndarray, "size size"], regions: Regions) -> Labels:
        labels, score = landmarks_of_regions(image_id, regions, TRIED[settings.definition])
        if score is not None:
            scores.append(score)
        return labels

    counts = folder.label(labeller, "masks", output, rejected)
    if scores:
        low = np.quantile(scores, 0.05)
        log.info("labels are %s", landmark_graph(settings.definition).definition_text)
        log.info("Dice of the landmarks, filled, with the masks: mean %.4f, 5 %% below %.4f", np.mean(scores), low)
    return counts


def landmarks_of_regions(image_id: str, regions: Regions, codes: Sequence[str]) -> tuple[Labels, float | None]:
    """Place landmarks on the borders of drawn masks, by the first code whose organs allow it.

    Parameters
    ----------
    image_id
        Name of the image, for the log, which says why a code was not possible.
    regions
        Drawn masks, which become the regions of the labels.
    codes
        Label codes in the order in which they are tried. Codes whose regions are not annotated are passed over. If none
        is possible, the labels have code M and no landmarks.

    Returns
    -------
    Labels, and the Dice of the filled landmarks with the masks of both lungs (None if they have no landmarks).
    """
    reasons = []
    for code in (each for each in codes if _asked(each) <= set(regions)):
        try:
            landmarks, masks, filled = _landmarks(code, regions)
        except ImageError as error:
            reasons.append(str(error))
            continue
        score = dice(_union(filled), _union(masks)) if set(LUNGS) <= set(masks) else None
        break
    else:
        code, landmarks, score = "M", np.zeros((0, 2)), None
    if told := list(dict.fromkeys(reasons)):
        log.info("%s: labels %s only, because %s", image_id, code, "; ".join(told))
    return Labels(code, landmarks, regions), score


def _asked(code: str) -> set[str]:
    """Return the regions that the landmarks of a code need."""
    return set(contour_regions(landmark_graph(LABEL_GRAPHS[code])))


def _pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for column, sign, region in pairs:
        if not (column and sign and region):
            raise CxrError(f"{option}: '{column}{sign}{region}'; expected COLUMN=REGION, such as mask_heart=heart")
    return {column: region for column, _, region in pairs}


def _landmarks(code: str, regions: Regions) -> tuple[Float[np.ndarray, "nodes 2"], Lungs, Lungs]:
    """Return the landmarks of a code's organs, the main parts of their masks, and the filled landmarks.

    Raises
    ------
    ImageError
        If an organ is absent, its mask holds no organ in one piece or touches pixels about which it
        says nothing, or the landmarks do not describe the mask.
    """
    graph = landmark_graph(LABEL_GRAPHS[code])
    masks = {organ: _part(organ, regions[region_of(organ, graph.definition)]) for organ in graph.organs}
    if graph.organs == (HEART,):
        contour = outer_contour(HEART, masks[HEART])
        landmarks = contour_landmarks(contour, context_distance(contour.points, None), contour_models()[HEART])
    else:
        landmarks = landmarks_from_masks(*masks.values())
    filled = landmarks_to_masks(landmarks, graph, *masks[graph.organs[0]].shape)
    worst = min(masks, key=lambda organ: dice(filled[organ], masks[organ]))
    score = dice(filled[worst], masks[worst])
    if score < LEAST_DICE:
        raise ImageError(
            f"landmarks of the {worst}, filled, have a Dice of {score:.3f} with its mask; expected {LEAST_DICE:g}"
        )
    return landmarks, masks, filled


def _part(organ: str, region: UInt8[np.ndarray, "size size"]) -> UInt8[np.ndarray, "size size"]:
    name = organ.replace("_", " ")
    if not (region == INSIDE).any():
        raise ImageError(f"the {name} is absent")
    part, ignored = main_part(organ, (region == INSIDE).astype(np.uint8)), region == IGNORED
    if not ignored.any():
        return part
    contours = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    whole = cv2.drawContours(np.zeros_like(part), contours, -1, 1, cv2.FILLED)
    border = cv2.dilate(whole, np.ones((3, 3), np.uint8)) > whole
    share = float((border & ignored).sum() / border.sum())
    if share > MOST_IGNORED:
        raise ImageError(f"{share:.0%} of the border of the {name} touches pixels that the mask ignores")
    return part | (whole & ignored)  # what is unknown within an organ does not spoil its landmarks


def _union(masks: Lungs) -> UInt8[np.ndarray, "size size"]:
    return np.maximum(*(masks[organ] for organ in LUNGS))
