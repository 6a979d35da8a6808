"""Keep the pictures of plates for the product: grey, in the frame of each plate's first picture, as JPEG."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from cxrfactory.imaging.root_pictures import moved_by, read_picture
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import parquet_writer, read_table
from cxrfactory.tables.roots import ROOT_FRAMES, ROOT_JPEGS

log = get_logger(__name__)

QUALITY = 85


def write_pictures(frames: Path, masks: Path, output: Path, kept: bool, shard: int, shards: int) -> int:
    """Write the pictures of the plates of one shard; return their number.

    Memory holds one picture at a time.

    Parameters
    ----------
    frames
        Table of pictures (schema ``ROOT_FRAMES``).
    masks
        Table of masks (schema ``ROOT_MASKS``) of the same shard; a picture without a mask is left out.
    output
        Table to write (schema ``ROOT_JPEGS``).
    kept
        Whether pictures are kept at all; else the table has no rows.
    shard, shards
        Number of the shard, and of all shards.
    """
    table = read_table(frames, ROOT_FRAMES)
    found = read_table(masks, columns=["plate", "frame"])
    segmented = set(found.itertuples(index=False, name=None))
    chosen = [
        row
        for row in table.itertuples(index=False)
        if kept and shard_of(row.plate, shards) == shard and (row.plate, row.frame) in segmented
    ]
    with parquet_writer(output, ROOT_JPEGS, dictionary=False) as writer:
        for row in progress(chosen, "pictures", len(chosen)):
            jpeg = _jpeg(read_picture(Path(row.path)), row.shift_x, row.shift_y)
            columns = {"plate": [row.plate], "frame": [row.frame], "jpeg": [jpeg]}
            writer.write_table(pa.Table.from_pydict(columns, ROOT_JPEGS))
    log.info("%s: %d pictures", output, len(chosen))
    return len(chosen)


def _jpeg(grey: np.ndarray, shift_x: float, shift_y: float) -> bytes:
    """Return a uint8 [row, column] picture, shifted by (x, y) pixels, as JPEG."""
    moved = moved_by(grey, shift_x, shift_y, cv2.BORDER_REPLICATE)
    done, data = cv2.imencode(".jpg", moved, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError(f"a picture of shape {grey.shape} cannot be written as JPEG")
    return data.tobytes()
