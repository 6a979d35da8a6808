"""Tasks for Label Studio of the images that the user judged bad, in the form of ``study gold-export``."""

from collections.abc import Sequence
from typing import Any

import cv2

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.evaluate.gold.export import MODEL
from cxrfactory.evaluate.gold.studio import task
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.products.browsed import Browsed

LARGEST_SIDE = 1_024  # pixels of the picture in a task


def tasks(product: Browsed, keys: Sequence[int]) -> list[dict[str, Any]]:
    """Return one task for each row: its square picture, with the landmarks as keypoints to correct.

    Raises
    ------
    CxrError
        If a radiograph is not there.
    """
    found = []
    for key in keys:
        square, points, name = product.square(key)
        side = square.shape[0]
        if side > LARGEST_SIDE:
            points = (points + 0.5) * (LARGEST_SIDE / side) - 0.5
            square, side = cv2.resize(square, (LARGEST_SIDE, LARGEST_SIDE), interpolation=cv2.INTER_AREA), LARGEST_SIDE
        index = product.index
        release = index.columns["release"].cell(key) if "release" in index.columns else index.dataset(key)
        png = encode_png(square)
        found.append(task(str(release), index.image_id(key), png, points, side, landmark_graph(name), MODEL))
    return found
