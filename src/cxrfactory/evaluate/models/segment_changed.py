"""Prepare and segment a changed image as if it were a file, and transform its truth into the same frame."""

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
    """Result of segmenting one changed image as a file.

    Attributes
    ----------
    image
        The image as given to the segmenter.
    found, truth
        Masks by organ (unions included), in the prepared frame.
    points_px
        Found landmarks, mapped back to the unchanged image, (x, y) in pixels at 1024 x 1024; None for a pixel network.
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
        Affine map from points of the case's image to points of ``pixels``.
    case
        Labelled image. Its landmarks are mapped first by ``transform`` and then by the geometry of the preparation.
        Parts outside the frame are cut off, as in the picture.
    recipe
        Settings of the preprocessing.

    Raises
    ------
    ImageError
        If the pixels have no contrast, or the network's output is not finite.
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
