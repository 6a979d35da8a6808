"""Writing of virtual plates: folders of pictures that look like a user's, and a folder of truth."""

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2

from cxrfactory.config.roots import RootsCohortConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.roots.cohort.picture import pictures_of
from cxrfactory.roots.cohort.plate import Plate, draw_plate, plate_names
from cxrfactory.roots.cohort.truth import TruthWriter, frame_rows, graph_rows, mask_row, plant_rows, truth_writer
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.keys import shard_of

log = get_logger(__name__)


def write_plates(output: Path, truth: Path, settings: RootsCohortConfig, shard: int = 0, shards: int = 1) -> None:
    """Write the plates of one shard of the cohort, and their truth.

    A plate is the same in cohorts of any number of plates and shards. Each plate's folder, and the folder of truth, is
    moved into place only when it is complete.

    Parameters
    ----------
    output
        Folder that gets one folder of JPEG pictures for each plate; the files' names tell the times. Shards may share
        it.
    truth
        Folder of the shard's truth; an existing one is replaced. It gets ``masks.parquet``, ``nodes.parquet``,
        ``edges.parquet``, ``traits.parquet``, ``laterals.parquet``, ``plants.parquet``, ``frames.parquet`` (times and
        exact shifts), and ``groups.csv`` (plate, group) of the plates that belong to a group.
    settings
        Settings of the cohort.
    shard, shards
        Number of this shard from 0, and number of all shards.

    Raises
    ------
    CxrError
        If the shard is out of range, or a picture cannot be encoded.
    """
    if not 0 <= shard < shards:
        raise CxrError(f"shard {shard} of {shards}; expected a shard from 0 and below the number of shards")
    plates = [draw_plate(name, settings) for name in plate_names(settings) if shard_of(name, shards) == shard]
    _write(plates, Path(output), truth)
    log.info("%s: %d virtual plates of %d pictures", output, len(plates), settings.frames)


def _write(plates: Sequence[Plate], output: Path, truth: Path) -> None:
    with (
        replaced_folder(truth) as folder,
        truth_writer(folder) as writer,
        text_file(folder / "groups.csv") as stream,
    ):
        groups = csv.writer(stream, lineterminator="\n")
        groups.writerow(["plate", "group"])
        groups.writerows([plate.name, plate.group] for plate in plates if plate.group is not None)
        for plate in progress(plates, "virtual plates", len(plates)):
            _write_plate(output / plate.name, plate, writer)


def write_plate(name: str, output: Path, truth: Path, settings: RootsCohortConfig) -> None:
    """Write one plate of the cohort, and its truth; the plate is the same as in :func:`write_plates`.

    Parameters
    ----------
    name
        Name of the plate, one of :func:`cxrfactory.roots.cohort.plate.plate_names`.
    output
        Folder of the plate's pictures; its last part must be the name.
    truth
        Folder of the plate's truth, with the tables that :func:`write_plates` writes.
    settings
        Settings of the cohort.

    Raises
    ------
    CxrError
        If the cohort has no such plate, or the folder has another name.
    """
    names = plate_names(settings)
    if name not in names:
        raise CxrError(f"plate '{name}'; expected one of {', '.join(names)}")
    if Path(output).name != name:
        raise CxrError(f"{output}: the folder of plate '{name}' must have its name")
    _write([draw_plate(name, settings)], Path(output).parent, truth)
    log.info("%s: virtual plate of %d pictures", output, settings.frames)


def _write_plate(output: Path, plate: Plate, writer: TruthWriter) -> None:
    masks = []
    with replaced_folder(output) as folder:
        for picture in pictures_of(plate):
            done, data = cv2.imencode(".jpg", picture.grey, [cv2.IMWRITE_JPEG_QUALITY, plate.look.quality])
            if not done:
                raise CxrError(f"{output}: picture {picture.frame} cannot be encoded as JPEG")
            (folder / plate.file_name(picture.frame)).write_bytes(data.tobytes())
            masks.append(mask_row(plate, picture))
    writer.add("frames", frame_rows(plate))
    writer.add("masks", masks)
    writer.add("plants", plant_rows(plate))
    for name, rows in graph_rows(plate).items():
        writer.add(name, rows)
