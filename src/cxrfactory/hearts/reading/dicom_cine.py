"""The cines of a DICOM folder tree: classic and enhanced MR, in folders and files of any name.

Messages name a file by its position in the order of the names, because exports often name files after patients.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.cine import Cine, Moment
from cxrfactory.hearts.reading.dicom_headers import (
    HEADER_TAGS,
    PHASES,
    FrameHeader,
    StrayImage,
    frame_headers,
    is_phase_image,
)
from cxrfactory.hearts.reading.dicom_identity import one_examination
from cxrfactory.hearts.reading.dicom_order import ACQUISITIONS, BEATS, COPIES, images_in_order, most_common
from cxrfactory.hearts.reading.dicom_pixels import pixels
from cxrfactory.hearts.reading.kinds import kind_of, only_cines
from cxrfactory.hearts.reading.nifti_grid import NO_CT
from cxrfactory.hearts.reading.words import view_by_words
from cxrfactory.imaging.dicom_object import DECODING_ERRORS
from cxrfactory.imaging.volume.dicom_series import companion_kind
from cxrfactory.imaging.volume.series_files import SeriesFile, list_series
from cxrfactory.logs import progress

_KNOWN_MODALITIES = ("CT", "PT", "CR", "DX", "SEG", "SR", "RTSTRUCT", "OT", "US", "NM")
_PLACE_MM, _COSINE = 0.1, 1e-3  # positions and cosines of one place differ by rounding only
_LEFT = {
    COPIES: "{} images repeat another of their series and time, left aside",
    ACQUISITIONS: "{} images of earlier acquisitions of a place in one series left aside; the last one counts",
    BEATS: "{} images of later beats left aside; the first beat of each place counts, wherever it begins",
}


def read_cines(folder: Path) -> tuple[list[Cine], list[str]]:
    """Find the cines of a folder and of the folders below it; no pixels are read.

    Returns
    -------
    The cines, one for each place of each series; and notes on what was left aside.

    Raises
    ------
    ImageError
        If files are there by name only, a header cannot be read, there are no MR images, or they are of more than one
        patient or examination.
    """
    folder = Path(folder)
    listed = list_series(folder)
    aside = Counter(listed.aside)
    frames: list[FrameHeader] = []
    strays: list[tuple[str, StrayImage]] = []
    for file in progress(listed.files, "read headers"):
        series, found = _headers(file)
        if isinstance(found, StrayImage):
            strays.append((series, found))
        elif isinstance(found, str):
            aside[found] += 1
        else:
            frames += found
    _refuse_lost(strays, frames)
    aside.update(stray.kind for _, stray in strays)
    if not frames:
        beside = "".join(f"; left aside: {count} {kind}" for kind, count in sorted((+aside).items()))
        raise ImageError(f"{folder.name}: no MR images in the folder; expected cine MR of a heart{beside}")
    notes = [f"{count} {kind} left aside" for kind, count in sorted((+aside).items())]
    frames, more = one_examination(frames, folder)
    cines, others = _cines(frames, folder.name)
    return cines, [*notes, *more, *others]


def refuse_both_kinds(folder: Path, volumes: int) -> None:
    """Refuse a folder that holds DICOM files beside NIfTI files, since either may be the examination.

    Parameters
    ----------
    folder
        The folder.
    volumes
        Number of its NIfTI files.

    Raises
    ------
    ImageError
        If there are DICOM files.
    """
    objects = len(list_series(folder).files)
    if objects:
        raise ImageError(
            f"{folder.name}: {objects} DICOM files and {volumes} NIfTI files in one folder; expected one kind for an "
            "examination; move the others out of the folder"
        )


def _headers(file: SeriesFile) -> tuple[str, list[FrameHeader] | StrayImage | str]:
    """Return the series and the images of a file, or the kind of an object that is left aside."""
    try:
        header = file.read(stop_before_pixels=True, specific_tags=HEADER_TAGS)
        if kind := companion_kind(header, file.path):
            return "", kind
        modality, series = header.get("Modality"), str(header.get("SeriesInstanceUID") or "").strip()
        phase = is_phase_image(header)
    except DECODING_ERRORS as error:
        raise ImageError(f"{file.called}: a DICOM header that cannot be read ({type(error).__name__})") from error
    if not modality:
        raise ImageError(f"{file.called}: a DICOM object that ends before its modality; expected a whole image")
    if modality != "MR":
        known = modality if modality in _KNOWN_MODALITIES else "unknown"
        wanted = NO_CT if known == "CT" else "expected only MR in the folder"
        message = f"{file.called}: modality {known}; {wanted}"
        return series, StrayImage(message, f"objects of modality {known}")
    if phase:
        return series, PHASES
    try:
        return series, list(frame_headers(file, header))
    except StrayImage as stray:
        return series, stray


def _refuse_lost(strays: list[tuple[str, StrayImage]], frames: list[FrameHeader]) -> None:
    """Refuse objects without an image if nothing else is there, or if they belong to a series of images."""
    series = {each.series for each in frames}
    for own, stray in strays:
        if not frames or own in series:
            raise stray


def _cines(frames: list[FrameHeader], name: str) -> tuple[list[Cine], list[str]]:
    cines: list[Cine] = []
    left: Counter[str] = Counter()
    unordered: list[ImageError] = []
    for alike in _places(frames):
        try:
            cine, more = _cine(alike)
        except ImageError as error:
            unordered.append(error)
            continue
        cines.append(cine)
        left += more
    if not cines:
        raise unordered[0]
    notes = [_LEFT[reason].format(count) for reason, count in left.items()]
    if unordered:
        notes.append(f"{len(unordered)} places without an order left aside; {unordered[0]}")
    cines, more_notes = only_cines(cines, name)
    return cines, [*notes, *more_notes]


def _places(frames: list[FrameHeader]) -> list[list[FrameHeader]]:
    """Return the images of each place of each series."""
    places: dict[tuple, list[list[FrameHeader]]] = defaultdict(list)
    for frame in frames:
        alike = places[(frame.series, frame.size, frame.prepared)]
        here = next((group for group in alike if _is_same_place(group[0], frame)), None)
        if here is None:
            alike.append([frame])
        else:
            here.append(frame)
    return [group for alike in places.values() for group in alike]


def _is_same_place(one: FrameHeader, other: FrameHeader) -> bool:
    if np.abs(one.origin_mm - other.origin_mm).max() > _PLACE_MM:
        return False
    return max(np.abs(one.across - other.across).max(), np.abs(one.down - other.down).max()) <= _COSINE


def _cine(frames: list[FrameHeader]) -> tuple[Cine, Counter[str]]:
    """Return the cine of the images of one place, and how many images were left aside by reason."""
    kept, left = images_in_order(frames)
    first = kept[0]
    count = most_common([each.count for each in kept])
    cine = Cine(
        first.size,
        first.origin_mm,
        first.across,
        first.down,
        first.spacing_mm,
        first.thickness_mm,
        tuple(Moment(each.number, each.time_ms, partial(pixels, each)) for each in kept),
        most_common([each.cycle_ms for each in kept]),
        None if left[BEATS] or count is None else int(count),
        view_by_words(first.description),
        (first.acquired, max(each.number for each in kept)),
        kind_of(kept),
        "DERIVED" in first.sequence.split(),
        first.flip_degrees,
        first.echo_ms,
        gated=not left[BEATS],
        family=first.family,
    )
    return replace(cine, gated=cine.gated and not cine.ungated), left
