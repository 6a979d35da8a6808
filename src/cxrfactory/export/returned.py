"""Write masks that come back from an annotation program as a folder of masks with ``table.csv``."""

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.export.output import new_folder
from cxrfactory.export.pictures import PICTURES
from cxrfactory.export.sent import Sent, SentImages
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import get_logger
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.folders import link_file

log = get_logger(__name__)

Masks = dict[str, UInt8[np.ndarray, "height width"]]
MASKS, TABLE, REJECTED = "masks", "table.csv", "rejected.csv"


@dataclass(frozen=True)
class Returned:
    """An image that came back, and a function that gives its masks; it raises ImageError where they cannot be used."""

    image: Sent
    masks: Callable[[], Masks]


@dataclass
class _Written:
    columns: dict[str, str] = field(default_factory=dict)  # name of a mask -> column of the table
    rows: list[dict[str, str]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)


def write_returned(
    images: SentImages, returned: Iterable[Returned], output: str | Path, where: str | Path
) -> dict[str, int]:
    """Write ``table.csv``, ``images/``, ``masks/`` and ``rejected.csv``.

    The folder is in the layout that ``label masks`` reads: the table's columns are ``image_id``, ``release``, ``file``
    and ``mask_NAME`` for each name, with paths relative to the folder; an empty cell means that the image has no such
    mask. Masks are PNG files of the picture's size, 0 outside and 255 inside. Pictures are links to those that were
    sent, or copies.

    Parameters
    ----------
    images
        The images that were sent.
    returned
        The images that came back; images that did not are not in the table.
    output
        Folder to write, which must not exist or be empty.
    where
        File that the masks come from, for messages.

    Returns
    -------
    Number of images with masks and of images left out, under ``kept`` and ``rejected``.

    Raises
    ------
    CxrError
        If the output exists, an image comes back twice, two releases use one id, or no image can be used.
    """
    written, seen = _Written(), set[str]()
    with new_folder(output) as folder:
        for each in returned:
            image_id = each.image.image_id
            if image_id in seen:
                raise CxrError(
                    f"{where}: image '{image_id}' comes twice; expected each once, and one release at a time"
                )
            seen.add(image_id)
            try:
                written.rows.append(_write(folder, images, each, written.columns))
            except ImageError as error:
                written.rejected.append((image_id, str(error)))
        if not written.rows:
            first = next((f", first '{name}': {why}" for name, why in written.rejected), "")
            raise CxrError(f"{where}: none of {len(seen)} images can be used{first}")
        _write_tables(folder, written)
    counts = {"kept": len(written.rows), "rejected": len(written.rejected)}
    log.info("%s: masks of %d images, %d rejected, %d of %d did not come back", output, *counts.values(),
             len(images) - len(seen), len(images))  # fmt: skip
    return counts


def _write(folder: Path, images: SentImages, each: Returned, columns: dict[str, str]) -> dict[str, str]:
    sent, masks = each.image, each.masks()
    filled = {name: mask for name, mask in masks.items() if mask.any()}
    if not filled:
        raise ImageError("no mask")
    picture = images.picture(sent)
    if not picture.is_file():
        raise CxrError(f"{picture}: no such file; expected the pictures that were sent")
    stem = sent.file.removesuffix(".png")
    link_file(picture, folder / PICTURES / sent.file)
    row = {"image_id": sent.image_id, "release": sent.release, "file": f"{PICTURES}/{sent.file}"}
    for name, mask in filled.items():
        column = columns.setdefault(name, f"mask_{_word(name)}")
        path = folder / MASKS / f"{stem}.{_word(name)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(mask * np.uint8(255)))
        row[column] = path.relative_to(folder).as_posix()
    return row


def _word(name: str) -> str:
    """Return the name of a mask in the form of a column: lower case, with underscores."""
    word = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
    if not word or not word[0].isalpha():
        raise ImageError(f"label '{name}'; expected a name that begins with a letter")
    return word


def _write_tables(folder: Path, written: _Written) -> None:
    columns = sorted(set(written.columns.values()))
    if len(columns) < len(written.columns):
        raise CxrError(f"labels {sorted(written.columns)}: two have the same name in small letters; rename one")
    header = ["image_id", "release", "file", *columns]
    with text_file(folder / TABLE) as stream:
        table: Any = csv.DictWriter(stream, header, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(written.rows, key=lambda row: row["image_id"]))
    with text_file(folder / REJECTED) as stream:
        csv.writer(stream, lineterminator="\n").writerows([("image_id", "reason"), *sorted(written.rejected)])
