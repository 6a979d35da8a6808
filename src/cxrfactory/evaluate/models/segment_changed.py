"""A changed image sent the way of a file: preparation, segmenter; and its truth brought into the same frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.evaluate.models.labelled import LabelledImage, with_unions
from cxrfactory.evaluate.models.perturb import Transform, invert_transform, transform_points
from cxrfactory.imaging.radiograph.image import Radiograph, check_pixels
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX
from cxrfactory.models.segmenter import Masks, Segments


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    Attributes
    ----------
    image
        As the segmenter saw it.
    found, truth
        Organ (unions too) to mask, the prepared frame.
    points_px
        Landmarks found, brought back to the unchanged image, (x, y) in pixels at 1024 x 1024; None for a pixel network.
    """

    image: UInt8[np.ndarray, "size size"]
    found: Masks
    truth: Masks
    points_px: Float[np.ndarray, "nodes 2"] | None


def segment_as_file(
    segmenter: Segments,
    pixels: Shaped[np.ndarray, "height width"],
    transform: Transform,
    case: LabelledImage,
    recipe: Preparation,
) -> FileResult:
    """Prepare and segment pixels as if they had been read from a file.

    Parameters
    ----------
    segmenter
        The model.
    pixels
        The changed image of ``case``.
    transform
        From points of the case's image to points of ``pixels``.
    case
        Its landmarks are moved along, first by ``transform``, then by the geometry of the preparation; parts that leave
        the frame are cut off, as they are in the picture.
    recipe
        Preprocessing.

    Raises
    ------
    ImageError
        If the pixels show nothing, or the network's answer is not finite.
    """
    check_pixels(pixels)
    image, geometry = prepare(Radiograph(pixels), recipe)
    found = segmenter(image, recipe.size)
    moved = geometry.forward_points(transform_points(case.landmarks, transform))
    truth = landmarks_to_masks(moved, case.graph, recipe.size, recipe.size)
    points = None
    if found.landmarks is not None:
        back = transform_points(geometry.inverse_points(found.landmarks), invert_transform(transform))
        points = back * (PAPER_SIZE_PX / case.size)
    return FileResult(image, with_unions(found.masks), with_unions(truth), points)
