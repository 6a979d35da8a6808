"""The anatomy taxonomy of RadGenome-Anatomy: 210 classes, ten systems, ten regions, and names of other vocabularies.

Class names are those of RadGenome-ChestCT's mask files. The hierarchy is that of the RadGenome-Anatomy paper
(section 3.2, table A6); where the paper does not show a class's place it is inferred so that the paper's counts hold,
and says so (``placed``). ``docs/anatomy.md`` tells how.

Everything here is computed once and shared: treat what it returns as read-only.
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

# The paper's order: from the largest footprint of a mask to the smallest (table A4).
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
_SHOWN_CHARACTERS = 60  # of an unknown name in an error: it comes from a user's file


@dataclass(frozen=True)
class Resolution:
    """What a structure's name means.

    Attributes
    ----------
    name
        The name as given.
    class_id
        The class it means, or None where it is dropped.
    dropped
        Why it means no class, or None.
    vocabulary
        ``canonical``, ``TotalSegmentator v2``, ``TotalSegmentator v1`` or ``TotalSegmentator other``.
    """

    name: str
    class_id: int | None
    dropped: str | None
    vocabulary: str


def classes() -> tuple[AnatomyClass, ...]:
    """Return the 210 classes; the class with id ``i`` stands at ``i - 1``."""
    return tables.read_classes()


def class_by_id(class_id: int) -> AnatomyClass:
    """Return the class of an id.

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
    """Return the class ids of each of the ten systems, systems in the order of :data:`SYSTEMS`."""
    found: dict[str, list[int]] = {system: [] for system in SYSTEMS}
    for item in classes():
        found[item.system].append(item.class_id)
    return MappingProxyType({system: tuple(members) for system, members in found.items()})


@cache
def regions() -> MappingProxyType[str, frozenset[int]]:
    """Return the class ids of each of the ten regions, regions in alphabetical order. A class may lie in several."""
    return MappingProxyType(
        {
            region: frozenset(item.class_id for item in classes() if region in item.regions)
            for region in tables.read_regions()
        }
    )


@cache
def union_rules() -> tuple[UnionRule, ...]:
    """Return the union rules in an order in which parts that are groups themselves come before the groups they make."""
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
    """Return every group with all its parts, optional ones too; parts come before groups."""
    return tuple((rule.class_id, tuple(sorted(rule.parts + rule.optional))) for rule in union_rules())


def union_plan(available: Collection[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Say which classes that a source does not label can be made by union of others.

    A group is made only if *every* essential part is available, or was made before it: a right lung of two lobes, or
    a left rib of eleven, would be a wrong mask that looks like a right one. Optional parts (L6, S1, the rectum)
    join where they are available. What counts is what the source *can* label, not what one volume shows: a chest CT
    without C1 still has its cervical vertebrae, from a source that knows C1.

    Parameters
    ----------
    available
        Class ids that the source can label: of its name table or its files, present in the volume or not.

    Returns
    -------
    list[tuple[int, tuple[int, ...]]]
        Group and the parts to unite, in an order in which each part is available by the time it is needed. Classes
        in ``available`` are never made again.

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
    """Say which of the ten regions can be made, and of which classes.

    A region unites all its classes that are available, and is made only if its core is (``regions.csv``: the lung for
    the region lung, ribs and vertebrae for bone), so that a source of lung nodules does not give a lung region.

    Parameters
    ----------
    available
        Class ids that the source can label, with those that :func:`union_plan` makes.

    Returns
    -------
    list[tuple[str, tuple[int, ...]]]
        Region and its classes, in the order of :func:`regions`.

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

    The table is for volumes known to be that; a volume's own name table always goes first, since its values may
    differ: those of the embedded CT do (costal cartilages), and an early class map of v2 numbers the ribs otherwise.
    """
    return {item.source_id: item.source_name for item in tables.read_source_names() if item.source_id is not None}


@lru_cache(maxsize=4096)
def resolve(name: str) -> Resolution:
    """Find what a structure's name means.

    Case, underscores, hyphens, brackets, repeated spaces and the suffix of an image file do not matter. Canonical names
    go before TotalSegmentator's.

    Parameters
    ----------
    name
        Of a structure or of its mask file, without folders.

    Raises
    ------
    CxrError
        If neither vocabulary holds the name; names near it are suggested.
    """
    known = _known_names()
    key = _normalised(name)
    if key not in known:
        raise CxrError(_unknown(name, key))
    found = known[key]
    return Resolution(name, found.class_id, found.dropped, found.vocabulary)


def class_of(name: str) -> AnatomyClass | None:
    """Return the class that a name means, or None where the name is dropped deliberately.

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
    """All names by their normalised form; the ``name`` of an entry is the vocabulary's own spelling."""
    known = {_normalised(item.name): Resolution(item.name, item.class_id, None, "canonical") for item in classes()}
    for item in tables.read_source_names():
        entry = Resolution(item.source_name, item.class_id, item.dropped, f"TotalSegmentator {item.version}")
        known.setdefault(_normalised(item.source_name), entry)
    return known


def _unknown(name: str, key: str) -> str:
    known = _known_names()
    # The same words in another order are nearer than any spelling: 'left_kidney' and 'kidney_left', 'rib_5_left'.
    words = sorted(key.split())
    near = [candidate for candidate in known if sorted(candidate.split()) == words]
    near = near or get_close_matches(key, known, n=3, cutoff=0.75)
    hint = f"did you mean {' or '.join(repr(known[item].name) for item in near)}? " if near else ""
    return (
        f"structure name {name[:_SHOWN_CHARACTERS]!r} is unknown; expected one of the {len(classes())} classes or a "
        f"TotalSegmentator name; {hint}correct the name table (docs/anatomy.md lists the names)"
    )
