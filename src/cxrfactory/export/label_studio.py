"""Masks of a product as Label Studio tasks, brushes or polygons; and annotated tasks back as masks."""

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import UInt8

from cxrfactory.config.export import ChosenImagesConfig, ShapesConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.gold.studio import Region, Task, to_percent, to_pixel
from cxrfactory.evaluate.gold.tasks import read_tasks, regions_of_reader
from cxrfactory.export.brush import brush_decode, brush_encode
from cxrfactory.export.chosen import ChosenImages
from cxrfactory.export.output import new_folder
from cxrfactory.export.pictures import PICTURES
from cxrfactory.export.returned import Returned, write_returned
from cxrfactory.export.sent import Sending, Sent, SentImages, colours
from cxrfactory.export.shapes import filled, polygon, polygons_of
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.opened import ProductImage

log = get_logger(__name__)

TASKS, INTERFACE = "tasks.json", "labelling.xml"
LOCAL_FILES = "/data/local-files/?d="
IMAGE, BRUSH, POLYGON = "image", "mask", "outline"  # names of the tags in the interface
MODEL = "cxrfactory"
# Results of Label Studio that show no place on the image.
_NO_MASKS = ("choices", "datetime", "number", "pairwise", "ranker", "rating", "relation", "taxonomy", "textarea")


def export_label_studio(
    product: str | Path,
    output: str | Path,
    choice: ChosenImagesConfig,
    shapes: ShapesConfig,
    prefix: str = LOCAL_FILES,
) -> int:
    """Write pictures, tasks with the masks as predictions, and the labelling interface of the project.

    Parameters
    ----------
    product
        Folder of the product.
    output
        Folder to write, which must not exist or be empty: ``images/``, ``tasks.json``, ``labelling.xml``, and
        ``images.csv``, by which the annotated tasks find their images again.
    choice
        Images and masks to export.
    shapes
        Whether masks are brushes or polygons.
    prefix
        Address of the folder ``images/``, to which a picture's path is added; by default that of Label Studio's local
        files.

    Returns
    -------
    Number of tasks.

    Raises
    ------
    CxrError
        If the product or the choice is at fault, the output exists, or a picture cannot be read.

    Examples
    --------
    >>> from cxrfactory.config.export import ChosenImagesConfig, ShapesConfig
    >>> from cxrfactory.export.label_studio import export_label_studio
    >>> export_label_studio(results, folder / "studio", ChosenImagesConfig(), ShapesConfig())
    3
    """
    chosen = ChosenImages(product, choice)
    count = 0
    with new_folder(output) as folder:
        with (folder / TASKS).open("w", encoding="utf-8", newline="\n") as stream:
            for sent, image in Sending(chosen, folder):
                task = _task(sent, image, chosen, shapes, prefix)
                stream.write(("[\n" if count == 0 else ",\n") + json.dumps(task, allow_nan=False))
                count += 1
            stream.write("\n]\n" if count else "[]\n")
        (folder / INTERFACE).write_text(_interface(colours(chosen)), encoding="utf-8", newline="\n")
    log.info("%s: %d tasks; import %s after the pictures are in place", output, count, TASKS)
    return count


def import_label_studio(
    export: str | Path, sent: str | Path, output: str | Path, annotator: int | None = None
) -> dict[str, int]:
    """Write the masks of annotated tasks as a folder of masks with ``table.csv``.

    Parameters
    ----------
    export
        JSON export of the Label Studio project.
    sent
        Folder that :func:`export_label_studio` wrote.
    output
        Folder to write; see :func:`cxrfactory.export.returned.write_returned`.
    annotator
        Id of the user whose annotations are used if tasks have several.

    Returns
    -------
    Number of images with masks and of images left out, under ``kept`` and ``rejected``.

    Raises
    ------
    CxrError
        If the export is unreadable, a task is of no image that was sent, or no task can be used.
    """
    export, images = Path(export), SentImages(Path(sent))
    tasks = read_tasks(export)

    def returned(task: Task) -> Returned:
        file = task["data"].get("file")
        if not isinstance(file, str):
            raise CxrError(f"{export}: a task's data lacks 'file'; expected tasks made by export label-studio")
        image = images.find(file)
        return Returned(image, lambda: _masks(regions_of_reader(task.get("annotations", []), annotator), image))

    return write_returned(images, (returned(task) for task in progress(tasks, "import")), output, export)


