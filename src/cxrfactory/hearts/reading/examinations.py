"""The examinations of a folder, and what stands beside them: label files, archives and loose files."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.hearts.reading.nifti_names import is_label_file, without_label_words
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object
from cxrfactory.imaging.volume.nifti import SUFFIXES
from cxrfactory.tables.file_kinds import ARCHIVES, is_table_name, looks_like_dicom

_DOCUMENTS = (".cfg", ".ini", ".db", ".docx", ".bval", ".bvec")
_HEAD_BYTES = 132
_STUDY_TAGS = ["StudyInstanceUID", "PatientID"]
_TRIES = 8  # files of a folder that are looked at for a DICOM header


@dataclass(frozen=True)
class Examinations:
    """What a folder holds.

    Attributes
    ----------
    places
        The examinations by name: each folder, and each NIfTI file that is no label file.
    labels
        Number of label files that stand beside an examination of one file.
    aside
        Files that are no examination, and why.
    """

    places: list[Path]
    labels: Counter[Path]
    aside: dict[Path, str]


def examinations(folder: str | Path) -> Examinations:
    """Return the examinations of a folder.

    Raises
    ------
    CxrError
        If the folder is missing or holds no examination.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CxrError(f"{folder}: no such folder; expected a folder of examinations")
    found = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    folders = {path for path in found if path.is_dir()}
    volumes = {path for path in found if path not in folders and path.name.lower().endswith(SUFFIXES)}
    whole = folders | volumes
    kinds = {path: _kind(path) for path in found if path not in whole}
    if not whole:
        raise CxrError(f"{folder}: no examinations; expected one folder or one NIfTI file for each{_instead(kinds)}")
    labels = {path for path in volumes if is_label_file(path)}
    places = [path for path in found if path in whole and path not in labels]
    images = {without_label_words(path): path for path in places}
    beside = {path: images.get(without_label_words(path)) for path in found if path in labels}
    aside = {
        path: f"{path.name}: labels by its name, without an image beside it; expected an image"
        for path, image in beside.items()
        if image is None
    }
    return Examinations(places, Counter(image for image in beside.values() if image), {**aside, **_loose(kinds)})


def same_study(places: Sequence[Path]) -> dict[Path, int]:
    """Return for each folder of DICOM how many folders are of its examination, with itself; only those above 1.

    Patient and study of the first DICOM file of a folder count.
    """
    studies: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for place in places:
        if study := _study(place):
            studies[study].append(place)
    return {place: len(alike) for alike in studies.values() if len(alike) > 1 for place in alike}


def _kind(path: Path) -> str:
    """Return ``archive``, ``dicom``, ``document`` or ``other``."""
    lower = path.name.lower()
    if is_table_name(lower) or lower.endswith(_DOCUMENTS) or lower == "dicomdir":
        return "document"
    if lower.endswith(ARCHIVES):
        return "archive"
    return "dicom" if _is_dicom(path) else "other"


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return looks_like_dicom(file.read(_HEAD_BYTES))
    except OSError:
        return False


def _instead(kinds: dict[Path, str]) -> str:
    """Say what a folder without examinations holds, and what to do."""
    counts = Counter(kinds.values())
    if counts["dicom"]:
        return f"; {counts['dicom']} DICOM files are here: move those of each examination into a folder of its own"
    if counts["archive"]:
        return f"; {counts['archive']} archives are here: unpack each into a folder of its own"
    return f"; {len(kinds)} files of other kinds are here" if kinds else "; it is empty"


def _loose(kinds: dict[Path, str]) -> dict[Path, str]:
    """Return why each file beside the examinations is none; DICOM files share one reason."""
    reasons = {
        "archive": "an archive; expected a folder or a NIfTI file; unpack it into a folder",
        "other": "neither a folder nor a NIfTI file by its name; expected one of them for each examination",
    }
    aside = {path: f"{path.name}: {reasons[kind]}" for path, kind in kinds.items() if kind in reasons}
    dicom = [path for path, kind in kinds.items() if kind == "dicom"]
    if dicom:
        aside[dicom[0]] = (
            f"{len(dicom)} loose DICOM files beside the examinations; expected the files of each examination in a "
            "folder of its own"
        )
    return aside


def _study(place: Path) -> tuple[str, str] | None:
    if not place.is_dir():
        return None
    path = next((path for path in _first_files(place) if _is_dicom(path)), None)
    if path is None:
        return None
    try:
        header = read_object(path, stop_before_pixels=True, specific_tags=_STUDY_TAGS)
        study = str(header.get("StudyInstanceUID") or "")
        return (str(header.get("PatientID") or ""), study) if study else None
    except (*DECODING_ERRORS, ImageError):
        return None


def _first_files(place: Path) -> list[Path]:
    for folder, folders, names in os.walk(place):
        folders.sort()
        files = [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        if files:
            return files[:_TRIES]
    return []
