"""Write COCO instance files: one JSON for each split and view, streamed, with masks as compressed RLE.

COCO's RLE runs down the columns (Fortran order) and lists the lengths of background and foreground runs in turn,
beginning with background. It packs each length into characters of five bits; from the fourth on, it packs the
difference from the length two before (pycocotools, ``common/maskApi.c``: ``rleToString``).

``iscrowd`` is 0, because the flag marks a region of many instances, which evaluators ignore; here each annotation is
one structure. Readers such as pycocotools distinguish RLE from polygons by the type of ``segmentation``.
"""

import json
from collections.abc import Iterable, Sequence
from typing import IO, Any

import numpy as np
from jaxtyping import UInt8

from cxrfactory.compiled import compiled


@compiled
def _pack(mask: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Return the compressed counts of a mask whose foreground is in columns [left, right), rows [top, bottom)."""
    height, width = mask.shape
    counts = np.empty((bottom - top + 1) * (right - left) + 3, np.int64)
    used = 0
    inside = False
    edge = 0  # start of the current run in column-major order
    for x in range(left, right):
        for y in range(top, bottom):
            position = x * height + y
            if (mask[y, x] != 0) != inside:
                counts[used] = position - edge
                used += 1
                edge = position
                inside = not inside
        # The pixels after the box's last row are background in column-major order, unless the box spans all rows.
        if inside and bottom - top < height:
            counts[used] = x * height + bottom - edge
            used += 1
            edge = x * height + bottom
            inside = False
    if inside and right < width:
        counts[used] = right * height - edge
        used += 1
        edge = right * height
    counts[used] = width * height - edge
    if counts[used] > 0:
        used += 1
    text = np.empty(used * 13, np.uint8)
    end = 0
    for index in range(used):
        value = counts[index] - (counts[index - 2] if index > 2 else 0)
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != -1 if bits & 0x10 else value != 0
            text[end] = (bits | 0x20 if more else bits) + 48
            end += 1
    return text[:end]


def coco_counts(mask: UInt8[np.ndarray, "height width"], bbox: tuple[int, int, int, int]) -> str:
    """Encode a mask as COCO's compressed counts.

    Parameters
    ----------
    mask
        Mask [row, column]; 0 is outside, any other value inside.
    bbox
        x, y, width and height of a box that contains all of the mask's foreground, pixels.
    """
    x, y, width, height = bbox
    return _pack(mask, x, y, x + width, y + height).tobytes().decode("ascii")


class CocoWriter:
    """Write one COCO file, annotation by annotation.

    Parameters
    ----------
    stream
        Text stream to write to; :meth:`close` ends the JSON but leaves the stream open.
    description
        Description of the file's content.
    images
        ``(study_id, file_name, height, width)`` of each image, in the order of their numbers from 1.
    categories
        ``(class_id, name, system)`` of each class.
    """

    def __init__(
        self,
        stream: IO[str],
        description: str,
        images: Iterable[tuple[str, str, int, int]],
        categories: Sequence[tuple[int, str, str]],
    ) -> None:
        self._stream = stream
        self._ids: dict[str, int] = {}
        self._annotations = 0
        stream.write('{"info":' + _json({"description": description}) + ',\n"categories":[')
        each = ({"id": number, "name": name, "supercategory": system} for number, name, system in categories)
        stream.write(",".join("\n" + _json(category) for category in each) + '],\n"images":[')
        for number, (study, file_name, height, width) in enumerate(images, start=1):
            self._ids[study] = number
            image = {"id": number, "file_name": file_name, "height": height, "width": width, "study_id": study}
            stream.write(("," if number > 1 else "") + "\n" + _json(image))
        stream.write('],\n"annotations":[')

    def add(
        self, study: str, class_id: int, mask: UInt8[np.ndarray, "height width"], bbox: tuple[int, int, int, int],
        area_px: int,
    ) -> None:  # fmt: skip
        """Add a mask that is not empty; ``bbox`` is x, y, width, height in pixels."""
        self._annotations += 1
        annotation = {
            "id": self._annotations,
            "image_id": self._ids[study],
            "category_id": class_id,
            "bbox": list(bbox),
            "area": area_px,
            "iscrowd": 0,
            "segmentation": {"size": list(mask.shape), "counts": coco_counts(mask, bbox)},
        }
        self._stream.write(("," if self._annotations > 1 else "") + "\n" + _json(annotation))

    def close(self) -> None:
        """Write the end of the JSON."""
        self._stream.write("]}\n")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
