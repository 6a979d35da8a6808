"""Masks of roots in the pictures of plates, plate by plate in the order of time."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, UInt8

from cxrfactory.config.roots import RootsSegmentConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.root_pictures import moved_by, read_picture
from cxrfactory.logs import get_logger, progress
from cxrfactory.roots.segment.accumulate import Accumulator
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_table, table_writer, write_table
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.roots import ROOT_FRAMES, ROOT_MASKS, ROOT_REJECTED

log = get_logger(__name__)

_ROWS_PER_GROUP = 64


def segment_plates(
    frames: Path,
    weights: Sequence[Path],
    output: Path,
    rejected: Path,
    settings: RootsSegmentConfig,
    shard: int = 0,
    shards: int = 1,
) -> None:
    """Find the roots in all pictures of the plates of one shard, and write their masks.

    Per picture: the mean of the networks' probabilities; the random field, if wanted; the shift to the plate's first
    picture; accumulation over time (:class:`cxrfactory.roots.segment.accumulate.Accumulator`). One picture is in memory
    at a time, and the result does not depend on the shards.

    Parameters
    ----------
    frames
        Table ``ROOT_FRAMES`` of all plates.
    weights
        Weights of one or several networks (``.safetensors``, each with its card).
    output
        Table ``ROOT_MASKS`` to write, sorted by plate and frame.
    rejected
        Table ``ROOT_REJECTED`` to write: pictures that cannot be read, or have another size than the plate's first. The
        other pictures of their plates are used.
    settings
        Threshold, accumulation, random field and device.
    shard, shards
        Number of this shard from 0, and number of all shards.

    Raises
    ------
    CxrError
        If there are no weights, or a table or weights cannot be read.
    """
    if not weights:
        raise CxrError(f"{output}: no weights of a network of roots; give one file at least")
    table = read_table(frames, ROOT_FRAMES).sort_values(["plate", "frame"], kind="stable")
    table = table[np.array([shard_of(plate, shards) == shard for plate in table["plate"]], dtype=bool)]
    refused: list[dict[str, Any]] = []
    with _Finder.opened(weights, settings) as finder, table_writer(output, ROOT_MASKS) as writer:
        waiting: list[dict[str, Any]] = []
        for row in progress(_masks(table, finder, settings, refused), "pictures", len(table)):
            waiting.append(row)
            if len(waiting) == _ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema=ROOT_MASKS))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, schema=ROOT_MASKS))
    write_table(pd.DataFrame(refused, columns=ROOT_REJECTED.names), rejected, ROOT_REJECTED, sort=False)
    finder.report(len(table) - len(refused))


def _masks(
    table: pd.DataFrame, finder: "_Finder", settings: RootsSegmentConfig, refused: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the masks, and add the pictures that cannot be used to ``refused``."""
    for plate, rows in table.groupby("plate", sort=True):
        over_time = Accumulator(settings.threshold, settings.accumulate)
        shape: tuple[int, ...] = (int(rows["height"].iloc[0]), int(rows["width"].iloc[0]))
        for row in rows.itertuples():
            try:
                grey = read_picture(row.path)
                if grey.shape != shape:
                    raise ImageError(
                        f"{grey.shape[1]} x {grey.shape[0]} pixels; the plate's first picture has "
                        f"{shape[1]} x {shape[0]}"
                    )
            except ImageError as error:
                refused.append({"plate": plate, "path": row.path, "stage": "segment", "reason": str(error)})
                continue
            moved = moved_by(finder.probability(grey), row.shift_x, row.shift_y)
            rle = rle_encode(over_time.add(moved))
            yield {"plate": plate, "frame": row.frame, "height": shape[0], "width": shape[1], "rle": rle}


class _Finder:
    """The networks, and the time that they take."""

    def __init__(self, networks: list[Any], device: Any, settings: RootsSegmentConfig) -> None:
        self._networks, self._device = networks, device
        self._crf, self._dark = settings.crf, settings.dark_roots
        self._inside_s, self._started = 0.0, time.monotonic()

    @classmethod
    @contextmanager
    def opened(cls, weights: Sequence[Path], settings: RootsSegmentConfig) -> Iterator["_Finder"]:
        """Load the networks; inside the block, torch uses one thread, so that sums have one order."""
        from cxrfactory.models.device import choose_device, single_threaded
        from cxrfactory.models.roots.networks import read_network

        device = choose_device(settings.device)
        with single_threaded():
            yield cls([read_network(path, device) for path in weights], device, settings)

    def probability(self, grey: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
        from cxrfactory.models.roots.crf import refined
        from cxrfactory.models.roots.normalise import local_contrast
        from cxrfactory.models.roots.scale import enlarged, shrunk
        from cxrfactory.models.roots.tiles import probabilities

        contrasts = {each.shrink: local_contrast(shrunk(grey, each.shrink)) for each in self._networks}
        started = time.monotonic()
        total = np.zeros(grey.shape, np.float32)
        for name, network, shrink in self._networks:
            contrast = -contrasts[shrink] if self._dark else contrasts[shrink]
            total += enlarged(probabilities(name, network, contrast, self._device), grey.shape)
        self._inside_s += time.monotonic() - started
        mean = total / np.float32(len(self._networks))
        return refined(mean, grey) if self._crf else mean

    def report(self, pictures: int) -> None:
        spent = time.monotonic() - self._started
        if pictures:
            log.info(
                "%d pictures: %.2f pictures/s, and %.2f pictures/s of the networks alone",
                pictures, pictures / spent, pictures / max(self._inside_s, 1e-9),
            )  # fmt: skip
