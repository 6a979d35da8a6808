"""One colour for each organ or structure, the same in every image and in every export."""

import colorsys
from hashlib import blake2b

from cxrfactory.anatomy.regions import WHOLE_REGIONS
from cxrfactory.anatomy.taxonomy import class_of
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS

_ORGANS = {whole: organ for organ, whole in WHOLE_REGIONS.items()}
_BOTH_LUNGS = {"lungs": "right_lung"}
_GOLDEN = 0.618034  # step on the circle of hues; neighbours in the list of classes get distant hues
_SATURATION, _VALUES = 0.65, (0.95, 0.8)


def colour_of(name: str) -> tuple[int, int, int]:
    """Return the colour of an organ or structure: red, green, blue, 0 to 255.

    Organs have the colours of the overlays. Each of the 210 classes has a hue of its own; other names get
    one by a hash.

    Examples
    --------
    >>> from cxrfactory.export.colours import colour_of
    >>> colour_of("heart")
    (213, 94, 0)
    """
    organ = name.replace(" ", "_")
    organ = _ORGANS.get(organ, _BOTH_LUNGS.get(organ, organ))
    if organ in ORGAN_COLOURS:
        return ORGAN_COLOURS[organ]
    number = _number(name)
    rgb = colorsys.hsv_to_rgb(number * _GOLDEN % 1, _SATURATION, _VALUES[number % 2])
    return tuple(round(255 * part) for part in rgb)  # type: ignore[return-value]


def _number(name: str) -> int:
    try:
        found = class_of(name)
    except CxrError:
        found = None
    if found is not None:
        return found.class_id
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=2).digest(), "big")
