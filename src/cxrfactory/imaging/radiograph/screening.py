"""Screening of DICOM headers for frontal chest radiographs of humans.

The screening is conservative: an absent or empty field never refuses an image, a field with a contradicting value does.
So does a view or body part that is in no table (:mod:`cxrfactory.imaging.vocabulary.words`): nobody knows what it says.
Messages quote words of the tables only, never other text of a header, which could identify a patient.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.vocabulary.words import CHEST, Vocabulary, default_vocabulary, described

if TYPE_CHECKING:  # its import takes a quarter of a second, and pictures of other formats need none of it
    import pydicom

_MODALITIES = ("CR", "DX", "DR", "XR", "RX", "RG", "RF", "OT")  # anonymised releases use OT for secondary captures
# Defined terms of PS3.3 C.7.3.1.1.1 that a message may quote.
_OTHER_MODALITIES = {
    *("CT", "MR", "MG", "US", "NM", "PT", "PET", "XA", "IO", "PX", "DXA", "BMD", "BDUS", "ES", "ECG", "EPS", "OP"),
    *("OPT", "SM", "GM", "XC", "RTIMAGE", "RTDOSE", "RTPLAN", "RTSTRUCT", "SR", "PR", "KO", "SEG", "REG", "DOC"),
    *("SC", "DF", "IVUS", "OCT", "TG", "LS", "HD", "AU", "CD", "DD", "DG", "DS", "VF", "CF", "FID", "PLAN", "M3D"),
}
_STORAGE = {
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray, for processing
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.2",  # Multi-frame Grayscale Byte Secondary Capture; several frames are refused later
    "1.2.840.10008.5.1.4.1.1.7.3",  # Multi-frame Grayscale Word Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.4",  # Multi-frame True Color Secondary Capture; true colour is refused later
}
_FLUOROSCOPY = "1.2.840.10008.5.1.4.1.1.12.2"
_DESCRIPTIONS = (
    "AcquisitionDeviceProcessingDescription",
    "SeriesDescription",
    "ProtocolName",
    "StudyDescription",
)
_ANIMAL = re.compile(
    r"\b(canine|feline|equine|bovine|ovine|porcine|caprine|avian|murine|lagomorph|veterinary)\b",
    re.IGNORECASE,
)
_HUMAN = re.compile(r"human|homo sapiens", re.IGNORECASE)
_CHOICES = {"body_part": ("check", "ignore"), "orientation": ("turn", "reject", "ignore"), "view": ("check", "ignore")}


@dataclass(frozen=True)
class HeaderChecks:
    """What a DICOM header decides about its image.

    Attributes
    ----------
    body_part
        ``check`` refuses another body part than the chest; ``ignore`` accepts it with a note.
    orientation
        ``turn`` turns a film that its header or EXIF data call mirrored or turned back to the usual display;
        ``reject`` refuses it; ``ignore`` takes the pixels as stored, with a note.
    vocabulary
        The words of views and body parts.
    view
        ``check`` refuses other than frontal views; ``ignore`` accepts them without a note.

    Raises
    ------
    CxrError
        If a choice has another value.
    """

    body_part: str = "check"
    orientation: str = "turn"
    vocabulary: Vocabulary = field(default_factory=default_vocabulary)
    view: str = "check"

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise CxrError(f"{name} is '{getattr(self, name)}'; expected one of {', '.join(allowed)}")


AS_DEFAULT = HeaderChecks()
# For files that a product already holds: whatever their headers say, their pixels are wanted as they are stored.
AS_STORED = HeaderChecks(body_part="ignore", orientation="ignore", view="ignore")


def refuse_other_than_frontal_chest(dataset: "pydicom.Dataset", checks: HeaderChecks = AS_DEFAULT) -> list[str]:
    """Refuse an object whose header states that it is no frontal chest radiograph of a human.

    Parameters
    ----------
    dataset
        The object; its pixels are not touched.
    checks
        What the header decides, and the words of views and body parts.

    Returns
    -------
    list of str
        Notes on what was tolerated, one line each.

    Raises
    ------
    ImageError
        If the header states another modality or storage class (CT slices, mammograms), another species, another body
        part, or another than a frontal view.
    """
    notes: list[str] = []
    modality = _text(dataset, "Modality").upper()
    if modality and modality not in _MODALITIES:
        named = modality if modality in _OTHER_MODALITIES else "an unknown one"
        raise ImageError(f"DICOM of modality {named}; expected a radiograph ({', '.join(_MODALITIES)})")
    _refuse_other_storage(dataset, checks.vocabulary, notes)
    _refuse_animals(dataset)
    _refuse_other_parts(dataset, checks, notes)
    if checks.view == "check":
        _refuse_other_views(dataset, checks.vocabulary)
    return notes


def frontal_view(dataset: "pydicom.Dataset", checks: HeaderChecks = AS_DEFAULT) -> str | None:
    """Return the view that a header states: PA, AP or FRONTAL; None if it states none that is frontal."""
    words = checks.vocabulary
    stated = words.view(_text(dataset, "ViewPosition"))
    return stated.frontal_view if stated.stated else words.view(_code_meaning(dataset, "ViewCodeSequence")).frontal_view


def _refuse_other_storage(dataset: "pydicom.Dataset", words: Vocabulary, notes: list[str]) -> None:
    storage = _text(dataset, "SOPClassUID")
    if not storage or storage in _STORAGE:
        return
    if storage == _FLUOROSCOPY:
        # Systems for fluoroscopy store their chest films in this class, too, but most of its images are no such films.
        chest = CHEST in words.body_part(_text(dataset, "BodyPartExamined")).meanings
        if chest and words.view(_text(dataset, "ViewPosition")).frontal_view:
            notes.append("stored as an image of fluoroscopy; kept, because its header says frontal view of the chest")
            return
    from pydicom.uid import UID, UID_dictionary

    named = UID(storage).name if UID(storage) in UID_dictionary else "unknown"
    raise ImageError(f"DICOM of storage class '{named}'; expected a radiograph")


def _refuse_animals(dataset: "pydicom.Dataset") -> None:
    species = _text(dataset, "PatientSpeciesDescription")
    if species and not _HUMAN.search(species):
        raise ImageError("veterinary image: PatientSpeciesDescription is not human")
    if _text(dataset, "PatientBreedDescription"):
        raise ImageError("veterinary image: PatientBreedDescription is filled")
    for name in _DESCRIPTIONS:
        found = _ANIMAL.search(_text(dataset, name))
        if found:
            raise ImageError(f"veterinary image: {name} says '{found[1].lower()}'")


def _refuse_other_parts(dataset: "pydicom.Dataset", checks: HeaderChecks, notes: list[str]) -> None:
    text = _text(dataset, "BodyPartExamined")
    part = checks.vocabulary.body_part(text)
    if CHEST in part.meanings:
        return
    if not part.stated:
        # The code of the region is wider than BodyPartExamined, so only another part that is known refuses.
        region = checks.vocabulary.body_part(_code_meaning(dataset, "AnatomicRegionSequence"))
        if not region.meanings or CHEST in region.meanings:
            return
        fault = f"DICOM whose AnatomicRegionSequence is {region.words[0]}, not the chest"
        part = region
    elif part.meanings:
        word, meaning = part.words[0], part.meanings[0]
        named = word if word == meaning else f"{word} ({meaning.lower()})"
        fault = f"DICOM whose BodyPartExamined is {named}, not the chest"
    else:
        fault = f"DICOM whose BodyPartExamined is {described(text)}, not a known word for the chest"
    if checks.body_part == "ignore":
        notes.append(f"{fault}; kept, as body_part says")
        return
    advice = "set preprocess.body_part to ignore where it is a chest nevertheless"
    advice = advice if part.meanings else f"name it in preprocess.body_part_words, or {advice}"
    raise ImageError(f"{fault}; {advice}")


def _refuse_other_views(dataset: "pydicom.Dataset", words: Vocabulary) -> None:
    text, code = _text(dataset, "ViewPosition"), words.view(_code_meaning(dataset, "ViewCodeSequence"))
    view = words.view(text)
    if view.stated and not view.frontal_view:
        if not view.meanings or view.unknown:
            raise ImageError(
                f"view position is {described(text)}; expected a frontal view (PA, AP); name it in "
                "preprocess.view_words if it is one"
            )
        raise ImageError(f"view position {' and '.join(view.words)}; expected a frontal view (PA, AP)")
    if code.stated and code.meanings and not code.unknown and not code.frontal_view:
        if view.stated:
            raise ImageError(
                f"ViewPosition is {view.words[0]}, but its ViewCodeSequence says {code.words[0]}; expected one view"
            )
        raise ImageError(f"no ViewPosition, and its ViewCodeSequence says {code.words[0]}; expected a frontal view")
    if view.stated or code.frontal_view:
        return
    # A study's description covers all of its images, so it does not state the view of a single image.
    names = [*(name for name in _DESCRIPTIONS if name != "StudyDescription"), "BodyPartExamined"]
    if words.seen_from_the_side(" ".join(_text(dataset, name) for name in names)):
        raise ImageError("no ViewPosition, and the series description says lateral; expected a frontal view")


def _code_meaning(dataset: "pydicom.Dataset", name: str) -> str:
    """Return the meaning of the first code of a sequence, without its modifiers; empty without one."""
    from pydicom import Sequence

    sequence = dataset.get(name)
    return _text(sequence[0], "CodeMeaning") if isinstance(sequence, Sequence) and len(sequence) else ""


def _text(dataset: "pydicom.Dataset", name: str) -> str:
    from pydicom.multival import MultiValue

    value = dataset.get(name)
    if value is None:
        return ""
    text = " ".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    try:
        # Code strings are decoded as Latin-1, whatever the character set; writers put UTF-8 into them nevertheless.
        return text.encode("latin-1").decode("utf-8").strip(" \0")
    except UnicodeError:
        return text.strip(" \0")
