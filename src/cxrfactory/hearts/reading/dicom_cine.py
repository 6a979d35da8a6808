"""The cines of a DICOM folder tree: classic and enhanced MR, in folders and files of any name.

Messages name a file by its position in the order of the names, because exports often name files after patients.
"""

from collections import Counter, defaultdict
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import encapsulate, get_frame
from pydicom.tag import BaseTag

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.cine import Cine, Moment, moments_in_order
from cxrfactory.hearts.reading.dicom_headers import HEADER_TAGS, FrameHeader, frame_headers
from cxrfactory.hearts.reading.words import view_by_words
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, transfer_syntax
from cxrfactory.imaging.dicom_words import stored_values
from cxrfactory.imaging.volume.dicom_series import companion_kind
from cxrfactory.imaging.volume.series_files import SeriesFile, list_series
from cxrfactory.logs import progress

_KNOWN_MODALITIES = ("CT", "PT", "CR", "DX", "SEG", "SR", "RTSTRUCT", "OT", "US", "NM")
_PHASE = {"P", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP"}  # values of ImageType
_PLACE_MM, _COSINE_DECIMALS = 0.1, 3  # positions and cosines of one place differ by rounding only


def read_cines(folder: Path) -> tuple[list[Cine], list[str]]:
    """Find the cines of a folder and of the folders below it; no pixels are read.

    Returns
    -------
    The cines, one for each place of each series; and notes on what was left aside.

    Raises
    ------
    ImageError
        If files are there by name only, a header cannot be read, the images are not MR, or they are of more than one
        patient or examination.
    """
    folder = Path(folder)
    listed = list_series(folder)
    aside = Counter(listed.aside)
    frames: list[FrameHeader] = []
    for file in progress(listed.files, "read headers"):
        found = _headers(file)
        if isinstance(found, str):
            aside[found] += 1
        else:
            frames += found
    if not frames:
        beside = "".join(f"; left aside: {count} {kind}" for kind, count in sorted((+aside).items()))
        raise ImageError(f"{folder.name}: no MR images in the folder; expected cine MR of a heart{beside}")
    _refuse_mixtures(frames, folder.name)
    notes = [f"{count} {kind} left aside" for kind, count in sorted((+aside).items())]
    places: dict[tuple, list[FrameHeader]] = defaultdict(list)
    for frame in frames:
        places[_place(frame)].append(frame)
    cines, repeated = [], 0
    for alike in places.values():
        cine, more = _cine(alike)
        cines.append(cine)
        repeated += more
    if repeated:
        notes.append(f"{repeated} images repeat another of their series and time, left aside")
    return cines, notes


def _headers(file: SeriesFile) -> list[FrameHeader] | str:
    """Return the images of a file, or the kind of an object that is left aside."""
    try:
        header = file.read(stop_before_pixels=True, specific_tags=HEADER_TAGS)
        if kind := companion_kind(header, file.path):
            return kind
        modality = header.get("Modality")
        words = {str(word).strip().upper() for word in np.atleast_1d(header.get("ImageType") or [])}
    except DECODING_ERRORS as error:
        raise ImageError(f"{file.called}: a DICOM header that cannot be read ({type(error).__name__})") from error
    if not modality:
        raise ImageError(f"{file.called}: a DICOM object that ends before its modality; expected a whole image")
    if modality != "MR":
        known = modality if modality in _KNOWN_MODALITIES else "unknown"
        raise ImageError(f"{file.called}: modality {known}; expected only MR in the folder")
    if words & _PHASE:
        return "phase or velocity images"
    return list(frame_headers(file, header))


def _refuse_mixtures(frames: list[FrameHeader], name: str) -> None:
    for what, expected, ids in (
        ("patients", "expected one patient; put each into a folder", {each.patient for each in frames}),
        ("examinations", "expected one examination; put each into a folder", {each.study for each in frames}),
        (
            "frames of reference",
            "positions in one do not hold in another; expected one",
            {each.reference for each in frames},
        ),
    ):
        if len(ids) > 1:
            raise ImageError(f"{name}: images of {len(ids)} {what}; {expected}")


def _place(frame: FrameHeader) -> tuple:
    cosines = np.round([*frame.across, *frame.down], _COSINE_DECIMALS) + 0.0
    position = np.round(frame.origin_mm / _PLACE_MM).astype(int)
    return frame.series, frame.size, tuple(cosines), tuple(position)


def _cine(frames: list[FrameHeader]) -> tuple[Cine, int]:
    """Return the cine of the images of one place, and how many images repeat another."""
    once: dict[tuple, FrameHeader] = {}
    for frame in frames:
        once.setdefault((frame.time_ms, frame.number), frame)
    kept = list(once.values())
    first = kept[0]
    moments = [Moment(each.number, each.time_ms, partial(_pixels, each)) for each in kept]
    cine = Cine(
        first.size,
        first.origin_mm,
        first.across,
        first.down,
        first.spacing_mm,
        first.thickness_mm,
        moments_in_order(moments),
        _most_common([each.cycle_ms for each in kept]),
        _most_common([each.count for each in kept]),
        view_by_words(first.description),
        (first.acquired, max(each.number for each in kept)),
    )
    return cine, len(frames) - len(kept)


def _most_common(values: list) -> float | int | None:
    known = [value for value in values if value is not None]
    return Counter(known).most_common(1)[0][0] if known else None


def _pixels(frame: FrameHeader) -> np.ndarray:
    """Return the pixels of one image, scaled as the header says, float32."""
    called = frame.file.called
    try:
        values, _ = stored_values(_single(_dataset(frame.file), frame.frame))
    except ImageError as error:
        raise ImageError(f"{called}: an image that cannot be decoded: {error}") from error
    except DECODING_ERRORS as error:
        raise ImageError(f"{called}: an image that cannot be decoded ({type(error).__name__})") from error
    if values.shape != frame.size:
        raise ImageError(f"{called}: decodes to {values.shape}; expected {frame.size}")
    return (values * np.float32(frame.slope) + np.float32(frame.intercept)).astype(np.float32)


@lru_cache(maxsize=2)  # an enhanced object holds all times of a place, or of all places
def _dataset(file: SeriesFile) -> pydicom.Dataset:
    return file.read()


def _single(dataset: pydicom.Dataset, frame: int) -> pydicom.Dataset:
    """Return an object of one of the frames."""
    count = int(dataset.get("NumberOfFrames") or 1)
    if count == 1:
        return dataset
    single = pydicom.Dataset()
    for tag in filter(_about_pixels, dataset.keys()):
        single.add(dataset[tag])
    single.file_meta = dataset.file_meta
    single.set_original_encoding(*dataset.original_encoding)
    if transfer_syntax(dataset).is_encapsulated:
        single.PixelData = encapsulate([get_frame(dataset.PixelData, frame, number_of_frames=count)])
        single["PixelData"].is_undefined_length = True
        return single
    data = dataset.PixelData
    size = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    if len(data) < count * size:
        raise ImageError(f"its pixel data have {len(data)} bytes, but {count} frames need {count * size}")
    single.PixelData = data[frame * size : (frame + 1) * size]
    return single


def _about_pixels(tag: BaseTag) -> bool:
    """Return whether an element says how the pixels of one frame are stored."""
    return tag.group == 0x0028 and tag.element != 0x0008
