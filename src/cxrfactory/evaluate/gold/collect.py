"""Read an export of Label Studio and write gold-standard landmarks in the layout that CheXmask publishes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.organs import ORGAN_COLUMNS, ORGANS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.gold.studio import Task, corrected_landmarks
from cxrfactory.evaluate.gold.tasks import read_tasks, regions_of_reader
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.chexmask import quoted
from cxrfactory.tables.landmark_text import landmark_text
from cxrfactory.tables.paths import is_plain_name
from cxrfactory.tables.rle import rle_encode

log = get_logger(__name__)

HEADER = f"ImageID,Dataset,Landmarks,{','.join(ORGAN_COLUMNS[organ] for organ in ORGANS)}\n"
SUFFIX = "_annotations"


@dataclass(frozen=True)
class GoldImage:
    """A corrected image: its release, its id, and its line in the table."""

    release: str
    image_id: str
    line: str


def import_gold(
    export: str | Path, output: str | Path, reader: str | None = None, annotator: int | None = None
) -> dict[str, int]:
    """Turn corrected tasks into ``{release}_annotations.csv``, or ``{release}_{reader}_annotations.csv``.

    Landmarks are rounded to whole pixels, and masks are filled from the rounded points, as in the product. A task is
    rejected if it was skipped, was not annotated, or lacks landmarks. Rejected tasks are listed in
    ``{release}_annotations.rejected.csv``.

    Parameters
    ----------
    export
        JSON export of Label Studio.
    output
        Folder of the tables.
    reader
        Short name of the reader. It becomes part of the file name and so distinguishes the tables of several readers.
    annotator
        Id of the user whose annotations are used if tasks have several (``completed_by`` in the export).

    Returns
    -------
    Number of gold images by release.

    Raises
    ------
    CxrError
        If the file is not a JSON export of Label Studio, an image has two tasks, or no image can be used.
    """
    export, output = Path(export), Path(output)
    if reader is not None and not is_plain_name(reader):
        raise CxrError(f"reader '{reader}'; expected letters, digits, '.', '_', '-' only: it names files")
    found: dict[str, list[GoldImage]] = {}
    rejected: dict[str, list[tuple[str, str]]] = {}
    seen: set[tuple[str, str]] = set()
    for place, task in enumerate(progress(read_tasks(export), "gold-import"), start=1):
        release, image_id, graph = _task_data(export, place, task)
        if (release, image_id) in seen:
            raise CxrError(f"{export}: task {place}: image '{image_id}' of '{release}' has two tasks; expected one")
        seen.add((release, image_id))
        images, reasons = found.setdefault(release, []), rejected.setdefault(release, [])
        try:
            images.append(_gold_image(release, image_id, graph, task, annotator))
        except ImageError as error:
            reasons.append((image_id, str(error)))
    if not any(found.values()):
        first = next((f", first '{rows[0][0]}': {rows[0][1]}" for rows in rejected.values() if rows), "")
        raise CxrError(f"{export}: none of {len(seen)} tasks can be used{first}")
    for release, images in found.items():
        name = f"{release}_{reader}{SUFFIX}" if reader else f"{release}{SUFFIX}"
        with text_file(output / f"{name}.csv") as stream:
            stream.write(HEADER)
            stream.writelines(image.line for image in sorted(images, key=lambda image: image.image_id))
        with text_file(output / f"{name}.rejected.csv") as stream:
            stream.write("ImageID,reason\n")
            stream.writelines(f"{quoted(image_id)},{quoted(why)}\n" for image_id, why in sorted(rejected[release]))
        log.info("%s: %d gold images, %d tasks rejected; wrote %s", release, len(images), len(rejected[release]),
                 output / f"{name}.csv")  # fmt: skip
    return {release: len(images) for release, images in found.items()}


def _task_data(export: Path, place: int, task: Task) -> tuple[str, str, LandmarkGraph]:
    data = task["data"]
    missing = [name for name in ("release", "image_id", "graph") if not isinstance(data.get(name), str)]
    if missing:
        raise CxrError(f"{export}: task {place}: data lacks {missing}; expected tasks made by gold-export")
    if not is_plain_name(data["release"]):
        raise CxrError(f"{export}: task {place}: release '{data['release']}' cannot name a file")
    return data["release"], data["image_id"], landmark_graph(data["graph"])


def _gold_image(release: str, image_id: str, graph: LandmarkGraph, task: Task, annotator: int | None) -> GoldImage:
    points, size = corrected_landmarks(regions_of_reader(task.get("annotations", []), annotator), graph)
    points = np.rint(points)
    masks = landmarks_to_masks(points, graph, size, size)
    empty = [organ for organ, mask in masks.items() if not mask.any()]
    if empty:
        raise ImageError(f"{empty[0].replace('_', ' ')} covers no pixel")
    rle = [rle_encode(masks[organ]) if organ in masks else "" for organ in ORGANS]
    line = f'{quoted(image_id)},{quoted(release)},"{landmark_text(points)}",{",".join(rle)}\n'
    return GoldImage(release, image_id, line)