def _task(sent: Sent, image: ProductImage, chosen: ChosenImages, shapes: ShapesConfig, prefix: str) -> Task:
    regions = []
    for name, mask in chosen.masks(image).items():
        polygons = polygons_of(image, name, mask) if shapes.shapes == "polygons" else None
        if polygons is None:
            regions.append(_region(sent, BRUSH, "brushlabels", name, {"format": "rle", "rle": brush_encode(mask)}))
        for points in polygons or ():
            value = {"points": _percents(points, sent), "closed": True}
            regions.append(_region(sent, POLYGON, "polygonlabels", name, value))
    for place, region in enumerate(regions):
        region["id"] = f"{MODEL}{place:04d}"
    address = prefix + quote(f"{PICTURES}/{sent.file}")
    data = {"image": address, "file": sent.file, "image_id": sent.image_id, "release": sent.release}
    return {"data": data, "predictions": [{"model_version": MODEL, "result": regions}]}


def _region(sent: Sent, tag: str, kind: str, name: str, value: dict[str, Any]) -> Region:
    return {
        "from_name": tag,
        "to_name": IMAGE,
        "type": kind,
        "original_width": sent.width,
        "original_height": sent.height,
        "image_rotation": 0,
        "value": {**value, kind: [name]},
    }


def _percents(points: np.ndarray, sent: Sent) -> list[list[float]]:
    return [[to_percent(float(x), sent.width), to_percent(float(y), sent.height)] for x, y in points]


def _interface(known: dict[str, str]) -> str:
    """Return the labelling interface: one image, a brush and a polygon for each structure."""
    labels = [f"    <Label value={quoteattr(name)} background={quoteattr(colour)}/>" for name, colour in known.items()]
    return "\n".join(
        [
            "<View>",
            f'  <Image name="{IMAGE}" value="$image" zoom="true" zoomControl="true" brightnessControl="true" '
            'contrastControl="true"/>',
            f'  <BrushLabels name="{BRUSH}" toName="{IMAGE}" showInline="true">',
            *labels,
            "  </BrushLabels>",
            f'  <PolygonLabels name="{POLYGON}" toName="{IMAGE}" strokeWidth="1" showInline="true">',
            *labels,
            "  </PolygonLabels>",
            "</View>",
            "",
        ]
    )


def _masks(regions: list[Region], sent: Sent) -> dict[str, UInt8[np.ndarray, "height width"]]:
    """Return the mask of each label: the union of its regions; answers and relations beside them are no masks."""
    masks: dict[str, np.ndarray] = {}
    for region in regions:
        kind, value = region.get("type"), region.get("value", {})
        if kind in _NO_MASKS:
            continue
        if kind not in ("brushlabels", "polygonlabels"):
            raise ImageError(f"region of type '{kind}'; expected brushes and polygons")
        if region.get("image_rotation", 0) != 0:
            raise ImageError("annotated on a rotated image; expected rotation 0")
        if (region.get("original_height"), region.get("original_width")) != (sent.height, sent.width):
            raise ImageError(
                f"image of {region.get('original_height')} x {region.get('original_width')} pixels; its picture has "
                f"{sent.height} x {sent.width}"
            )
        labels = value.get(kind, [])
        if len(labels) != 1:
            raise ImageError(f"region with {len(labels)} labels; expected one")
        if kind == "brushlabels":
            mask = brush_decode(value.get("rle", []), sent.height, sent.width)
        else:
            mask = filled([_pixels(value.get("points", []), sent)], sent.height, sent.width)
        masks[labels[0]] = masks[labels[0]] | mask if labels[0] in masks else mask
    return masks


def _pixels(points: list[list[float]], sent: Sent) -> np.ndarray:
    try:
        pixels = [[to_pixel(float(x), sent.width), to_pixel(float(y), sent.height)] for x, y in points]
    except (TypeError, ValueError) as error:
        raise ImageError("polygon with a vertex that is no pair of numbers") from error
    if not pixels or not all(math.isfinite(value) for pair in pixels for value in pair):
        raise ImageError("polygon without vertices, or with a vertex that is not finite")
    return polygon(pixels)
