"""Convert lung masks to labelled images by placing landmarks on the borders of the masks, without a network."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LABEL_GRAPHS, landmark_graph
from cxrfactory.anatomy.mask_landmarks import landmarks_from_masks
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config import LabelLungMasksConfig
from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.labelling.mask_folder import Lungs, MaskFolder
from cxrfactory.logs import get_logger
from cxrfactory.metrics.overlap import dice

# Landmark graphs of both lungs and their label codes; the user states which definition the masks follow.
LUNG_GRAPHS = {graph: code for code, graph in LABEL_GRAPHS.items() if len(landmark_graph(graph).organs) == 2}
LEAST_DICE = 0.95  # smallest Dice of filled landmarks with the mask; below it, 44 + 50 nodes cannot describe the mask

log = get_logger(__name__)


def label_masks(
    root: str | Path,
    output: str | Path,
    rejected: str | Path,
    recipe: Preparation,
    settings: LabelLungMasksConfig,
) -> tuple[int, int]:
    """Write labelled images of a folder with ``table.csv``, ``images/`` and ``masks/``.

    Parameters
    ----------
    root, recipe
        The same as for :class:`~cxrfactory.labelling.mask_folder.MaskFolder`.
    output
        Parquet file to write, schema ``LABELLED_IMAGES``.
    rejected
        Table to write of the images that could not be used, schema ``REJECTED``.
    settings
        Name of the set, share of patients for validation, and the graph that defines the extent of the masks:
        ``whole-lungs`` (with the part behind the heart) or ``lungs``.

    Returns
    -------
    Numbers of images written and rejected.

    Raises
    ------
    CxrError
        If the table or a column is missing.
    """
    graph = landmark_graph(settings.definition)
    scores = []

    def labeller(image: UInt8[np.ndarray, "size size"], lungs: Lungs) -> Float[np.ndarray, "nodes 2"]:
        landmarks = landmarks_from_masks(lungs["right_lung"], lungs["left_lung"])
        filled = landmarks_to_masks(landmarks, graph, *image.shape)
        worst = min(lungs, key=lambda organ: dice(filled[organ], lungs[organ]))
        score = dice(filled[worst], lungs[worst])
        if score < LEAST_DICE:
            raise ImageError(
                f"landmarks of the {worst}, filled, have a Dice of {score:.3f} with its mask; expected {LEAST_DICE:g}"
            )
        scores.append(dice(np.maximum(*filled.values()), np.maximum(*lungs.values())))
        return landmarks

    counts = MaskFolder(Path(root), settings.source, recipe, settings.val_fraction).label(
        labeller, LUNG_GRAPHS[settings.definition], "masks", output, rejected
    )
    if scores:
        low = np.quantile(scores, 0.05)
        log.info("labels are %s", graph.definition_text)
        log.info("Dice of the landmarks, filled, with the masks: mean %.4f, 5 %% below %.4f", np.mean(scores), low)
    return counts
