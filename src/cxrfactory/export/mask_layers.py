"""Overlapping masks in a few label maps: in each layer, a pixel belongs to one mask at most."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8, UInt16

_LARGEST_BYTE = 255


def layered(
    masks: Mapping[str, UInt8[np.ndarray, "height width"]],
) -> tuple[
    UInt8[np.ndarray, "layers height width"] | UInt16[np.ndarray, "layers height width"], dict[str, tuple[int, int]]
]:
    """Put each mask into the first layer in which it overlaps no other mask.

    Parameters
    ----------
    masks
        Mask of each structure: uint8 [row, column], 0 and 1, all of one shape.

    Returns
    -------
    layers
        Label maps [layer, row, column]; 0 is background. uint8, or uint16 for more than 255 masks.
    places
        Layer and label of each mask. Labels are counted from 1 over all layers.

    Examples
    --------
    >>> import numpy as np
    >>> from cxrfactory.export.mask_layers import layered
    >>> rows = {"a": [1, 1, 0], "b": [0, 1, 1], "c": [0, 0, 1]}
    >>> layers, places = layered({name: np.array([row], np.uint8) for name, row in rows.items()})
    >>> layers.tolist(), places
    ([[[1, 1, 3]], [[0, 2, 2]]], {'a': (0, 1), 'b': (1, 2), 'c': (0, 3)})
    """
    kind = np.uint8 if len(masks) <= _LARGEST_BYTE else np.uint16
    layers: list[np.ndarray] = []
    places = {}
    for label, (name, mask) in enumerate(masks.items(), 1):
        inside = mask != 0
        place = next((place for place, layer in enumerate(layers) if not layer[inside].any()), len(layers))
        if place == len(layers):
            layers.append(np.zeros(mask.shape, kind))
        layers[place][inside] = label
        places[name] = (place, label)
    return np.stack(layers), places
