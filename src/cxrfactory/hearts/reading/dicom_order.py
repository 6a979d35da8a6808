"""Order of the images of one place, and which of them count: copies, repeated acquisitions and further beats do not."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.dicom_headers import FrameHeader

COPIES, ACQUISITIONS, BEATS = "copies", "acquisitions", "beats"
_FEWEST_IMAGES = 3  # of an acquisition
_WHOLE_SHARE = 0.9  # an acquisition with fewer images than this share of the longest one was stopped
_ORDER = "TriggerTime, InstanceNumber, TemporalPositionIdentifier, AcquisitionTime or ContentTime"
# What orders images, the best first.
_KEYS: tuple[Callable[[FrameHeader], tuple | float | None], ...] = (
    lambda one: one.time_ms,
    lambda one: one.number,
    lambda one: one.temporal,
    lambda one: one.acquisition_ms,
    lambda one: one.content_ms,
    lambda one: (one.number, one.frame) if one.file_frames > 1 else None,
)


def images_in_order(frames: Sequence[FrameHeader]) -> tuple[list[FrameHeader], Counter[str]]:
    """Return the images of one place of a series in their order, and how many were left aside by reason.

    Of several acquisitions in one series the last whole one counts, and of several beats the first.

    Parameters
    ----------
    frames
        The images of one place.

    Raises
    ------
    ImageError
        If nothing in the headers orders the images.

    Examples
    --------
    >>> kept, left = images_in_order(frames)  # doctest: +SKIP
    >>> left["copies"]
    0
    """
    once = list({(each.image or id(each), each.frame): each for each in frames}.values())
    last = _last_acquisition(once)
    kept = _ordered(last)
    beat = _first_beat(kept)
    left = {
        COPIES: len(frames) - len(once) + len(last) - len(kept),
        ACQUISITIONS: len(once) - len(last),
        BEATS: len(kept) - len(beat),
    }
    return beat, Counter(left)


def _last_acquisition(frames: list[FrameHeader]) -> list[FrameHeader]:
    """Return the last whole run of times that grow with the numbers of the images."""
    if any(each.time_ms is None for each in frames) or len({each.number for each in frames}) < len(frames):
        return frames
    runs: list[list[FrameHeader]] = []
    for each in sorted(frames, key=lambda one: one.number):
        if not runs or each.time_ms <= runs[-1][-1].time_ms:  # type: ignore[operator]
            runs.append([])
        runs[-1].append(each)
    longest = max(map(len, runs))
    if any(len(run) < _FEWEST_IMAGES for run in runs[:-1]) or longest < _FEWEST_IMAGES:
        return frames
    return next(run for run in reversed(runs) if len(run) >= _WHOLE_SHARE * longest)


def _ordered(frames: list[FrameHeader]) -> list[FrameHeader]:
    for key in _KEYS:
        values = [key(each) for each in frames]
        if None not in values and len(set(values)) == len(values):
            return sorted(frames, key=key)  # type: ignore[arg-type]
    times = {each.time_ms for each in frames}
    if None not in times and len(times) > 1:  # exports that were made twice have other ids
        once: dict[tuple, FrameHeader] = {}
        for each in frames:
            once.setdefault((each.time_ms, each.number), each)
        return sorted(once.values(), key=lambda one: (one.number, one.time_ms))
    raise ImageError(
        f"{frames[0].file.called}: nothing orders the {len(frames)} images of its place; expected {_ORDER} that "
        "differ from image to image; export the series with one of them"
    )


def _first_beat(frames: list[FrameHeader]) -> list[FrameHeader]:
    """Return the first beat of images that follow each other through several."""
    cycle = most_common([each.cycle_ms for each in frames])
    times = [each.time_ms for each in frames]
    if cycle is None or None in times or len(set(times)) < max(len(times), _FEWEST_IMAGES):
        return frames
    measured = np.array(times, float)
    if np.ptp(measured) < 1.5 * cycle or np.median(np.diff(measured)) > 0.25 * cycle:
        return frames
    return [each for each in frames if each.time_ms - measured[0] < cycle]  # type: ignore[operator]


def most_common(values: Sequence[float | None]) -> float | None:
    """Return the value that occurs most often; None if none is known."""
    known = [value for value in values if value is not None]
    return Counter(known).most_common(1)[0][0] if known else None
