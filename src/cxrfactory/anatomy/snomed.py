"""SNOMED CT codes of organs and structures, as DICOM segmentations and reports name them.

``resources/snomed.csv`` has a row for each of the 210 classes that has a code. Its column ``source`` names where a code
was looked up: ``pydicom`` (the dictionary of DICOM's context groups), ``HL7 CodeX`` (TG-263 names of HL7's
radiotherapy guide) or ``TotalSegmentator`` (its published mapping). Names without a code get a private one, whose
coding scheme is :data:`PRIVATE_SCHEME`.

DICOM objects may hold the codes of the context groups under the agreement of DICOM with SNOMED International (PS3.16).
"""

import csv
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

from cxrfactory.anatomy.organs import BOTH_LUNGS
from cxrfactory.anatomy.regions import WHOLE_REGIONS
from cxrfactory.anatomy.taxonomy import class_of
from cxrfactory.errors import CxrError

SNOMED, PRIVATE_SCHEME = "SCT", "99CXRFACTORY"
_LONGEST_MEANING = 64  # characters of a DICOM long string (LO)
_PRIVATE_BYTES = 7  # with its first letter, a private code has 15 of the 16 characters of a short string (SH)


@dataclass(frozen=True)
class Code:
    """A coded concept.

    Attributes
    ----------
    scheme
        Designator of the coding scheme: ``SCT`` for SNOMED CT.
    value
        The code.
    meaning
        Its meaning in words.
    """

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True)
class StructureCode:
    """The codes of one structure.

    Attributes
    ----------
    category
        Anatomical structure, tissue, or abnormal structure.
    kind
        The structure itself.
    side
        Left or right where ``kind`` does not include the side, else None.
    region
        Where a tissue or finding is, or None. ``side`` then belongs to it.
    source
        Where ``kind`` was looked up; None for a private code.
    """

    category: Code
    kind: Code
    side: Code | None = None
    region: Code | None = None
    source: str | None = None


CATEGORIES = {
    "structure": Code(SNOMED, "123037004", "Anatomical Structure"),
    "tissue": Code(SNOMED, "85756007", "Tissue"),
    "finding": Code(SNOMED, "49755003", "Morphologically Abnormal Structure"),
}
SIDES = {"left": Code(SNOMED, "7771000", "Left"), "right": Code(SNOMED, "24028007", "Right")}
# Names of masks in products -> class. The definition of a lung (with or without the part behind the heart) has no code.
_ORGANS = {BOTH_LUNGS: "lung", **{whole: organ.replace("_", " ") for organ, whole in WHOLE_REGIONS.items()}}


@cache
def coded_classes() -> dict[str, StructureCode]:
    """Return the codes of all classes that have one, by the class's name. The result is shared: do not modify it.

    Raises
    ------
    CxrError
        If the package lacks its table.
    """
    source = files("cxrfactory.anatomy") / "resources" / "snomed.csv"
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CxrError("the package lacks anatomy/resources/snomed.csv; install it again") from error
    return {
        row["name"]: StructureCode(
            category=CATEGORIES[row["category"]],
            kind=Code(SNOMED, row["code"], row["meaning"]),
            side=SIDES.get(row["side"]),
            region=Code(SNOMED, row["region_code"], row["region_meaning"]) if row["region_code"] else None,
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    }


@cache
def code_of(name: str) -> StructureCode:
    """Return the codes of an organ or structure; a name without a code gets a private one.

    Parameters
    ----------
    name
        Name of a mask: an organ (``right_lung``), one of the 210 classes, or a name of TotalSegmentator.

    Examples
    --------
    >>> from cxrfactory.anatomy.snomed import code_of
    >>> code_of("left rib 5").kind
    Code(scheme='SCT', value='15339008', meaning='Fifth rib')
    >>> code_of("left rib 5").side.meaning
    'Left'
    """
    known = coded_classes()
    try:
        found = class_of(_ORGANS.get(name, name))
    except CxrError:
        found = None
    if found is not None and found.name in known:
        return known[found.name]
    return StructureCode(CATEGORIES["structure"], private_code(name))


def private_code(name: str) -> Code:
    """Return a private code for a concept without a public one; it depends on the name only.

    Examples
    --------
    >>> from cxrfactory.anatomy.snomed import private_code
    >>> private_code("airways")
    Code(scheme='99CXRFACTORY', value='Cadf50563687e4a', meaning='airways')
    """
    value = "C" + blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_PRIVATE_BYTES).hexdigest()
    return Code(PRIVATE_SCHEME, value, plain_text(name))


def plain_text(text: str, longest: int = _LONGEST_MEANING) -> str:
    """Return a text that fits a DICOM string: printable, without backslashes, at most ``longest`` characters."""
    shown = "".join(sign if sign.isprintable() and sign != "\\" else "_" for sign in text)
    return shown[:longest].strip() or "_"
