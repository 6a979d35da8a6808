"""One shard of CXLSeg: radiographs in, segmented images and masks out, each encoded as it will be published."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Bool, Shaped

from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.image import DEFAULT_MAX_MEGAPIXELS
from cxrfactory.imaging.radiograph.intensity import Clahe, apply_clahe
from cxrfactory.imaging.radiograph.masked import Closing, GreySquare, cut_out, encode_jpeg, small_square
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.cxlseg.inputs import ReportTables, select_images
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.schemas import REJECTED
from cxrfactory.tables.streaming import Row, in_order, write_rows
from cxrfactory.tables.weights import read_weights

STAGE = "cxlseg"
MOST_COVERED = 0.8  # of the picture; lungs that fill a cropped film cover about half of it
ROWS_PER_GROUP = 256  # some 5 MB of pictures; readers go group by group

PICTURES = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("image", pa.binary(), nullable=False),  # JPEG, size x size: image AND mask
        pa.field("mask", pa.binary(), nullable=False),  # JPEG of 0 and 255; threshold at 128
        pa.field("mask_png", pa.binary()),  # the same without loss; null where not asked for
        pa.field("mask_share", pa.float64(), nullable=False),  # of the picture's pixels
    ]
)


class LungPictures(TypedDict):
    """One image's row of :data:`PICTURES` but for its id: encoded pictures, and the mask's share of the picture."""

    image: bytes
    mask: bytes
    mask_png: bytes | None
    mask_share: float


# From what the segmenter is shown, an 8-bit square, to the lungs' mask of the same size.
FindLungs = Callable[[GreySquare], Bool[np.ndarray, "size size"]]

log = get_logger(__name__)


@dataclass(frozen=True)
class CxlsegRecipe:
    """What is done to each image.

    Attributes
    ----------
    size
        Side of the pictures, pixels.
    fit
        To a square: ``stretch`` or ``pad``, see :func:`cxrfactory.imaging.radiograph.masked.small_square`.
    clahe
        Of what the segmenter is shown; None for none.
    enhanced
        Whether the published image has that CLAHE too.
    closing
        Of the mask.
    jpeg_quality
        1 to 100.
    mask_png
        Also encode the mask without loss.
    max_megapixels
        Larger files are refused undecoded.
    burnt_in
        ``reject`` or ``keep`` DICOM objects whose header says that their pixels identify the patient.
    """

    size: int = 224
    fit: str = "stretch"
    clahe: Clahe | None = field(default_factory=lambda: Clahe(2.0, 8))
    enhanced: bool = False
    closing: Closing = field(default_factory=Closing)
    jpeg_quality: int = 95
    mask_png: bool = False
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS
    burnt_in: str = "reject"


def make_pictures(
    pixels: Shaped[np.ndarray, "height width"], find_lungs: FindLungs, recipe: CxlsegRecipe
) -> LungPictures:
    """Cut the lungs out of one radiograph.

    Parameters
    ----------
    pixels
        As :func:`cxrfactory.imaging.radiograph.reading.read_radiograph` reads it.
    find_lungs
        Gets the resized (and, with CLAHE, enhanced) image.
    recipe
        What to do.

    Returns
    -------
    The columns of ``PICTURES`` but the id.

    Raises
    ------
    ImageError
        If no lung is found, or the mask covers nearly the whole picture.
    """
    plain = small_square(pixels, recipe.size, recipe.fit)
    shown = plain if recipe.clahe is None else apply_clahe(plain, recipe.clahe)
    lungs = find_lungs(shown)
    if not lungs.any():
        raise ImageError("the segmenter finds no lung")
    mask = recipe.closing.apply(lungs.astype(np.uint8))
    if not mask.any():
        raise ImageError("nothing is left of the mask after its erosions")
    share = float(np.count_nonzero(mask) / mask.size)
    if share > MOST_COVERED:
        raise ImageError(f"the mask covers {share:.0%} of the picture; expected lungs, {MOST_COVERED:.0%} at most")
    return {
        "image": encode_jpeg(cut_out(shown if recipe.enhanced else plain, mask), recipe.jpeg_quality),
        "mask": encode_jpeg(mask, recipe.jpeg_quality),
        "mask_png": encode_png(mask) if recipe.mask_png else None,
        "mask_share": share,
    }


def lung_finder(weights: str | Path, device: str = "cpu") -> FindLungs:
    """Open any segmenter of lungs: both lungs of its masks together.

    Raises
    ------
    CxrError
        If the weights are missing, damaged, or of a segmenter without lungs.
    """
    from cxrfactory.models.segmenter import Segmenter

    tensors, card = read_weights(weights)
    segmenter = Segmenter(tensors, card, device, str(weights))

    def find(image: GreySquare) -> Bool[np.ndarray, "size size"]:
        masks = segmenter(image, image.shape[0]).masks
        if missing := [organ for organ in LUNGS if organ not in masks]:
            raise CxrError(f"{weights}: a segmenter of {sorted(masks)}; expected one that finds {', '.join(missing)}")
        return np.logical_or(*(masks[organ] != 0 for organ in LUNGS))

    return find


def cxlseg_shard(
    tables: ReportTables,
    root: str | Path,
    weights: str | Path,
    shard: int,
    shards: int,
    output: str | Path,
    rejected: str | Path,
    recipe: CxlsegRecipe,
    device: str = "cpu",
    workers: int = 1,
    follow_links: bool = False,
) -> tuple[int, int]:
    """Make the pictures of one shard.

    Parameters
    ----------
    tables
        Images and reports of the release; images without a report are left out.
    root
        Folder of the release; only read.
    weights
        Of the segmenter: a file, or a name such as ``pretrained``.
    shard, shards
        Which of how many; an image's shard is a stable hash of its id.
    output
        Parquet to write, schema ``PICTURES``, sorted by id.
    rejected
        Table of the images that could not be used, schema ``REJECTED``.
    recipe
        What is done to each image.
    device
        ``cpu``, ``cuda`` or ``auto``, of the segmenter.
    workers
        Images side by side; no byte of the output depends on it.
    follow_links
        Let links in the release lead out of its root.

    Returns
    -------
    Numbers of images written and rejected.

    Raises
    ------
    CxrError
        If a table or the weights are unreadable, the root is no folder, or the shard does not exist.
    """
    if not 0 <= shard < shards:
        raise CxrError(f"shard {shard} of {shards}; expected 0 to {shards - 1}")
    if workers < 1:
        raise CxrError(f"{workers} workers; expected 1 or more")
    root = Path(root)
    if not root.is_dir():
        raise CxrError(f"{root}: no such folder; expected the root of the release")
    selected, excluded = select_images(tables)
    mine = selected[[shard_of(image_id, shards) == shard for image_id in selected["image_id"]]]
    log.info("%s: %d images with a report, %d without or excluded; %d in shard %d of %d", tables.manifest,
             len(selected), len(excluded), len(mine), shard, shards)  # fmt: skip
    find_lungs = lung_finder(weights, device)

    def work(record: tuple[str, str]) -> Row:
        image_id, path = record
        try:
            file = path_inside(root, path, follow_links)
            pixels = read_radiograph(file, recipe.max_megapixels, recipe.burnt_in).pixels
            return {"image_id": image_id} | make_pictures(pixels, find_lungs, recipe)
        except ImageError as error:
            log.warning("rejected %s: %s", image_id, error)
            return {"image_id": image_id, "path": path, "stage": STAGE, "reason": str(error)}

    written, faults = _write(list(zip(mine["image_id"], mine["path"], strict=True)), work, Path(output), workers)
    write_table(pd.DataFrame(faults, columns=REJECTED.names), rejected, REJECTED)
    log.info("%s: wrote %d images; %s: %d rejected", output, written, rejected, len(faults))
    return written, len(faults)


def _write(
    records: Sequence[tuple[str, str]], work: Callable[[tuple[str, str]], Row], output: Path, workers: int
) -> tuple[int, list[Row]]:
    from cxrfactory.models.device import single_threaded

    # One thread an image, also within torch: sums then have one order, however many images run side by side.
    cv2.setNumThreads(1)
    with single_threaded(), ThreadPoolExecutor(workers) as pool:
        results = progress(in_order(pool, work, records, 8 * workers), STAGE, len(records))
        return write_rows(results, output, PICTURES, ROWS_PER_GROUP)
