"""Screening of DICOM headers for frontal chest radiographs of humans.

The screening is conservative: an absent or empty field never refuses an image, a field with a contradicting value does.
"""

import re

import pydicom
from pydicom.uid import UID

from cxrfactory.errors import ImageError

_MODALITIES = ("CR", "DX", "RG", "OT")  # anonymised releases use OT for secondary captures
_STORAGE = {
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray, for processing
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
}
_SIDE_VIEWS = {"LL", "RL", "LAT", "LATERAL", "LLO", "RLO"}  # PS3.3 C.8.11.7.1.1: laterals and obliques
_CHEST_PARTS = re.compile(r"CHEST|THORAX|LUNG|RIB|STERNUM|CLAVICLE|HEART|MEDIASTIN|BODY|TSPINE")
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
_SIDE_WORD = re.compile(r"\b(lat|lateral)\b", re.IGNORECASE)
_FRONTAL_WORD = re.compile(r"\b(pa|ap|frontal|decub|decubitus)\b", re.IGNORECASE)
_HUMAN = re.compile(r"human|homo sapiens", re.IGNORECASE)


def refuse_other_than_frontal_chest(dataset: pydicom.Dataset) -> None:
    """Refuse an object whose header states that it is no frontal chest radiograph of a human.

    Raises
    ------
    ImageError
        If the header states another modality or storage class (CT slices, mammograms), another species, another body
        part, or a lateral or oblique view.
    """
    modality = _text(dataset, "Modality").upper()
    if modality and modality not in _MODALITIES:
        named = modality if re.fullmatch(r"[A-Z]{2,9}", modality) else "an unknown one"
        raise ImageError(f"DICOM of modality {named}; expected a radiograph ({', '.join(_MODALITIES)})")
    storage = _text(dataset, "SOPClassUID")
    if storage and storage not in _STORAGE:
        named = UID(storage).name if UID(storage) in pydicom.uid.UID_dictionary else "unknown"
        raise ImageError(f"DICOM of storage class '{named}'; expected a radiograph")
    _refuse_animals(dataset)
    part = _text(dataset, "BodyPartExamined").upper().replace(" ", "")
    if part and not _CHEST_PARTS.search(part):
        raise ImageError("DICOM whose BodyPartExamined is not the chest")
    _refuse_side_views(dataset)


def _refuse_animals(dataset: pydicom.Dataset) -> None:
    species = _text(dataset, "PatientSpeciesDescription")
    if species and not _HUMAN.search(species):
        raise ImageError("veterinary image: PatientSpeciesDescription is not human")
    if _text(dataset, "PatientBreedDescription"):
        raise ImageError("veterinary image: PatientBreedDescription is filled")
    for name in _DESCRIPTIONS:
        found = _ANIMAL.search(_text(dataset, name))
        if found:
            raise ImageError(f"veterinary image: {name} says '{found[1].lower()}'")


def _refuse_side_views(dataset: pydicom.Dataset) -> None:
    view = _text(dataset, "ViewPosition").upper()
    if view in _SIDE_VIEWS:
        raise ImageError(f"view position {view}; expected a frontal view (PA, AP)")
    if view:
        return
    # A study's description covers all of its images, so it does not state the view of a single image.
    text = " ".join(_text(dataset, name) for name in _DESCRIPTIONS if name != "StudyDescription")
    if _SIDE_WORD.search(text) and not _FRONTAL_WORD.search(text):
        raise ImageError("no ViewPosition, and the series description says lateral; expected a frontal view")


def _text(dataset: pydicom.Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else str(value).strip()
