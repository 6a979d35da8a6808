"""Reads the checked-in tables of the taxonomy; :mod:`cxrfactory.anatomy.taxonomy` answers questions about them.

The tables stand in ``resources`` beside this module, so that a checkout and an installed package find them alike:

``classes.csv``
    the 210 classes: place in the hierarchy, side, number, regions.
``unions.csv``
    which classes together make a group class.
``regions.csv``
    the ten regions, with the classes that a region cannot do without.
``totalsegmentator.csv``
    names of TotalSegmentator, each a class or a deliberate drop.
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
        1 to 210: the names' alphabetical order, as the mask files of RadGenome-ChestCT are listed.
    name
        Canonical name, lower case, such as ``left rib 5``.
    system, organ, part
        The levels above the leaf (paper, section 3.2). ``part`` is None for a class that is an organ itself.
    laterality
        ``left`` or ``right`` where the name says so (of heart and liver it then names a part, not a half of the body),
        ``both`` for a class that holds both sides or may lie on either, else ``midline``.
    number
        Of a rib or a vertebra within its section (5 for T5), else None.
    regions
        Names of the regions that the class belongs to; may be empty.
    placed
        ``paper`` where table A6 shows organ, part and leaf, else ``inferred``. The system is inferred for every class:
        the paper's figure of the hierarchy is lost, its counts are not.
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
        """System, organ, part, leaf, down to the class itself: 2 to 4 names."""
        path = [self.system, self.organ]
        if self.part is not None:
            path.append(self.part)
        if path[-1] != self.name:
            path.append(self.name)
        return tuple(path)


@dataclass(frozen=True)
class UnionRule:
    """How a group class is made of others.

    Attributes
    ----------
    class_id
        The group.
    parts
        Class ids without any of which the union would mislead.
    optional
        Class ids that join where the source labels them (variants, and what is counted to it by some).
    kind
        ``exact``, ``approximate`` (``note`` says what is missing) or ``synonym`` (one structure under two names).
    note
        What a reader should know; may be empty.
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
    source_name
        As TotalSegmentator writes it.
    class_id
        The class it means, or None.
    dropped
        Why it means none, or None.
    """

    version: str
    source_id: int | None
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
            source_name=row["source_name"],
            class_id=ids[row["name"]] if row["name"] else None,
            dropped=row["dropped"] or None,
        )
        for row in _rows("totalsegmentator.csv")
    )
