"""The anatomy taxonomy of RadGenome-Anatomy: 210 classes, ten systems, ten regions, and names of other vocabularies.

Class names are those of RadGenome-ChestCT's mask files. The hierarchy is that of the RadGenome-Anatomy paper
(section 3.2, table A6). If the paper does not show the position of a class, the position is inferred so that the
paper's counts hold, and the class is marked as inferred (``placed``). ``docs/anatomy.md`` explains the inference.

Results are computed once and shared between callers, so callers must not modify them.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from types import MappingProxyType

from cxrfactory.anatomy import taxonomy_tables as tables
from cxrfactory.anatomy.taxonomy_tables import AnatomyClass, UnionRule
from cxrfactory.errors import CxrError

# The order is the paper's, from the largest footprint of the masks to the smallest (table A4).
SYSTEMS = (
    "Neural / soft tissue",
    "Pulmonary",
    "Breast",
    "Cardiac",
    "Abdominal",
    "Skeletal",
    "Mediastinal",
    "Esophageal",
    "Airway",
    "Endocrine",
)

_SUFFIX = re.compile(r"(\.seg)?\.(nii\.gz|nii|nrrd|mha|mhd)$")
_SHOWN_CHARACTERS = 60  # error messages quote at most this much of an unknown name, which comes from a user's file


@dataclass(frozen=True)
class Resolution:
    """The meaning of a structure's name.

    Attributes
    ----------
    name
        The name as given.
    class_id
        Id of the class that the name denotes; None if the name is dropped deliberately.
    dropped
        Reason why the name denotes no class; None if it denotes one.
    vocabulary
        Vocabulary of the name: ``canonical``, ``TotalSegmentator v2``, ``TotalSegmentator v1`` or
        ``TotalSegmentator other``.
    """

    name: str
    class_id: int | None
    dropped: str | None
    vocabulary: str


def classes() -> tuple[AnatomyClass, ...]:
    """Return the 210 classes; the class with id ``i`` has index ``i - 1``."""
    return tables.read_classes()


def class_by_id(class_id: int) -> AnatomyClass:
    """Return the class with a given id.

    Raises
    ------
    CxrError
        If the id is not within 1 to 210.
    """
    if not 1 <= class_id <= len(classes()):
        raise CxrError(f"anatomy class id {class_id} is unknown; expected 1 to {len(classes())}")
    return classes()[class_id - 1]


@cache
def systems() -> MappingProxyType[str, tuple[int, ...]]:
    """Return the class ids of each of the ten systems; the systems are in the order of :data:`SYSTEMS`."""
    found: dict[str, list[int]] = {system: [] for system in SYSTEMS}
    for item in classes():
        found[item.system].append(item.class_id)
    return MappingProxyType({system: tuple(members) for system, members in found.items()})


@cache
def regions() -> MappingProxyType[str, frozenset[int]]:
    """Return the class ids of each of the ten regions, in alphabetical order; a class may belong to several regions."""
    return MappingProxyType(
        {
            region: frozenset(item.class_id for item in classes() if region in item.regions)
            for region in tables.read_regions()
        }
    )


@cache
def union_rules() -> tuple[UnionRule, ...]:
    """Return the union rules in an order in which every group comes after the groups that are its parts."""
    waiting = {rule.class_id: rule for rule in tables.read_unions()}
    ordered: list[UnionRule] = []
    while waiting:
        ready = [rule for rule in waiting.values() if waiting.keys().isdisjoint(rule.parts + rule.optional)]
        if not ready:
            names = ", ".join(class_by_id(class_id).name for class_id in waiting)
            raise CxrError(f"anatomy/resources/unions.csv: the unions of {names} need one another; expected no circles")
        ordered += ready
        for rule in ready:
            del waiting[rule.class_id]
    return tuple(ordered)


@cache
def unions() -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Return every group with all its parts, including optional ones; a group comes after its parts."""
    return tuple((rule.class_id, tuple(sorted(rule.parts + rule.optional))) for rule in union_rules())


