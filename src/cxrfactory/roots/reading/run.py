"""Reading of plates into the tables of pictures, of given plants, and of what cannot be used."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cxrfactory.config.roots import RootsReadConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.roots.reading.folder import PlateFiles, find_plates, single_plates
from cxrfactory.roots.reading.given import plant_rows, read_groups, read_plants, read_scales
from cxrfactory.roots.reading.plate import PlateReading, read_plate
from cxrfactory.tables.parquet import table_writer
from cxrfactory.tables.roots import ROOT_FRAMES, ROOT_PLANTS, ROOT_REJECTED

STAGE = "read-plates"
_MANY_MOVED = 0.1  # share of a plate's pictures; more are told as a warning

log = get_logger(__name__)


@dataclass(frozen=True)
class ReadingOutputs:
    """Tables that the reading writes.

    Attributes
    ----------
    frames
        Pictures that can be used (ROOT_FRAMES), by plate and time.
    plants
        Plants that were given (ROOT_PLANTS); empty if none were, because they are found in the segmented roots.
    rejected
        Pictures and plates that cannot be used (ROOT_REJECTED).
    """

    frames: Path
    plants: Path
    rejected: Path


def write_reading(
    roots: Sequence[Path],
    outputs: ReadingOutputs,
    settings: RootsReadConfig,
    interval_minutes: float,
    plants_table: Path | None = None,
    groups: Sequence[Path] = (),
) -> None:
    """Read all plates of some folders and write the tables of the reading.

    Parameters
    ----------
    roots
        Folders; each folder in them that holds pictures is a plate, and so is one of them that itself does.
    outputs
        Tables to write.
    settings
        Rules of reading.
    interval_minutes
        Minutes between pictures where neither names nor EXIF give times.
    plants_table
        Table of plants (:func:`cxrfactory.roots.reading.given.read_plants`); None writes a table without rows. This
        table and those of groups may give the plates' scales (:func:`cxrfactory.roots.reading.given.read_scales`).
    groups
        Tables of groups (:func:`cxrfactory.roots.reading.given.read_groups`); their plates are checked in any case.

    Raises
    ------
    CxrError
        If a folder or a table is wrong, or no picture of any plate can be used.
    """
    plants = None if plants_table is None else read_plants(plants_table)  # before the pictures, which take long
    group_of = read_groups(*groups)
    plates, left = find_plates([Path(root) for root in roots])
    refused: list[tuple[str, str, str]] = []  # folder, path and reason of files of no plate
    if not settings.series:
        refused = [(plate.name, *each) for plate in plates for each in plate.refused]
        plates = single_plates([picture for plate in plates for picture in plate.pictures])
    names = {plate.name: plate for plate in plates}
    known = None
    if plants is not None:
        known = {name: [each.plant for each in plants if each.plate == name] for name in names}
        plant_rows(plants_table, plants, dict.fromkeys(names), group_of)  # plates that are not known
    group_of.check(names, known)
    scales = read_scales([*([] if plants_table is None else [plants_table]), *groups], names)
    log.info("%d plates, %d pictures; left aside: %s", len(plates), sum(len(each.pictures) for each in plates), left)
    sizes = _write(plates, refused, outputs, settings, interval_minutes, scales)
    rows = [] if plants is None else plant_rows(plants_table, plants, sizes, group_of)
    with table_writer(outputs.plants, ROOT_PLANTS) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=ROOT_PLANTS))


def _write(
    plates: list[PlateFiles],
    of_no_plate: Sequence[tuple[str, str, str]],
    outputs: ReadingOutputs,
    settings: RootsReadConfig,
    interval_minutes: float,
    scales: Mapping[str, float],
) -> dict[str, tuple[int, int] | None]:
    """Write the tables of pictures, and return height and width of each plate, None if no picture can be used."""
    sizes: dict[str, tuple[int, int] | None] = {}
    kept = unscaled = 0
    refused = len(of_no_plate)
    with table_writer(outputs.frames, ROOT_FRAMES) as frames, table_writer(outputs.rejected, ROOT_REJECTED) as rejected:
        rejected.write_table(_rejected(of_no_plate))
        for plate in progress(plates, "read plates"):
            own = {"mm_per_pixel": scales[plate.name]} if plate.name in scales else {}
            reading = read_plate(plate, settings.model_copy(update=own), interval_minutes)
            if len(plate.pictures) > 1:
                _tell(plate, reading)
            else:
                _warn(plate, reading)
            first = reading.frames[0] if reading.frames else None
            sizes[plate.name] = None if first is None else (first["height"], first["width"])
            frames.write_table(pa.Table.from_pylist(reading.frames, schema=ROOT_FRAMES))
            rejected.write_table(_rejected([(plate.name, *each) for each in reading.rejected]))
            kept += len(reading.frames)
            refused += sum(bool(path) for path, _ in reading.rejected)
            unscaled += first is not None and first["mm_per_pixel"] is None
        if not kept:
            first = next(reason for _, reason in sorted(reading.rejected, key=lambda each: (not each[0], each)))
            raise CxrError(f"no picture of {len(plates)} plates can be used; the last plate's first reason: {first}")
    log.info("%d plates: %d pictures kept, %d rejected", len(plates), kept, refused)
    if unscaled:
        log.warning("%d of %d plates have no scale, so their lengths are in pixels", unscaled, len(plates))
    return sizes


def _rejected(rows: Sequence[tuple[str, str, str]]) -> pa.Table:
    named = [{"plate": plate, "path": path, "stage": STAGE, "reason": reason} for plate, path, reason in sorted(rows)]
    return pa.Table.from_pylist(named, schema=ROOT_REJECTED)


def _warn(plate: PlateFiles, reading: PlateReading) -> None:
    for warning in reading.warned:
        log.warning("%s: %s", plate.name, warning)


def _tell(plate: PlateFiles, reading: PlateReading) -> None:
    reasons = Counter(reason.split(":")[0].split(";")[0] for path, reason in reading.rejected if path)
    total = len(reading.frames) + sum(reasons.values())
    parts = [f"{len(reading.frames)} of {total} pictures kept"]
    parts += [f"{count} rejected ({reason})" for reason, count in sorted(reasons.items())]
    if reading.frames:
        sources = Counter(frame["time_source"] for frame in reading.frames)
        parts.append(f"{reading.frames[-1]['hours']:.1f} hours by {' and '.join(sorted(sources))}")
        for note, what in (("gap_before", "gaps"), ("moved", "pictures registered back")):
            if count := sum(note in frame["notes"] for frame in reading.frames):
                parts.append(f"{count} {what}")
    log.info("%s: %s", plate.name, "; ".join([*parts, *reading.told]))
    _warn(plate, reading)
    moved = reasons["camera moved"]
    if moved > _MANY_MOVED * total:
        log.warning(
            "%s: the camera moved in %d of %d pictures; if it moved once for good, put the pictures after it into a "
            "folder of their own, or raise most_shift_px",
            plate.name,
            moved,
            total,
        )
