"""Masks of a product as "CVAT for images 1.1" (XML), masks or polygons; and annotations of CVAT back as masks.

CVAT counts from the upper left corner of a picture, so that the centre of the first pixel is at (0.5, 0.5); ours are
pixels with integers at pixel centres.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from jaxtyping import UInt8

from cxrfactory.config.export import ChosenImagesConfig, ShapesConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.export.boxed_rle import BoxedRuns, boxed_decode, boxed_encode, runs_of
from cxrfactory.export.chosen import ChosenImages
from cxrfactory.export.output import new_folder
from cxrfactory.export.returned import Returned, write_returned
from cxrfactory.export.sent import Sending, Sent, SentImages, colours
from cxrfactory.export.shapes import filled, polygon, polygons_of
from cxrfactory.logs import get_logger
from cxrfactory.products.opened import ProductImage

log = get_logger(__name__)

ANNOTATIONS, LABELS = "annotations.xml", "labels.json"
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta><dumped/></meta>\n'
_COMMON = 'source="file" occluded="0" z_order="0"'


def export_cvat(product: str | Path, output: str | Path, choice: ChosenImagesConfig, shapes: ShapesConfig) -> int:
    """Write pictures, annotations, and the labels of the project.

    Parameters
    ----------
    product
        Folder of the product.
    output
        Folder to write, which must not exist or be empty: ``images/``, ``annotations.xml``, ``labels.json``, and
        ``images.csv``, by which the annotations find their images again.
    choice
        Images and masks to export.
    shapes
        Whether masks are masks or polygons in CVAT.

    Returns
    -------
    Number of images.

    Raises
    ------
    CxrError
        If the product or the choice is at fault, the output exists, or a picture cannot be read.

    Examples
    --------
    >>> from cxrfactory.config.export import ChosenImagesConfig, ShapesConfig
    >>> from cxrfactory.export.cvat import export_cvat
    >>> export_cvat(results, folder / "cvat", ChosenImagesConfig(), ShapesConfig(shapes="polygons"))
    3
    """
    chosen = ChosenImages(product, choice)
    count = 0
    with new_folder(output) as folder:
        with (folder / ANNOTATIONS).open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(_HEAD)
            for sent, image in Sending(chosen, folder):
                _write_image(stream, count, sent, image, chosen, shapes)
                count += 1
            stream.write("</annotations>\n")
        labels = [
            {"name": name, "color": colour, "type": "any", "attributes": []} for name, colour in colours(chosen).items()
        ]
        (folder / LABELS).write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8", newline="\n")
    log.info("%s: %d images; upload images/, then %s", output, count, ANNOTATIONS)
    return count


def import_cvat(annotations: str | Path, sent: str | Path, output: str | Path) -> dict[str, int]:
    """Write the masks of CVAT's annotations as a folder of masks with ``table.csv``.

    Parameters
    ----------
    annotations
        File ``annotations.xml`` of an export in the format "CVAT for images 1.1".
    sent
        Folder that :func:`export_cvat` wrote.
    output
        Folder to write; see :func:`cxrfactory.export.returned.write_returned`.

    Returns
    -------
    Number of images with masks and of images left out, under ``kept`` and ``rejected``.

    Raises
    ------
    CxrError
        If the file is unreadable, an image was not sent, or no image can be used.
    """
    path, images = Path(annotations), SentImages(Path(sent))

    def returned(element: Element) -> Returned:
        image = images.find(element.get("name", ""))
        return Returned(image, lambda: _masks(element, image))

    return write_returned(images, map(returned, _elements(path)), output, path)


def _write_image(
    stream: IO[str], number: int, sent: Sent, image: ProductImage, chosen: ChosenImages, shapes: ShapesConfig
) -> None:
    size = f'width="{sent.width}" height="{sent.height}"'
    stream.write(f'  <image id="{number}" name={quoteattr(sent.file)} {size}>\n')
    for name, mask in chosen.masks(image).items():
        polygons = polygons_of(image, name, mask) if shapes.shapes == "polygons" else None
        label = f"label={quoteattr(name)} {_COMMON}"
        if polygons is None:
            boxed = boxed_encode(mask)
            box = f'left="{boxed.left}" top="{boxed.top}" width="{boxed.width}" height="{boxed.height}"'
            stream.write(f'    <mask {label} rle="{", ".join(map(str, boxed.runs))}" {box}></mask>\n')
        for points in polygons or ():
            vertices = ";".join(f"{x + 0.5:.2f},{y + 0.5:.2f}" for x, y in points)
            stream.write(f'    <polygon {label} points="{escape(vertices)}"></polygon>\n')
    stream.write("  </image>\n")


def _elements(path: Path) -> Iterator[Element]:
    """Yield the element of each image; memory holds one at a time."""
    try:
        events = iterparse(path, events=("start", "end"))
        root = None
        for event, element in events:
            root = element if root is None else root
            if event == "end" and element.tag == "image":
                yield element
                root.clear()
    except FileNotFoundError:
        raise CxrError(f"{path}: no such file; expected CVAT's annotations.xml") from None
    except (ParseError, OSError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as XML ({error}); expected the format 'CVAT for images 1.1'") from error
    if root is None or root.tag != "annotations":
        raise CxrError(f"{path}: not an export of CVAT; expected the format 'CVAT for images 1.1'")


def _masks(element: Element, sent: Sent) -> dict[str, UInt8[np.ndarray, "height width"]]:
    """Return the mask of each label: the union of its shapes."""
    found = tuple(element.get(name) for name in ("height", "width"))
    if found != (str(sent.height), str(sent.width)):
        raise ImageError(f"image of {' x '.join(map(str, found))} pixels; its picture has {sent.height} x {sent.width}")
    masks: dict[str, np.ndarray] = {}
    for shape in element:
        label = shape.get("label", "")
        if shape.tag == "mask":
            mask = boxed_decode(_boxed(shape), sent.height, sent.width)
        elif shape.tag == "polygon":
            mask = filled([_vertices(shape.get("points", ""))], sent.height, sent.width)
        elif shape.tag == "tag":
            continue
        else:
            raise ImageError(f"shape '{shape.tag}'; expected masks and polygons")
        masks[label] = masks[label] | mask if label in masks else mask
    if not masks:
        raise ImageError("not annotated")
    return masks


def _boxed(shape: Element) -> BoxedRuns:
    try:
        left, top, width, height = (int(shape.get(name, "")) for name in ("left", "top", "width", "height"))
    except ValueError as error:
        raise ImageError("mask without a box; expected left, top, width and height in whole pixels") from error
    return BoxedRuns(tuple(runs_of(shape.get("rle", ""))), left, top, width, height)


def _vertices(text: str) -> np.ndarray:
    try:
        points = [[float(value) - 0.5 for value in pair.split(",")] for pair in text.split(";")]
    except ValueError as error:
        raise ImageError(f"polygon with points '{text[:40]}'; expected x,y;x,y") from error
    if not all(len(pair) == 2 and all(map(math.isfinite, pair)) for pair in points):
        raise ImageError(f"polygon with points '{text[:40]}'; expected pairs of finite numbers")
    return polygon(points)
