"""Colours and leaves of the tree for products with more organs than have colours of their own."""

import colorsys
from typing import Any

_GOLDEN = 0.618034  # steps of the golden ratio around the colour circle keep neighbours apart


def organ_colour(place: int) -> tuple[int, int, int]:
    """Return the colour (red, green, blue) of the organ at that place of the list."""
    red, green, blue = colorsys.hsv_to_rgb(place * _GOLDEN % 1, 0.7, 1)
    return round(255 * red), round(255 * green), round(255 * blue)


def leaf(name: str, label: str) -> dict[str, Any]:
    """Return a leaf of the tree of organs: the organ's name, and the words that the page shows."""
    return {"name": name, "label": label, "children": []}
