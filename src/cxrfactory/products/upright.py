"""An image of a product in the usual display, for people to look at and to draw on."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.imaging.turns import USUAL, displayed, displayed_points, lies_on_its_side
from cxrfactory.products.opened import ContouredImage, ProductImage


@dataclass(frozen=True)
class UprightImage(ContouredImage):
    """A film that its file holds turned or mirrored, in the usual display.

    Attributes
    ----------
    stored
        The image as it is stored; masks, contours and pixels of this one are those of the upright film.
    """

    stored: ContouredImage = field(repr=False)

    def path(self) -> Path:
        """Return the path of the file, which holds the film turned or mirrored."""
        return self.stored.path()

    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the upright film, stretched to 0 to 255; see the base class."""
        return np.ascontiguousarray(displayed(self.stored.image(), self.stored.orientation))


def upright(image: ProductImage) -> ProductImage:
    """Return an image in the usual display; one that is stored in it comes back unchanged."""
    if image.orientation == USUAL or not isinstance(image, ContouredImage):
        return image
    from cxrfactory.tables.rle import rle_encode  # late, as in products.opened

    frame = image.orientation, image.height, image.width
    sideways = lies_on_its_side(image.orientation)
    masks = {organ: displayed(mask, image.orientation) for organ, mask in image.masks.items()}
    return UprightImage(
        image_id=image.image_id,
        release=image.release,
        height=image.width if sideways else image.height,
        width=image.height if sideways else image.width,
        scores=image.scores,
        facts={name: fact for name, fact in image.facts.items() if name != "geometry"},
        landmarks={
            organ: displayed_points(points, *frame).astype(np.float32) for organ, points in image.landmarks.items()
        },
        uncertainty={organ: each[:, ::-1] if sideways else each for organ, each in image.uncertainty.items()},
        _rles={organ: rle_encode(np.ascontiguousarray(mask)) for organ, mask in masks.items()},
        _source=image._source,
        stored=image,
    )
