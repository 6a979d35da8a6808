"""Pictures of the structures over a film, one for each panel: lungs, bones, heart and vessels, abdomen, others."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.structure_groups import PANELS, panel_of
from cxrfactory.imaging.drawing.contact_sheet import text_strip
from cxrfactory.imaging.drawing.structures import GREY, colours_of, draw_structures
from cxrfactory.models.anatomy.network import LABEL, FoundStructure

_PER_LINE = 8  # names in a line below a picture


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
    RGB picture by panel, with lines of names and confidences below; panels without a structure are left out.
    """
    pictures = {}
    for panel in PANELS:
        here = [each for each in found if panel_of(each.name) == panel and each.confidence is not None]
        here = sorted([each for each in here if each.origin == LABEL] or here, key=lambda each: each.name)
        if here:
            sure = {each.name: each.confidence >= trust for each in here}  # type: ignore[operator]
            drawn = draw_structures(image, {each.name: (each.mask, sure[each.name]) for each in here})
            colours = colours_of([each.name for each in here])
            words = [
                (f"{each.name} {each.confidence:.2f}   ", colours[each.name] if sure[each.name] else GREY)
                for each in here
            ]
            lines = [words[start : start + _PER_LINE] for start in range(0, len(words), _PER_LINE)]
            pictures[panel] = np.vstack([drawn, text_strip(lines, drawn.shape[1])])
    return pictures
