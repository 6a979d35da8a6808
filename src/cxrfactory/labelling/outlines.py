"""Convert lung outlines of another convention to labelled images: outlines correct the landmarks of a network."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.config import LabelMasksConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.labelling.mask_folder import Labels, MaskFolder, Regions
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.registration.outlines import fit_to_outlines, outer_nodes
from cxrfactory.tables.weights import read_weights

LARGEST_GAP = 0.03  # as a share of the image's side; a shape farther from its outline is rejected


def label_outlines(
    root: str | Path,
    weights: str | Path,
    output: str | Path,
    rejected: str | Path,
    recipe: Preparation,
    settings: LabelMasksConfig,
) -> tuple[int, int]:
    """Write labelled images (labels ``LH``, without drawn masks) of a folder with ``table.csv``, images and masks.

    Parameters
    ----------
    root, recipe
        The same as for :class:`~cxrfactory.labelling.mask_folder.MaskFolder`.
    weights
        Weights file of a landmark model of lungs and heart.
    output
        Parquet file to write, schema ``LABELLED_IMAGES``.
    rejected
        Table to write of the images that could not be used, schema ``REJECTED``.
    settings
        Name of the set, and share of its patients for validation.

    Returns
    -------
    Numbers of images written and rejected.

    Raises
    ------
    CxrError
        If the table or a column is missing, or if the weights do not belong to a landmark model of lungs and heart.
    """
    folder = MaskFolder(Path(root), settings.source, recipe, settings.val_fraction)
    tensors, card = read_weights(weights)
    segmenter = Segmenter(tensors, card, source=str(weights))
    graph = getattr(segmenter.network, "graph", None)
    if graph is None or graph.name != "lungs-heart":
        raise CxrError(f"{weights}: expected weights of a landmark model of graph 'lungs-heart'")
    outer = outer_nodes(tensors["mean_shape"], graph)

    def labeller(image_id: str, image: UInt8[np.ndarray, "size size"], regions: Regions) -> Labels:
        lungs = folder.lungs(regions)
        found = segmenter(image, recipe.size)
        landmarks, gap = fit_to_outlines(found.landmarks, lungs, outer, graph)
        if gap > LARGEST_GAP * recipe.size:
            raise ImageError(f"landmarks stay {gap:.0f} px from the outline; expected the same lungs")
        return Labels("LH", landmarks)

    return folder.label(labeller, "outlines", output, rejected)
