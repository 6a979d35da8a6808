"""Whether the images of a DICOM folder are of one patient, one examination and one frame of reference."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.dicom_headers import FrameHeader
from cxrfactory.hearts.reading.roots import advised_root

_FEWEST_RENAMED = 2  # series, each with a frame of reference of its own, after removal of identities
_FITTING_MM = 100.0  # middles of images of one heart lie within this distance
_TAG = "FrameOfReferenceUID (0020,0052)"


def one_examination(frames: list[FrameHeader], folder: Path) -> tuple[list[FrameHeader], list[str]]:
    """Return the images whose positions hold together, and notes.

    Still images in another frame of reference are left aside. Where each series has a frame of reference of its own
    and the places fit together, they count as one.

    Parameters
    ----------
    frames
        All images of a folder.
    folder
        The folder, for messages.

    Raises
    ------
    ImageError
        If there are several patients or examinations, or cines in several frames of reference.
    """
    name = folder.name
    notes = _one_patient(frames, folder)
    if (count := len({each.study for each in frames})) > 1:
        advice = _advice(frames, lambda one: one.study, folder)
        raise ImageError(f"{name}: images of {count} examinations; expected one examination{advice}")
    frames, more = _one_reference(frames, name)
    return frames, [*notes, *more]


def _advice(frames: list[FrameHeader], key: Callable[[FrameHeader], str], folder: Path) -> str:
    paths = defaultdict(set)
    for each in frames:
        paths[key(each)].add(each.file.path)
    return advised_root([sorted(alike) for alike in paths.values()], folder) or "; put each into a folder"


def _one_patient(frames: list[FrameHeader], folder: Path) -> list[str]:
    name = folder.name
    ids = {each.patient for each in frames} - {""}
    names = {each.patient_name for each in frames}
    patients = ids or names  # where ids lack everywhere, names tell patients apart
    if len(patients) > 1:
        advice = _advice(frames, lambda one: one.patient if ids else one.patient_name, folder)
        raise ImageError(f"{name}: images of {len(patients)} patients; expected one patient{advice}")
    lacking = [each for each in frames if not each.patient]
    if not ids or not lacking:
        return []
    if len(names) > 1 or "" in names:
        raise ImageError(
            f"{name}: PatientID (0010,0020) lacks in {len(lacking)} images (series {_numbers(lacking)}), and their "
            "PatientName is not that of the others, so they may be of 2 patients; expected one patient; put each into "
            "a folder, or give all images the same PatientID"
        )
    return [f"PatientID lacks in {len(lacking)} images (series {_numbers(lacking)}); the name is the same in all"]


def _one_reference(frames: list[FrameHeader], name: str) -> tuple[list[FrameHeader], list[str]]:
    main = Counter(each.reference for each in frames).most_common(1)[0][0]
    foreign = [each for each in frames if each.reference != main]
    moving = {series for series in {each.series for each in foreign} if _moves(foreign, series)}
    still = [each for each in foreign if each.series not in moving]
    kept = [each for each in frames if each.reference == main or each.series in moving]
    notes = []
    if still:
        notes.append(f"{len(still)} still images without the frame of reference of the others left aside "
                     f"(series {_numbers(still)})")  # fmt: skip
    if moving:
        notes.append(_joined(kept, main, name))
    return kept, notes


def _joined(frames: list[FrameHeader], main: str, name: str) -> str:
    """Return a note if the frames of reference of cines may count as one; refuse them otherwise."""
    foreign = [each for each in frames if each.reference != main]
    if lacking := [each for each in frames if not each.reference]:
        raise ImageError(
            f"{name}: {_TAG} lacks in series {_numbers(lacking)} and is there in others; expected one for all, since "
            "positions hold within it only; export again with it, or take these series out of the folder"
        )
    series = defaultdict(set)
    for each in foreign:
        series[each.reference].add(each.series)
    renamed = len(series) >= _FEWEST_RENAMED and all(len(of) == 1 for of in series.values())
    middles = np.stack([_middle(each) for each in frames])
    fit = np.linalg.norm(middles - np.median(middles, 0), axis=1).max() <= _FITTING_MM
    if not (renamed and fit):
        raise ImageError(
            f"{name}: images of {len(series) + 1} frames of reference (series {_numbers(foreign)} differ from the "
            "others); positions in one do not hold in another; expected one; take these series out of the folder"
        )
    return (
        f"{len(series) + 1} frames of reference, one for each of the series {_numbers(foreign)}; their places fit, so "
        "they are read as one; look at the views"
    )


def _moves(frames: list[FrameHeader], series: str) -> bool:
    """Return whether a series has several images at a place."""
    places = Counter(tuple(np.round(each.origin_mm, 1)) for each in frames if each.series == series)
    return max(places.values()) > 1


def _middle(frame: FrameHeader) -> np.ndarray:
    rows, columns = frame.size
    across = (columns - 1) / 2 * frame.spacing_mm[0] * frame.across
    return frame.origin_mm + across + (rows - 1) / 2 * frame.spacing_mm[1] * frame.down


def _numbers(frames: Iterable[FrameHeader]) -> str:
    return ", ".join(map(str, sorted({each.acquired for each in frames})))
