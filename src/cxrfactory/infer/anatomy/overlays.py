"""Pictures of the structures over a film, one for each panel: lungs, bones, heart and vessels, abdomen, others.

A trusted structure is filled and outlined. A structure that is not trusted has a thin grey outline only.
"""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.structure_groups import PANELS, panel_of
from cxrfactory.imaging.drawing.contact_sheet import text_strip
from cxrfactory.models.anatomy.network import LABEL, FoundStructure

OPACITY = 0.3
_GREY = (150, 150, 150)
_GOLDEN = 0.618034  # step on the circle of hues, so that neighbours in a list get distant hues


def panels(
    image: UInt8[np.ndarray, "size size"], found: Sequence[FoundStructure], trust: float
) -> dict[str, UInt8[np.ndarray, "rows size 3"]]:
    """Draw the structures of a film, each on its panel.

    Parameters
    ----------
    image
        8-bit film in the frame of the masks.
    found
        Structures; unions are drawn only where no output of the network is on their panel.
    trust
        Least confidence of a filled mask.

    Returns
    -------
    RGB picture by panel, with a line of names below; panels without a structure are left out.
    """
    pictures = {}
    for panel in PANELS:
        here = [each for each in found if panel_of(each.name) == panel and each.mask.any()]
        here = [each for each in here if each.origin == LABEL] or here
        if here:
            pictures[panel] = draw_structures(image, here, trust)
    return pictures


def draw_structures(
    image: UInt8[np.ndarray, "size size"], found: Sequence[FoundStructure], trust: float, names: bool = True
) -> UInt8[np.ndarray, "rows size 3"]:
    """Draw structures over a film, with a line of their names below it if ``names``."""
    picture = np.repeat(image[..., None], 3, axis=2)
    largest_first = sorted(found, key=lambda each: (-int(each.mask.sum()), each.name))
    colours = {each.name: _colour(place) for place, each in enumerate(sorted(found, key=lambda each: each.name))}
    for each in largest_first:
        sure = each.confidence is not None and each.confidence >= trust
        if sure:
            inside = each.mask.astype(bool)
            tint = np.float32(colours[each.name]) - picture[inside]
            picture[inside] = np.rint(picture[inside] + OPACITY * tint).astype(np.uint8)
        outline, _ = cv2.findContours(each.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        thick = max(1, image.shape[0] // 500) if sure else 1
        cv2.drawContours(picture, outline, -1, colours[each.name] if sure else _GREY, thick)
    if not names:
        return picture
    return np.vstack([picture, text_strip(_legend(found, colours, trust), picture.shape[1])])


def _legend(
    found: Sequence[FoundStructure], colours: dict[str, tuple[int, int, int]], trust: float, per_line: int = 8
) -> list[list[tuple[str, tuple[int, int, int]]]]:
    ordered = sorted(found, key=lambda each: each.name)
    pieces = [
        (f"{each.name} {each.confidence:.2f}   ", colours[each.name] if each.confidence >= trust else _GREY)
        for each in ordered
        if each.confidence is not None
    ]
    return [pieces[start : start + per_line] for start in range(0, len(pieces), per_line)]


def _colour(place: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(place * _GOLDEN % 1, 0.75, 1)
    return round(255 * red), round(255 * green), round(255 * blue)
