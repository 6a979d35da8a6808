"""Items with masks whose measurements are known: rectangular lungs, a rectangular heart, landmarks at their corners."""

import numpy as np

from cxrfactory.measure.items import Item
from cxrfactory.tables.rle import rle_encode

HEIGHT, WIDTH = 120, 160


def box(top, left, bottom, right):
    """Mask with ones in rows ``top`` to ``bottom`` and columns ``left`` to ``right``, ends included."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top : bottom + 1, left : right + 1] = 1
    return mask


def corners(top, left, bottom, right, nodes):
    """Closed contour of such a box with points along its sides, clockwise from the upper left corner."""
    around = np.linspace(0, 4, nodes, endpoint=False)
    steps = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    x, y = np.array(steps, float).T
    return np.column_stack([np.interp(around, range(5), x), np.interp(around, range(5), y)])


RIGHT, LEFT, HEART = (20, 20, 99, 59), (20, 100, 99, 139), (60, 50, 95, 109)  # heart 60 wide, lungs 120


def item(image_id="a", **changes):
    """Frontal film with a cardiothoracic ratio of 60 / 120."""
    boxes = {"right_lung": RIGHT, "left_lung": LEFT, "heart": HEART}
    nodes = {"right_lung": 44, "left_lung": 50, "heart": 26}
    given = {
        "dataset": "demo",
        "image_id": image_id,
        "view": "PA",
        "height": HEIGHT,
        "width": WIDTH,
        "rles": {organ: rle_encode(box(*corner)) for organ, corner in boxes.items()},
        "landmarks": {organ: corners(*boxes[organ], nodes[organ]) for organ in boxes},
        "spread": {organ: np.full((nodes[organ], 2), 0.5) for organ in boxes},
    }
    return Item(**{**given, **changes})