def union_plan(available: Collection[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Return the group classes that can be made as unions of classes that a source labels.

    A group is made only if *every* essential part is available or was made before. A right lung of two lobes, or the
    left ribs without one of the twelve, would be a wrong mask that looks correct. Optional parts (L6, S1, the rectum)
    are added if they are available. The criterion is what the source *can* label, not what one volume shows: a chest CT
    that does not reach C1 still gets its cervical vertebrae if the source labels C1 in other volumes.

    Parameters
    ----------
    available
        Ids of the classes that the source can label, from its name table or its files, whether or not they are present
        in the volume.

    Returns
    -------
    list[tuple[int, tuple[int, ...]]]
        Group id and the ids of the parts to unite. Each part is either in ``available`` or the group of an earlier
        entry. Classes in ``available`` are not made again.

    Raises
    ------
    CxrError
        If an id is not within 1 to 210.
    """
    have = {class_by_id(class_id).class_id for class_id in available}
    plan = []
    for rule in union_rules():
        if rule.class_id in have or not have.issuperset(rule.parts):
            continue
        joined = have.intersection(rule.optional)
        plan.append((rule.class_id, tuple(sorted((*rule.parts, *joined)))))
        have.add(rule.class_id)
    return plan


def region_plan(available: Collection[int]) -> list[tuple[str, tuple[int, ...]]]:
    """Return the regions that can be made, each with its available classes.

    A region is the union of all its available classes. It is made only if all of its core classes are available
    (``regions.csv``: the lung for the region lung, ribs and vertebrae for bone), so a source that labels lung nodules
    alone does not give a lung region.

    Parameters
    ----------
    available
        Ids of the classes that the source can label and of those that :func:`union_plan` makes.

    Returns
    -------
    list[tuple[str, tuple[int, ...]]]
        Region and the ids of its classes, in the order of :func:`regions`.

    Raises
    ------
    CxrError
        If an id is not within 1 to 210.
    """
    have = {class_by_id(class_id).class_id for class_id in available}
    return [
        (region, tuple(sorted(have & regions()[region])))
        for region, core in tables.read_regions().items()
        if have.issuperset(core)
    ]


def totalsegmentator_v2() -> dict[int, str]:
    """Return the 117 names of TotalSegmentator v2's task ``total``, by label value.

    Use the table only for volumes that are known to be outputs of this task. A volume's own name table takes
    precedence, because its values may differ: those of the embedded CT do (costal cartilages), and an early class map
    of v2 numbers the ribs differently.
    """
    return {item.source_id: item.source_name for item in tables.read_source_names() if item.source_id is not None}


def totalsegmentator_v1() -> dict[int, str]:
    """Return the 104 names of TotalSegmentator v1's task ``total``, by label value, as :func:`totalsegmentator_v2`."""
    found = {item.source_id_v1: item.source_name for item in tables.read_source_names() if item.source_id_v1}
    return dict(sorted(found.items()))


@lru_cache(maxsize=4096)
def resolve(name: str) -> Resolution:
    """Look up the meaning of a structure's name.

    Case, underscores, hyphens, brackets, repeated spaces and the suffix of an image file are ignored. Canonical names
    take precedence over those of TotalSegmentator.

    Parameters
    ----------
    name
        Name of a structure or of its mask file, without folders.

    Raises
    ------
    CxrError
        If no vocabulary holds the name; the message suggests similar names.
    """
    known = _known_names()
    key = _normalised(name)
    if key not in known:
        raise CxrError(_unknown(name, key))
    found = known[key]
    return Resolution(name, found.class_id, found.dropped, found.vocabulary)


def class_of(name: str) -> AnatomyClass | None:
    """Return the class that a name denotes, or None if the name is dropped deliberately.

    Raises
    ------
    CxrError
        If the name is unknown; see :func:`resolve`.
    """
    found = resolve(name)
    return None if found.class_id is None else class_by_id(found.class_id)


def _normalised(name: str) -> str:
    plain = _SUFFIX.sub("", name.strip().lower())
    return " ".join(re.sub(r"[_\-()\s]+", " ", plain).split())


@cache
def _known_names() -> dict[str, Resolution]:
    """Return all names by their normalised form; the ``name`` of an entry is the vocabulary's own spelling."""
    known = {_normalised(item.name): Resolution(item.name, item.class_id, None, "canonical") for item in classes()}
    for item in tables.read_source_names():
        entry = Resolution(item.source_name, item.class_id, item.dropped, f"TotalSegmentator {item.version}")
        known.setdefault(_normalised(item.source_name), entry)
    return known


def _unknown(name: str, key: str) -> str:
    known = _known_names()
    # The same words in another order ('left_kidney', 'kidney_left') are better suggestions than similar spellings.
    words = sorted(key.split())
    near = [candidate for candidate in known if sorted(candidate.split()) == words]
    near = near or get_close_matches(key, known, n=3, cutoff=0.75)
    hint = f"did you mean {' or '.join(repr(known[item].name) for item in near)}? " if near else ""
    return (
        f"structure name {name[:_SHOWN_CHARACTERS]!r} is unknown; expected one of the {len(classes())} classes or a "
        f"TotalSegmentator name; {hint}correct the name table (docs/anatomy.md lists the names)"
    )
