"""What the names of NIfTI files say: view, time of the cycle, and which files are no images of the heart.

The names of ACDC (``patient001_4d.nii.gz``, ``patient001_frame01.nii.gz``), M&Ms (``A0S9V9_sa.nii.gz``,
``001_SA_CINE.nii.gz``, ``001_LA_ED.nii.gz``) and UK Biobank (``sa.nii.gz``, ``la_2ch.nii.gz``) are known, as are the
files that programs for these data leave beside them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.hearts.reading.words import view_by_words
from cxrfactory.imaging.volume.nifti import SUFFIXES

_LABEL = re.compile(r"(gt|seg\d*|segmentations?|labels?|masks?|contours?|preds?|predictions?)")
_LABELS = re.compile(_LABEL.pattern + "(tr|ts|va)?")  # folders, as labelsTr of nnU-Net
# Maps, flow, late enhancement and vessels; none of them is a cine of the heart.
_OTHER = re.compile(
    r"(ao|aorta|aortic|(native|post|pre)?(t1|t2|t2star)(maps?|w)?|map|maps|molli|shmolli|lge|psir|mag|pha|"
    r"perf|perfusion|flow|velocity|tag\d*|tagging|scout|localizer|localiser)"
)
_EXACT = {"sa": "sax", "la_2ch": "2ch", "la_3ch": "3ch", "la_4ch": "4ch"}
_FRAME = re.compile(r"(?<![a-z])(?:frame|phase|time)[ _-]*(\d+)|(?<![a-z0-9])t(\d{2,})(?![a-z0-9])")
_SLICE = re.compile(r"(?<![a-z])(?:slice|slc|sl)[ _-]*(\d+)")
# In names of files it is part of a patient's name more often than the pulmonary artery.
_PATIENT = re.compile(r"(?<![a-z0-9])pa(?![a-z0-9])")


@dataclass(frozen=True)
class NamedFile:
    """A file and what its name says.

    Attributes
    ----------
    path
        The file.
    view
        ``sax``, ``2ch``, ``3ch``, ``4ch``, ``lax`` or ``other``; empty if the name says none.
    time
        ``ED``, ``ES`` or the number of a frame; empty for a file of all times.
    exact
        Whether the whole name is that of a view, such as ``sa.nii.gz``.
    place
        Number of a slice; empty for a file of all slices.
    """

    path: Path
    view: str
    time: str
    exact: bool = False
    place: str = ""


def nifti_files(place: Path) -> list[Path]:
    """Return the NIfTI files of a folder and of those below it, by name; hidden ones are left out."""
    return sorted(
        path
        for path in place.rglob("*")
        if path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".") and path.is_file()
    )


def stem(path: Path) -> str:
    """Return the name of a file without a suffix of NIfTI."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]


def is_label_file(path: Path, place: Path | None = None) -> bool:
    """Return whether a name is that of labels, such as ``A1B2C3_sa_gt.nii.gz``.

    Below a place, files in a folder of such a name are labels, too: ``segmentations/heart_ventricle_left.nii.gz``.
    """
    folders = path.relative_to(place).parts[:-1] if place else ()
    return any(_LABEL.fullmatch(word) for word in _words(path)) or any(
        _LABELS.fullmatch(each.lower()) for each in folders
    )


def without_label_words(path: Path) -> str:
    """Return the words of a file's name, lower case, but for those that mark labels: the name of its image."""
    return " ".join(word for word in _words(path) if not _LABEL.fullmatch(word))


def named(path: Path) -> NamedFile:
    """Return what the name of a file says."""
    exact = _EXACT.get(stem(path).lower())
    if exact:
        return NamedFile(path, exact, "", exact=True)
    words = _words(path)
    frame, place = _FRAME.search(stem(path).lower()), _SLICE.search(stem(path).lower())
    time = next((word.upper() for word in ("ed", "es") if word in words), frame[1] or frame[2] if frame else "")
    return NamedFile(path, _view(path, words), time, place=place[1] if place else "")


def chosen_files(files: Sequence[NamedFile]) -> tuple[list[NamedFile], list[str]]:
    """Return the files to read, and notes on those left aside.

    A file of exactly a view's name wins over others of that view, and files that name the short axis win over those
    that name no view.
    """
    exact = {each.view for each in files if each.exact}
    kept = [each for each in files if each.exact or each.view not in exact or each.time]
    notes = _left_aside(len(files) - len(kept), "beside a file of exactly that view's name")
    others = [each for each in kept if each.view == "other"]
    notes += _left_aside(len(others), "which by their names are no cine of the heart")
    kept = [each for each in kept if each.view != "other"]
    if any(each.view == "sax" for each in kept):
        unnamed = [each for each in kept if not each.view]
        notes += _left_aside(len(unnamed), "whose names say no view, beside a file of the short axis")
        kept = [each for each in kept if each.view]
    return kept, notes


def _words(path: Path) -> list[str]:
    return re.findall(r"[a-z0-9]+", stem(path).lower())


def _view(path: Path, words: Sequence[str]) -> str:
    text = stem(path).lower().replace("_", " ")
    view = view_by_words(_PATIENT.sub(" ", text)) or view_by_words(text)
    return "other" if any(_OTHER.fullmatch(word) for word in words) else view


def _left_aside(count: int, why: str) -> list[str]:
    return [f"{count} NIfTI files left aside, {why}"] if count else []
