"""Names of regions: what a mask covers, in words that state the definition.

A region is a mask that somebody drew, or the inside of a contour. Its name is one for every definition: the lungs of
JSRT's definition are ``right_lung`` and ``left_lung``, and lungs with the part behind the heart are
``right_whole_lung`` and ``left_whole_lung``. Therefore masks of both definitions can be stored and trained together.
The heart is ``heart`` in both. Every other name belongs to whoever drew the masks, such as ``airways``.
"""

import re

from cxrfactory.anatomy.graph import WHOLE_LUNGS, LandmarkGraph
from cxrfactory.anatomy.organs import REGION_NAME
from cxrfactory.errors import CxrError

# Organ of a landmark graph -> its region where lungs include the part behind the heart.
WHOLE_REGIONS = {"right_lung": "right_whole_lung", "left_lung": "left_whole_lung"}
# Lungs as rays meet them, which reach behind heart and diaphragm, are neither of the two definitions above.
_PROJECTED = {"right_lung": "right_projected_lung", "left_lung": "left_projected_lung"}
# Values of a region's mask in a labelled table.
OUTSIDE, IGNORED, INSIDE = 0, 127, 255


def region_of(organ: str, definition: str) -> str:
    """Return the region that an organ is by a definition, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`."""
    return WHOLE_REGIONS.get(organ, organ) if definition == WHOLE_LUNGS else organ


def contour_regions(graph: LandmarkGraph) -> dict[str, slice]:
    """Map the regions that the contours of a graph enclose to the slices of their nodes."""
    return {region_of(organ, graph.definition): where for organ, where in graph.slices.items()}


def region_of_structure(structure: str) -> str:
    """Return the region whose mask is the projection of a structure, such as ``left_rib_1`` for ``left rib 1``.

    Letters become small, and everything that is neither a letter nor a digit becomes an underscore. A whole lung
    becomes ``right_projected_lung`` or ``left_projected_lung``, because its projection reaches further than drawn
    lungs.

    Examples
    --------
    >>> region_of_structure("thoracic vertebrae 1 (t1)")
    'thoracic_vertebrae_1_t1'
    """
    name = re.sub(r"[^a-z0-9]+", "_", structure.lower()).strip("_")
    return _PROJECTED.get(name, name)


def check_region_name(name: str, where: str) -> str:
    """Return a region's name if it is lower-case words joined by underscores.

    Raises
    ------
    CxrError
        If it is not.
    """
    if not re.fullmatch(REGION_NAME, name):
        raise CxrError(f"{where}: region '{name}'; expected lower-case words joined by underscores, such as left_lung")
    return name
