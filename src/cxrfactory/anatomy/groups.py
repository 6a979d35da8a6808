"""Partitions of the 210 classes for a benchmark: the levels of the hierarchy, seven groups, and pathology.

RadGenome-Anatomy reports its benchmark for seven groups (Lung, Cardiac, Vascular, Bone, Mediastinum, Abdomen, Other),
which are not its ten systems, and it gives no mapping. The mapping here is this project's own: vessels of all systems
are Vascular, other contents of the mediastinum including trachea and bronchi are Mediastinum, and the adrenal glands
are Abdomen. The four levels are those of the paper's section 3.2 (system, organ, substructure, class); the columns L1
to L3 of its table A6 are the levels L2 to L4 here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from cxrfactory.anatomy.taxonomy import AnatomyClass, class_of
from cxrfactory.errors import CxrError

GROUPS = ("Lung", "Cardiac", "Vascular", "Bone", "Mediastinum", "Abdomen", "Other")
LEVELS = ("L1", "L2", "L3", "L4")  # system, organ, substructure, class
CLASS_LEVEL = LEVELS[-1]
OTHER = "Other"

_BY_SYSTEM = {
    "Pulmonary": "Lung",
    "Cardiac": "Cardiac",
    "Skeletal": "Bone",
    "Mediastinal": "Vascular",
    "Esophageal": "Mediastinum",
    "Abdominal": "Abdomen",
    "Airway": OTHER,
    "Endocrine": OTHER,
    "Breast": OTHER,
    "Neural / soft tissue": OTHER,
}
# Organs whose group is not that of their system.
_BY_ORGAN = {
    "mediastinal tissue": "Mediastinum",
    "thymus": "Mediastinum",
    "trachea": "Mediastinum",
    "bronchie": "Mediastinum",
    "celiac trunk": "Vascular",
    "iliac artery": "Vascular",
    "iliac vena": "Vascular",
    "inferior vena cava": "Vascular",
    "portal vein and splenic vein": "Vascular",
    "renal artery": "Vascular",
    "renal vein": "Vascular",
    "adrenal gland": "Abdomen",
}
_PATHOLOGY_WORDS = ("cyst", "tumor", "nodule", "effusion", "embolism")
_DEFINITIONS = ("whole", "projected")  # words of a region's name that state a definition


@dataclass(frozen=True)
class Node:
    """A structure of one level of the hierarchy, as the union of the regions below it.

    Attributes
    ----------
    level
        One of :data:`LEVELS`.
    name
        Name of the system, organ, substructure or class.
    group
        One of :data:`GROUPS` if all regions of the node belong to it, else empty.
    pathology
        Whether the node is a pathological class (a cyst, a tumour, a nodule, an effusion, an embolism).
    regions
        Names of the regions whose union it is.
    """

    level: str
    name: str
    group: str
    pathology: bool
    regions: tuple[str, ...]


def group_of(item: AnatomyClass) -> str:
    """Return the group of a class, one of :data:`GROUPS`."""
    return _BY_ORGAN.get(item.organ, _BY_SYSTEM[item.system])


def is_pathology(item: AnatomyClass) -> bool:
    """Return whether a class is a pathology and not a normal structure."""
    return any(word in item.name.split() for word in _PATHOLOGY_WORDS)


def nodes_of(regions: Sequence[str]) -> list[Node]:
    """Return the structures of all levels that a list of regions makes, level by level.

    A class without a substructure or an organ of its own stands for itself on the deeper levels. A region that is no
    class of the taxonomy, such as ``airways``, is a class of the group Other and has no other level.

    Parameters
    ----------
    regions
        Names of regions as labelled tables have them, such as ``left_rib_1`` or ``right_projected_lung``.

    Returns
    -------
    list of Node
        Nodes in the order of :data:`LEVELS`, and within a level in the order of their first region.
    """
    found = []
    known = {region: class_of_region(region) for region in regions}
    for depth, level in enumerate(LEVELS):
        members: dict[str, list[str]] = {}
        for region, item in known.items():
            if item is None and level != CLASS_LEVEL:
                continue
            members.setdefault(_name_at(region, item, depth), []).append(region)
        found += [_node(level, name, own, known) for name, own in members.items()]
    return found


@cache
def class_of_region(region: str) -> AnatomyClass | None:
    """Return the class of the taxonomy that a region shows; None if it is none."""
    words = [word for word in region.split("_") if word not in _DEFINITIONS]
    try:
        return class_of("_".join(words))
    except CxrError:
        return None


def _name_at(region: str, item: AnatomyClass | None, depth: int) -> str:
    if item is None:
        return region.replace("_", " ")
    path = item.path
    return item.name if LEVELS[depth] == CLASS_LEVEL else path[min(depth, len(path) - 1)]


def _node(level: str, name: str, regions: list[str], known: dict[str, AnatomyClass | None]) -> Node:
    items = [known[region] for region in regions]
    groups = {OTHER if item is None else group_of(item) for item in items}
    pathology = level == CLASS_LEVEL and items[0] is not None and is_pathology(items[0])
    return Node(level, name, groups.pop() if len(groups) == 1 else "", pathology, tuple(regions))
