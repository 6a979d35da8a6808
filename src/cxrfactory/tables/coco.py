"""Write COCO instance files, streamed, with masks as compressed RLE.

COCO's RLE runs down the columns (Fortran order) and lists the lengths of background and foreground runs in turn,
beginning with background. It packs each length into characters of five bits; from the fourth on, it packs the
difference from the length two before (pycocotools, ``common/maskApi.c``: ``rleToString``).

``iscrowd`` is 0, because the flag marks a region of many instances, which evaluators ignore; here each annotation is
one structure. Readers such as pycocotools distinguish RLE from polygons by the type of ``segmentation``.
"""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

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
    """Write one COCO file, annotation by annotation; memory holds the numbers of the images only.

    Annotations wait in a temporary file beside the stream's file until :meth:`close`, because images come before them.
    Used as a context manager, the file is closed at the end of a block that succeeds.

    Parameters
    ----------
    stream
        Text stream to write to; :meth:`close` ends the JSON but leaves the stream open.
    description
        Description of the file's content.
    categories
        ``(number, name, group)`` of each class.
    """

    def __init__(self, stream: IO[str], description: str, categories: Sequence[tuple[int, str, str]]) -> None:
        self._stream = stream
        beside = Path(stream.name).parent if isinstance(getattr(stream, "name", None), str) else None
        self._waiting = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=beside)  # noqa: SIM115
        self._ids: dict[str, int] = {}
        self._annotations = 0
        stream.write('{"info":' + _json({"description": description}) + ',\n"categories":[')
        each = ({"id": number, "name": name, "supercategory": group} for number, name, group in categories)
        stream.write(",".join("\n" + _json(category) for category in each) + '],\n"images":[')

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._waiting.close()

    def add_image(self, key: str, file_name: str, height: int, width: int, **facts: Any) -> None:
        """Add an image; images are numbered from 1 in the order of the calls.

        Parameters
        ----------
        key
            Name of the image in the calls of :meth:`add`.
        file_name
            Path of the image file.
        height, width
            Shape of the image, pixels.
        facts
            Further keys of the image's record.
        """
        number = self._ids[key] = len(self._ids) + 1
        image = {"id": number, "file_name": file_name, "height": height, "width": width, **facts}
        self._stream.write(("," if number > 1 else "") + "\n" + _json(image))

    def add(
        self, key: str, number: int, mask: UInt8[np.ndarray, "height width"], bbox: tuple[int, int, int, int],
        area_px: int,
    ) -> None:  # fmt: skip
        """Add a mask that is not empty.

        Parameters
        ----------
        key
            Name of an image that was added.
        number
            Number of the class.
        mask
            Mask [row, column]; 0 is outside, any other value inside.
        bbox
            x, y, width and height of the mask's box, pixels.
        area_px
            Number of pixels inside.
        """
        self._annotations += 1
        annotation = {
            "id": self._annotations,
            "image_id": self._ids[key],
            "category_id": number,
            "bbox": list(bbox),
            "area": area_px,
            "iscrowd": 0,
            "segmentation": {"size": list(mask.shape), "counts": coco_counts(mask, bbox)},
        }
        self._waiting.write(("," if self._annotations > 1 else "") + "\n" + _json(annotation))

    def close(self) -> None:
        """Write the annotations and the end of the JSON."""
        self._stream.write('],\n"annotations":[')
        self._waiting.seek(0)
        shutil.copyfileobj(self._waiting, self._stream)
        self._waiting.close()
        self._stream.write("]}\n")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
