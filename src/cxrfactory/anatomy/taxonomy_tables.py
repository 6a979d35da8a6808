"""Reading of the taxonomy's tables; :mod:`cxrfactory.anatomy.taxonomy` has the functions that use them.

The tables are files in the folder ``resources`` beside this module, so a checkout and an installed package find them in
the same way:

``classes.csv``
    The 210 classes with their position in the hierarchy, side, number and regions.
``unions.csv``
    The classes whose union is a group class.
``regions.csv``
    The ten regions, each with its core classes, without which the region is not made.
``totalsegmentator.csv``
    The names of TotalSegmentator; each denotes a class or is dropped deliberately.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from cxrfactory.errors import CxrError

Laterality = Literal["left", "right", "midline", "both"]
Placed = Literal["paper", "inferred"]
UnionKind = Literal["exact", "approximate", "synonym"]


@dataclass(frozen=True)
class AnatomyClass:
    """One of the 210 classes of RadGenome-Anatomy.

    Attributes
    ----------
    class_id
        Number from 1 to 210 in the alphabetical order of the names, which is the order of the mask files of
        RadGenome-ChestCT.
    name
        Canonical name, lower case, such as ``left rib 5``.
    system, organ, part
        The levels above the leaf (paper, section 3.2). ``part`` is None for a class that is an organ itself.
    laterality
        ``left`` or ``right`` if the name contains the word (for heart and liver the word names a part of the organ, not
        a half of the body), ``both`` for a class that includes both sides or may lie on either side, else ``midline``.
    number
        Number of a rib, or of a vertebra within its section (5 for T5), else None.
    regions
        Names of the regions that the class belongs to; may be empty.
    placed
        ``paper`` if table A6 shows organ, part and leaf, else ``inferred``. The system is inferred for every class,
        because the paper's figure of the hierarchy is lost and only its counts are known.
    """

    class_id: int
    name: str
    system: str
    organ: str
    part: str | None
    laterality: Laterality
    number: int | None
    regions: tuple[str, ...]
    placed: Placed

    @property
    def path(self) -> tuple[str, ...]:
        """Names from the system through organ and part down to the class itself, 2 to 4 of them."""
        path = [self.system, self.organ]
        if self.part is not None:
            path.append(self.part)
        if path[-1] != self.name:
            path.append(self.name)
        return tuple(path)


@dataclass(frozen=True)
class UnionRule:
    """A rule that makes a group class as the union of other classes.

    Attributes
    ----------
    class_id
        Id of the group.
    parts
        Ids of the essential classes; the union is misleading without any one of them.
    optional
        Ids of classes that are added if the source labels them (anatomical variants, and structures that only some
        authors include in the group).
    kind
        ``exact``, ``approximate`` (``note`` states what is missing) or ``synonym`` (one structure with two names).
    note
        Remark on the union; may be empty.
    """

    class_id: int
    parts: tuple[int, ...]
    optional: tuple[int, ...]
    kind: UnionKind
    note: str


@dataclass(frozen=True)
class SourceName:
    """A name of TotalSegmentator.

    Attributes
    ----------
    version
        ``v2`` (task ``total``), ``v1`` (names that only the first version has) or ``other``.
    source_id
        Label value in v2's multi-label output, else None.
    source_id_v1
        Label value in v1's multi-label output, else None.
    source_name
        Name as TotalSegmentator writes it.
    class_id
        Id of the class that the name denotes; None if the name is dropped.
    dropped
        Reason why the name denotes no class; None if it denotes one.
    """

    version: str
    source_id: int | None
    source_id_v1: int | None
    source_name: str
    class_id: int | None
    dropped: str | None


def _rows(table: str) -> Iterator[dict[str, str]]:
    source = files("cxrfactory.anatomy") / "resources" / table
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CxrError(f"the package lacks anatomy/resources/{table}; install it again") from error
    return csv.DictReader(text.splitlines())


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(";")) if cell else ()


@cache
def read_classes() -> tuple[AnatomyClass, ...]:
    """Return the 210 classes in the order of their ids."""
    return tuple(
        AnatomyClass(
            class_id=int(row["class_id"]),
            name=row["name"],
            system=row["system"],
            organ=row["organ"],
            part=row["part"] or None,
            laterality=row["laterality"],
            number=int(row["number"]) if row["number"] else None,
            regions=_listed(row["regions"]),
            placed=row["placed"],
        )
        for row in _rows("classes.csv")
    )


@cache
def read_ids() -> dict[str, int]:
    """Return class ids by canonical name."""
    return {item.name: item.class_id for item in read_classes()}


@cache
def read_unions() -> tuple[UnionRule, ...]:
    """Return the union rules in the order of the file (by group name)."""
    ids = read_ids()
    return tuple(
        UnionRule(
            class_id=ids[row["name"]],
            parts=tuple(sorted(ids[part] for part in _listed(row["parts"]))),
            optional=tuple(sorted(ids[part] for part in _listed(row["optional"]))),
            kind=row["kind"],
            note=row["note"],
        )
        for row in _rows("unions.csv")
    )


@cache
def read_regions() -> dict[str, tuple[int, ...]]:
    """Return the ten regions by name, each with its core class ids."""
    ids = read_ids()
    return {row["region"]: tuple(sorted(ids[name] for name in _listed(row["core"]))) for row in _rows("regions.csv")}


@cache
def read_source_names() -> tuple[SourceName, ...]:
    """Return the names of TotalSegmentator in the order of the file."""
    ids = read_ids()
    return tuple(
        SourceName(
            version=row["version"],
            source_id=int(row["source_id"]) if row["source_id"] else None,
            source_id_v1=int(row["source_id_v1"]) if row["source_id_v1"] else None,
            source_name=row["source_name"],
            class_id=ids[row["name"]] if row["name"] else None,
            dropped=row["dropped"] or None,
        )
        for row in _rows("totalsegmentator.csv")
    )
