"""Structures that names and codes of other programs mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.anatomy.snomed import StructureCode, coded_classes
from cxrfactory.anatomy.taxonomy import class_of, classes, resolve, totalsegmentator_v2, unions
from cxrfactory.errors import CxrError, ImageError

IGNORE = "ignore"  # name of a label that a legend leaves out
_SIDES = ("left", "right")
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Label:
    """A label of a file, before its structure is known.

    Attributes
    ----------
    key
        Value of the label, or number of the segment.
    name
        Its name; None if the file holds none.
    present
        Whether a pixel has it.
    code
        Structure that its code in the file means; None if it has no code that is known here.
    """

    key: str
    name: str | None
    present: bool = True
    code: str | None = None


def structure_of(name: str) -> str | None:
    """Return the structure that a name means; None if it is unknown, or is no structure of the taxonomy.

    Case, blanks and signs do not count. A side may stand before or behind.

    Examples
    --------
    >>> from cxrfactory.measure.sources.names import structure_of
    >>> structure_of("Lung_Left"), structure_of("vertebrae_T5"), structure_of("blob")
    ('left lung', 'thoracic vertebrae 5 (t5)', None)
    """
    plain = _plain(name)
    rest, _, side = plain.rpartition(" ")
    return _structures().get(plain) or (_structures().get(f"{side} {rest}") if side in _SIDES else None)


def structure_of_code(code: tuple[str, str, str]) -> str | None:
    """Return the structure of a SNOMED CT code: those of the structure, its side and its region; None if unknown.

    Parameters
    ----------
    code
        The three codes; empty where there is none.
    """
    return _codes().get(code)


def is_part(structure: str, group: str) -> bool:
    """Return whether a structure is a part of another one, such as ``left lung`` of ``lung``.

    Examples
    --------
    >>> from cxrfactory.measure.sources.names import is_part
    >>> is_part("left rib 5", "rib"), is_part("rib", "left rib 5")
    (True, False)
    """
    parts = dict(unions())
    waiting, below = [_class_id(group)], set()
    while waiting:
        new = set(parts.get(waiting.pop(), ())) - below
        below |= new
        waiting += new
    return _class_id(structure) in below


def structures_of(labels: Sequence[Label], legend: Mapping[str, str], file: str) -> dict[str, str]:
    """Return the structure of each label, by its key; labels that are left out are not in it.

    A label is left out if the legend says so, if its name is one of TotalSegmentator's that the taxonomy drops, or if
    no pixel has it and its name is missing or unknown.

    Parameters
    ----------
    labels
        The labels of one file.
    legend
        Names by the value of a label, or by the name that it has in the file; they replace those of the file.
    file
        Name of the file, for messages.

    Raises
    ------
    ImageError
        If a label has no name or an unknown one, its name and its code differ, or two labels are one structure.
    """
    found: dict[str, str] = {}
    keys: dict[str, str] = {}
    for label in sorted(labels, key=lambda each: not each.present):
        structure = _structure(label, legend, file)
        if structure is None or (structure in keys and not label.present):
            continue
        if structure in keys:
            raise ImageError(
                f"{file}: labels {keys[structure]} and {label.key} are both {structure}; expected one label a "
                f"structure: give a --legend that names one of them, and the other '{IGNORE}'"
            )
        found[label.key], keys[structure] = structure, label.key
    return found


def _structure(label: Label, legend: Mapping[str, str], file: str) -> str | None:
    given = legend.get(label.key) or legend.get(label.name or "")
    name = given or label.name
    if name == IGNORE:
        return None
    if not name and label.code is None:
        if not label.present:
            return None
        raise ImageError(
            f"{file}: label {label.key} has no name; give a --legend with the row '{label.key},NAME', or "
            f"'{label.key},{IGNORE}'"
        )
    by_name = structure_of(name or "")
    if given or label.code is None or _class_id(label.code) == _class_id(by_name or ""):
        return by_name or _unknown(label, name or "", file)
    if by_name is None or is_part(by_name, label.code):
        return by_name or label.code
    raise ImageError(
        f"{file}: label {label.key} is called {by_name}, and its code means {label.code}; correct one of them, or give "
        f"a --legend with the row '{label.key},NAME'"
    )


def _unknown(label: Label, name: str, file: str) -> None:
    """Raise an error for the name of a label that has pixels, unless the taxonomy drops it."""
    try:
        dropped = resolve(name).class_id is None
    except CxrError:
        dropped = False
    if dropped or not label.present:
        return
    near = get_close_matches(_plain(name), _structures(), n=1, cutoff=0.75)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ImageError(
        f"{file}: label {label.key} is called {name[:_SHOWN_CHARACTERS]!a}, which is no known structure; {hint}"
        f"give a --legend with the row '{label.key},NAME', or '{label.key},{IGNORE}' (docs/anatomy.md lists the names)"
    )


def _class_id(name: str) -> int | None:
    try:
        return resolve(name).class_id
    except CxrError:
        return None


@cache
def _structures() -> dict[str, str]:
    names = [*(organ.replace("_", " ") for organ in ORGANS), *(each.name for each in classes())]
    theirs = {_plain(name): found.name for name in totalsegmentator_v2().values() if (found := class_of(name))}
    return theirs | {_plain(name): name for name in reversed(names)}


@cache
def _codes() -> dict[tuple[str, str, str], str]:
    """Return the classes by their codes; two names of one structure (thyroid, thyroid gland) give the first one."""
    found: dict[tuple[str, str, str], str] = {}
    for name, code in coded_classes().items():
        found.setdefault(_codes_of(code), name)
    return found


def _codes_of(code: StructureCode) -> tuple[str, str, str]:
    return code.kind.value, code.side.value if code.side else "", code.region.value if code.region else ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
