"""The table of training pictures of roots with their masks, one row a picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.tables.parquet import read_batches, table_writer
from cxrfactory.tables.rle import rle_decode, rle_encode

SPLITS = ("train", "validate")
ROOT_EXAMPLES = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # of SPLITS
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("root_width", pa.float64()),  # at which traced lines were drawn, pixels; null for exact masks
        pa.field("shrink", pa.int32(), nullable=False),  # the picture's sides were this many times larger
        pa.field("png", pa.binary(), nullable=False),  # 8-bit grey
        pa.field("rle", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class RootExample:
    """A picture and the mask of its roots.

    Attributes
    ----------
    name
        Name of the picture, unique in the table.
    split
        ``train`` or ``validate``.
    grey
        8-bit grey values, [row, column].
    mask
        1 where there is root, else 0, [row, column].
    root_width
        Width at which traced lines were drawn, pixels; None for an exact mask.
    shrink
        How many times larger the sides of the picture were before it was shrunk
        (:mod:`cxrfactory.models.roots.scale`).
    """

    name: str
    split: str
    grey: UInt8[np.ndarray, "h w"]
    mask: UInt8[np.ndarray, "h w"]
    root_width: float | None = None
    shrink: int = 1


def write_example_table(path: Path, examples: Iterable[RootExample]) -> dict[str, int]:
    """Write examples in the given order, atomically and one at a time; returns the number of examples of each split."""
    counts = dict.fromkeys(SPLITS, 0)
    with table_writer(path, ROOT_EXAMPLES) as writer:
        for each in examples:
            height, width = each.grey.shape
            row = {
                "name": each.name,
                "split": each.split,
                "height": height,
                "width": width,
                "root_width": each.root_width,
                "shrink": each.shrink,
                "png": encode_png(each.grey),
                "rle": rle_encode(each.mask),
            }
            writer.write_table(pa.Table.from_pylist([row], schema=ROOT_EXAMPLES))
            counts[each.split] += 1
    return counts


def read_example_table(path: Path, split: str) -> list[RootExample]:
    """Read the examples of one split.

    Raises
    ------
    CxrError
        If the table cannot be read, or has no example of the split.
    """
    found = []
    for batch in read_batches(path, ROOT_EXAMPLES.names, 1, ROOT_EXAMPLES):
        for row in batch.to_pylist():
            if row["split"] == split:
                mask = rle_decode(row["rle"], row["height"], row["width"])
                grey = decode_png(row["png"])
                found.append(RootExample(row["name"], split, grey, mask, row["root_width"], row["shrink"]))
    if not found:
        raise CxrError(f"{path}: no picture of split '{split}'; a table of examples needs pictures of both splits")
    return found
