"""Reading of one plate: its pictures in the order of time, those that cannot be used, the camera and the scale."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.config.roots import RootsReadConfig
from cxrfactory.errors import ImageError
from cxrfactory.imaging.root_pictures import PictureHeader, decode_picture, picture_header, read_picture
from cxrfactory.roots.reading.camera import Camera, same_place
from cxrfactory.roots.reading.folder import PlateFiles
from cxrfactory.roots.reading.scale import scale_of
from cxrfactory.roots.reading.times import Timed, gaps_before, order_of

LEAST_SIDE = 512  # pixels of the longer side of pictures that are compared; they have less than twice as many
_SAMPLE = 9  # pictures that tell what is usual on a plate
_FOR_SCALE = 5
_FOR_CHECK = 2  # the same where the scale is given
_CONTRADICTS = 0.03  # share by which a QR code's scale may differ from that which is given
_FOR_SIZE = 5
_LEAST_WRITTEN_STEP = 60.0  # seconds; files that were written faster were copied or converted
_FLAT = 6  # grey levels between the percentiles 1 and 99; a picture below shows nothing
_BLACK = 0.4  # of the plate's usual bright level
_WEAK = 0.25  # of the plate's usual contrast
_WHITE, _MOSTLY = 250, 0.3  # share of the pixels at least this bright, above the usual share
_NOTED_SHIFT_PX = 1.0


@dataclass
class PlateReading:
    """What was read of one plate.

    Attributes
    ----------
    frames
        Rows of ROOT_FRAMES.
    rejected
        Path and reason of each picture that cannot be used; the path is empty for the whole plate.
    told
        What the log says.
    warned
        What the log warns of.
    written
        Whether the entry DateTime of TIFFs stands in for EXIF.
    """

    frames: list[dict] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    written: bool = False


@dataclass(frozen=True)
class _Look:
    """One picture, reduced, with what its grey values say of it."""

    grey: UInt8[np.ndarray, "height width"]
    digest: bytes
    low: float
    high: float
    white: float

    @property
    def contrast(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class _Usual:
    """What is usual on a plate."""

    size: tuple[int, int]
    low: float
    high: float
    contrast: float
    white: float


@dataclass(frozen=True)
class _Kept:
    """A picture that can be used."""

    place: int
    timed: Timed
    shift: tuple[float, float]


def read_plate(plate: PlateFiles, settings: RootsReadConfig, interval_minutes: float) -> PlateReading:
    """Read one plate; only a few pictures are in memory at a time.

    Parameters
    ----------
    plate
        Its files.
    settings
        Rules of reading.
    interval_minutes
        Minutes between pictures where neither names nor EXIF give times.
    """
    reading = PlateReading(rejected=list(plate.refused))
    headers: list[PictureHeader | None] = []
    for path in plate.pictures:
        try:
            headers.append(picture_header(path))
        except ImageError as error:
            headers.append(None)
            reading.rejected.append((str(path), str(error)))
    taken = _taken(headers, reading)
    order = order_of([path.stem for path in plate.pictures], taken, interval_minutes)
    reading.told += order.told
    reading.warned += order.warned
    if reading.written and any(each.source == "exif" for each in order.timed):
        reading.warned.append(
            "times are those at which the TIFF files were written (DateTime), for nothing else tells them; if they "
            "were written later than the pictures were taken, write the times into the names"
        )
    reading.rejected += [
        (str(plate.pictures[place]), reason) for place, reason in order.refused.items() if headers[place] is not None
    ]
    timed = [each for each in order.timed if headers[each.place] is not None]
    kept = list(_kept(plate.pictures, headers, timed, settings.most_shift_px, reading)) if timed else []
    if not kept:
        reading.rejected.append(("", "no picture of the plate can be used"))
        return reading
    scale, source = _scale([plate.pictures[each.place] for each in kept], settings, reading)
    gaps = gaps_before([each.timed.minutes for each in kept])
    for frame, (each, gap) in enumerate(zip(kept, gaps, strict=True)):
        header = headers[each.place]
        notes = ["gap_before"] * gap + ["moved"] * (float(np.hypot(*each.shift)) >= _NOTED_SHIFT_PX)
        reading.frames.append(
            {
                "plate": plate.name,
                "frame": frame,
                "path": str(plate.pictures[each.place]),
                "hours": (each.timed.minutes - kept[0].timed.minutes) / 60,
                "time_source": each.timed.source,
                "height": header.height,
                "width": header.width,
                "mm_per_pixel": scale,
                "scale_source": source,
                "shift_x": each.shift[0],
                "shift_y": each.shift[1],
                "notes": notes + ["no_scale"] * (scale is None),
            }
        )
    return reading


def _taken(headers: Sequence[PictureHeader | None], reading: PlateReading) -> list[datetime | None]:
    """Return the times of EXIF, or those at which TIFFs were written where no picture has one of EXIF.

    The times are in UTC if all of them tell their zone, so that an hour of summer time is neither lost nor added.
    """
    known = [header for header in headers if header is not None]
    dated = [header for header in known if header.taken is not None]
    if dated and all(header.ahead_minutes is not None for header in dated):
        ahead = {header.ahead_minutes for header in dated}
        if len(ahead) > 1:
            reading.told.append(f"times of EXIF from {len(ahead)} zones are compared in UTC")
        zoned = [None if header is None or header.taken is None else header for header in headers]
        return [None if each is None else each.taken - timedelta(minutes=each.ahead_minutes) for each in zoned]
    if dated:
        return [None if header is None else header.taken for header in headers]
    written = sorted(header.written for header in known if header.written is not None)
    steps = [(after - before).total_seconds() for before, after in pairwise(written)]
    if not steps or len(written) < len(known) or np.median(steps) < _LEAST_WRITTEN_STEP:
        return [None] * len(headers)
    reading.written = True
    return [None if header is None else header.written for header in headers]


def _kept(
    paths: Sequence[Path],
    headers: Sequence[PictureHeader | None],
    timed: Sequence[Timed],
    most_shift_px: float,
    reading: PlateReading,
) -> Iterator[_Kept]:
    """Yield the pictures that can be used in the order of time, and write down why others cannot."""
    usual = _usual(paths, headers, timed)
    camera: Camera | None = None
    digests: dict[bytes, str] = {}
    last: tuple[float, str] | None = None
    for position, each in enumerate(timed):
        path, header = paths[each.place], headers[each.place]
        try:
            look = _look(path)
            shift = (0.0, 0.0)
            fault = _fault(look, header, usual)
            if fault is None and look.digest in digests:
                fault = f"repeat: the same bytes as {digests[look.digest]}"
            if fault is None and last is not None and each.source != "interval" and each.minutes == last[0]:
                fault = f"repeat: the same time as {last[1]}"
            if fault is None and camera is None:
                if _stands_alone(look, paths, headers, timed[position + 1 :], usual):
                    fault = "camera moved after this picture: the next ones do not lie over it"
                else:
                    factor = max(header.height, header.width) / max(look.grey.shape)
                    camera = Camera(look.grey, float(round(factor)), most_shift_px)
            elif fault is None:
                placed = camera.place(look.grey)
                shift, fault = (placed.x, placed.y), placed.fault
        except ImageError as error:
            fault = str(error)
        if fault is not None:
            reading.rejected.append((str(path), fault))
            continue
        digests[look.digest] = path.name
        last = (each.minutes, path.name)
        yield _Kept(each.place, each, shift)


def _look(path: Path) -> _Look:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be opened: {error.strerror}") from error
    grey = decode_picture(data, path.suffix, LEAST_SIDE)
    counts = np.bincount(grey.ravel(), minlength=256)
    low, high = np.searchsorted(np.cumsum(counts), np.array([0.01, 0.99]) * grey.size)
    return _Look(
        grey, blake2b(data, digest_size=16).digest(), float(low), float(high), counts[_WHITE:].sum() / grey.size
    )


def _fault(look: _Look, header: PictureHeader, usual: _Usual) -> str | None:
    """Return why a picture cannot be used by its size and its grey values; None if it can."""
    if (header.height, header.width) != usual.size:
        height, width = usual.size
        return f"{header.width} x {header.height} px; the plate's first pictures have {width} x {height}"
    dark = look.high <= usual.low or look.contrast < _WEAK * usual.contrast
    if dark and look.high < _BLACK * usual.high:
        return f"black picture: 99 % of its pixels are at most {look.high:g} of 255; usual here is {usual.high:g}"
    if look.white > usual.white + _MOSTLY and look.white > 0.5:
        return f"saturated picture: {100 * look.white:.0f} % of its pixels are white"
    if look.contrast < max(_FLAT, _WEAK * usual.contrast):
        return f"blank picture: its grey values span {look.contrast:g} levels; usual here is {usual.contrast:g}"
    return None


def _usual(paths: Sequence[Path], headers: Sequence[PictureHeader | None], timed: Sequence[Timed]) -> _Usual:
    """Return what is usual on a plate by some of its pictures, spread over time."""
    sizes = Counter((headers[each.place].height, headers[each.place].width) for each in timed[:_FOR_SIZE])
    size = max(sizes, key=sizes.__getitem__)  # of sizes that are as frequent, the first
    alike = [each for each in timed if (headers[each.place].height, headers[each.place].width) == size]
    seen = []
    for each in spread_over(alike, _SAMPLE):
        try:
            seen.append(_look(paths[each.place]))
        except ImageError:  # it is refused in its turn
            continue
    if not seen:
        return _Usual(size, 0.0, 0.0, 0.0, 0.0)
    values = np.median([[look.low, look.high, look.contrast, look.white] for look in seen], axis=0)
    return _Usual(size, *(float(value) for value in values))


def _stands_alone(
    first: _Look,
    paths: Sequence[Path],
    headers: Sequence[PictureHeader | None],
    later: Sequence[Timed],
    usual: _Usual,
) -> bool:
    """Return whether a first picture does not fit the next two good ones, which fit each other."""
    next_two: list[_Look] = []
    for each in later[:6]:
        try:
            look = _look(paths[each.place])
        except ImageError:
            continue
        if _fault(look, headers[each.place], usual) is None:
            next_two.append(look)
        if len(next_two) == 2:
            break
    if len(next_two) < 2 or any(same_place(first.grey, look.grey) for look in next_two):
        return False
    return same_place(next_two[0].grey, next_two[1].grey)


def spread_over(items: Sequence, number: int) -> list:
    """Return at most ``number`` items from the first to the last at even steps."""
    if len(items) <= number:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, number).round().astype(int)]


def _scale(paths: Sequence[Path], settings: RootsReadConfig, reading: PlateReading) -> tuple[float | None, str]:
    if settings.mm_per_pixel is not None:
        _compare_scale(paths, settings.mm_per_pixel, settings.qr_mm, reading)
        return settings.mm_per_pixel, "given"
    found = scale_of((read_picture(path) for path in spread_over(paths, _FOR_SCALE)), settings.qr_mm)
    if found is None:
        reading.told.append("no QR code can be read, so lengths are in pixels; set mm_per_pixel if you know it")
        return None, "none"
    reading.told.append(
        f"{found.mm_per_pixel:.5f} mm a pixel by the QR codes of {found.seen} of {found.looked_at} pictures "
        f"({100 * found.spread:.1f} % apart at most)"
    )
    return found.mm_per_pixel, "qr"


def _compare_scale(paths: Sequence[Path], given: float, qr_mm: float, reading: PlateReading) -> None:
    """Warn if a QR code in the pictures contradicts the scale that was given."""
    found = scale_of((read_picture(path) for path in spread_over(paths, _FOR_CHECK)), qr_mm)
    if found is not None and abs(found.mm_per_pixel / given - 1) > _CONTRADICTS:
        reading.warned.append(
            f"mm_per_pixel is {given:g}, but the QR codes of {found.seen} of {found.looked_at} pictures give "
            f"{found.mm_per_pixel:.5f} for a side of {qr_mm:g} mm (qr_mm); {given:g} is taken, so check which is right"
        )
