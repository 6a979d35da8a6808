"""Groups of anatomical structures by the words that people use, such as ribs, spine or lobes.

A group word chooses classes of the taxonomy (:mod:`cxrfactory.anatomy.taxonomy`). The same module says on which
picture a structure is drawn (:data:`PANELS`), in how many pieces it may lie, and what its name is on the other side.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache

from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.anatomy.regions import WHOLE_REGIONS
from cxrfactory.anatomy.taxonomy import classes, resolve
from cxrfactory.anatomy.taxonomy_tables import AnatomyClass
from cxrfactory.errors import CxrError

_VESSELS = (
    "aorta", "brachiocephalic trunk", "brachiocephalic vein", "carotid artery", "internal jugular vein",
    "subclavian artery", "pulmonary artery", "pulmonary vein", "superior vena cava", "inferior vena cava",
    "portal vein and splenic vein", "iliac artery", "iliac vena", "renal artery", "renal vein", "celiac trunk",
)  # fmt: skip
_CHEST_VESSELS = _VESSELS[:10]


def _of_organ(*organs: str) -> Callable[[AnatomyClass], bool]:
    return lambda each: each.organ in organs


def _of_system(*systems: str) -> Callable[[AnatomyClass], bool]:
    return lambda each: each.system in systems


# Word -> condition on a class. Words are in lower case; a singular or plural form and either side may be asked for.
GROUPS: dict[str, Callable[[AnatomyClass], bool]] = {
    "ribs": _of_organ("rib"),
    "clavicles": _of_organ("clavicle"),
    "scapulae": _of_organ("scapula"),
    "humeri": _of_organ("humerus"),
    "sternum": _of_organ("sternum"),
    "costal cartilages": _of_organ("costal cartilage", "rib cartilage"),
    "spine": _of_organ("vertebrae"),
    "vertebrae": _of_organ("vertebrae"),
    "bones": _of_system("Skeletal"),
    "lungs": lambda each: each.organ == "lung" and "nodule" not in each.name,
    "lobes": lambda each: each.organ == "lung" and each.name.endswith("lobe"),
    "airways": _of_system("Airway"),
    "heart": _of_system("Cardiac"),
    "vessels": _of_organ(*_VESSELS),
    "mediastinum": _of_system("Mediastinal", "Esophageal"),
    "abdomen": _of_system("Abdominal"),
    "breasts": _of_system("Breast"),
}
_SINGULAR = {
    "rib": "ribs", "clavicle": "clavicles", "scapula": "scapulae", "scapulas": "scapulae", "humerus": "humeri",
    "vertebra": "vertebrae", "bone": "bones", "lung": "lungs", "lobe": "lobes", "airway": "airways",
    "vessel": "vessels", "breast": "breasts", "costal cartilage": "costal cartilages", "collarbones": "clavicles",
    "shoulder blades": "scapulae", "skeleton": "bones",
}  # fmt: skip
_DRAWN_LUNGS = (*LUNGS, *WHOLE_REGIONS.values())
_SIDES = ("left", "right")

# Pictures that show the structures of a film, each with its condition; a structure is drawn on the first that fits.
PANELS: dict[str, Callable[[AnatomyClass], bool]] = {
    "lungs": _of_system("Pulmonary", "Airway"),
    "bones": _of_system("Skeletal"),
    "heart and vessels": lambda each: each.system == "Cardiac" or each.organ in _CHEST_VESSELS,
    "abdomen": _of_system("Abdominal", "Endocrine"),
    "others": lambda each: True,
}
# Organs whose projection may rightly lie in several pieces.
_SEVERAL_PIECES = {
    "costal cartilage", "rib cartilage", "pulmonary vein", "pulmonary artery", "bronchie", "intestine", "muscle",
    "abdominal tissue", "mediastinal tissue", "skin", "bone", "breast", "adrenal gland", "kidney", "thyroid",
    "brachiocephalic vein", "subclavian artery", "iliac artery", "iliac vena", "carotid artery",
    "internal jugular vein", "aorta", "celiac trunk", "renal artery", "renal vein",
}  # fmt: skip


def class_of_structure(name: str) -> AnatomyClass | None:
    """Return the class that a structure's name denotes; None for a name that is in no vocabulary or is dropped.

    Names of regions denote the class of the same words, ``left_rib_1`` that of left rib 1. A lung as people draw it
    (``right_lung``, ``left_whole_lung``) is no class, because the projection of a lung reaches further.
    """
    if name in _DRAWN_LUNGS:
        return None
    try:
        found = resolve(name.replace("_projected_", "_")).class_id
    except CxrError:
        return None
    return None if found is None else classes()[found - 1]


def panel_of(name: str) -> str:
    """Return the picture on which a structure is drawn, one of :data:`PANELS`."""
    known = class_of_structure(name)
    if known is None:
        return "lungs" if name in _DRAWN_LUNGS else "others"
    return next(panel for panel, fits in PANELS.items() if fits(known))


def one_piece(name: str) -> bool:
    """Return whether anatomy says that the projection of a structure is one piece: an organ of one side or the middle.

    A structure that is in no vocabulary may lie in several pieces, and so may a group of both sides.
    """
    known = class_of_structure(name)
    if known is None or known.organ in _SEVERAL_PIECES:
        return False
    return known.laterality in (*_SIDES, "midline") and not _is_group(known)


def _is_group(known: AnatomyClass) -> bool:
    """Return whether a class is a row of bones, such as the left ribs or the thoracic vertebrae."""
    return known.organ in ("rib", "vertebrae") and known.number is None


def mirrored(name: str) -> str | None:
    """Return the name of the same structure on the other side; None for a structure of no side."""
    for side, other in (_SIDES, _SIDES[::-1]):
        if re.search(rf"\b{side}\b", name.replace("_", " ")):
            return re.sub(rf"(?<![a-z]){side}(?![a-z])", other, name)
    return None


def choose_structures(words: Sequence[str] | None, names: Sequence[str]) -> list[str]:
    """Return the structures among some names that words ask for.

    Parameters
    ----------
    words
        Group words (:data:`GROUPS`), group words of a side such as ``left ribs``, or names of structures in any
        spelling that the taxonomy knows. None asks for all.
    names
        Names to choose from.

    Returns
    -------
    Chosen names, in the order of ``names``.

    Raises
    ------
    CxrError
        If a word denotes nothing, or none of the names.

    Examples
    --------
    >>> from cxrfactory.anatomy.structure_groups import choose_structures
    >>> choose_structures(["left ribs", "heart"], ["heart", "left rib 1", "right rib 1", "trachea"])
    ['heart', 'left rib 1']
    """
    if words is None:
        return list(names)
    chosen: set[str] = set()
    for word in words:
        found = _names_of(word, names)
        if not found:
            raise CxrError(
                f"structures: '{word}' is none of this network's; expected group words ({', '.join(GROUPS)}), such a "
                f"word with a side (left ribs), or names: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
            )
        chosen |= set(found)
    return [name for name in names if name in chosen]


def _names_of(word: str, names: Sequence[str]) -> list[str]:
    plain = " ".join(re.sub(r"[_\-\s]+", " ", word.strip().lower()).split())
    exact = [name for name in names if plain == " ".join(re.sub(r"[_\-\s]+", " ", name.lower()).split())]
    side, _, rest = plain.partition(" ")
    condition = GROUPS.get(_SINGULAR.get(plain, plain))
    if condition is None and side in _SIDES:
        fits = GROUPS.get(_SINGULAR.get(rest, rest))
        condition = None if fits is None else lambda each: fits(each) and each.laterality == side
    if condition is not None:
        kept = condition
        group = [name for name in names if (known := _class(name)) is not None and kept(known)]
        return list(dict.fromkeys([*exact, *group]))
    if exact:
        return exact
    wanted = _class(word)
    return [] if wanted is None else [name for name in names if _class(name) == wanted]


@cache
def _class(name: str) -> AnatomyClass | None:
    return class_of_structure(name)
