"""Make one shard of CXLSeg: segmented images and masks of radiographs, encoded as they will be published."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Bool, Shaped

from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.config import LungPicturesConfig, ReadingConfig
from cxrfactory.config.options import header_checks
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.intensity import Clahe, apply_clahe
from cxrfactory.imaging.radiograph.masked import Closing, GreySquare, cut_out, encode_jpeg, small_square
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import AS_DEFAULT, HeaderChecks
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.cxlseg.inputs import ReportTables, select_images
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.schemas import REJECTED
from cxrfactory.tables.streaming import Row, in_order, write_rows
from cxrfactory.tables.weights import read_weights

STAGE = "cxlseg"
MOST_COVERED = 0.8  # largest share of the image; the lungs of a cropped film cover about half of it
ROWS_PER_GROUP = 256  # about 5 MB of images; readers load one group at a time

PICTURES = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("image", pa.binary(), nullable=False),  # JPEG, size x size: image AND mask
        pa.field("mask", pa.binary(), nullable=False),  # JPEG of 0 and 255; threshold at 128
        pa.field("mask_png", pa.binary()),  # the same mask without loss; null if not requested
        pa.field("mask_share", pa.float64(), nullable=False),  # share of the image's pixels
    ]
)


class LungPictures(TypedDict):
    """One image's row of :data:`PICTURES` without its id: encoded images, and the mask's share of the image."""

    image: bytes
    mask: bytes
    mask_png: bytes | None
    mask_share: float


# Function from the segmenter's input, an 8-bit square, to the lungs' mask of the same size.
FindLungs = Callable[[GreySquare], Bool[np.ndarray, "size size"]]

log = get_logger(__name__)


@dataclass(frozen=True)
class CxlsegRecipe:
    """Settings for the processing of each image.

    Attributes
    ----------
    size
        Side of the images, pixels.
    fit
        Method that makes images square: ``stretch`` or ``pad``, see
        :func:`cxrfactory.imaging.radiograph.masked.small_square`.
    clahe
        CLAHE of the segmenter's input; None for no CLAHE.
    enhanced
        Whether that CLAHE is also applied to the published image.
    closing
        Morphological closing of the mask.
    jpeg_quality
        JPEG quality, 1 to 100.
    mask_png
        Whether the mask is also encoded without loss.
    max_megapixels
        Larger files are rejected without decoding, megapixels.
    burnt_in
        ``reject`` or ``keep``, for DICOM objects whose header says that their pixels identify the patient.
    """

    size: int
    fit: str
    clahe: Clahe | None
    enhanced: bool
    closing: Closing
    jpeg_quality: int
    mask_png: bool
    max_megapixels: float
    burnt_in: str
    checks: HeaderChecks = AS_DEFAULT

    @classmethod
    def of(cls, pictures: LungPicturesConfig, reading: ReadingConfig) -> "CxlsegRecipe":
        """Return the recipe of two sections of settings."""
        clahe = None if pictures.clahe_clip is None else Clahe(pictures.clahe_clip, pictures.clahe_tiles)
        closing = Closing(pictures.kernel, pictures.dilate, pictures.erode)
        look = (pictures.size, pictures.fit, clahe, pictures.enhanced, closing)
        read_by = reading.max_megapixels, reading.burnt_in, header_checks(reading)
        return cls(*look, pictures.jpeg_quality, pictures.mask_png, *read_by)


def make_pictures(
    pixels: Shaped[np.ndarray, "height width"], find_lungs: FindLungs, recipe: CxlsegRecipe
) -> LungPictures:
    """Cut the lungs out of one radiograph.

    Parameters
    ----------
    pixels
        Pixels as returned by :func:`cxrfactory.imaging.radiograph.reading.read_radiograph`.
    find_lungs
        Segmenter, applied to the resized image (enhanced if CLAHE is set).
    recipe
        Settings of the processing.

    Returns
    -------
    The columns of ``PICTURES`` without the id.

    Raises
    ------
    ImageError
        If no lung is found, the closing leaves no mask, or the mask covers nearly the whole image.
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
    """Open any segmenter of lungs as a function that returns the union of both lungs' masks.

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
    """Make the images of one shard.

    Parameters
    ----------
    tables
        Images and reports of the release; images without a report are left out.
    root
        Folder of the release; it is only read.
    weights
        Weights of the segmenter: a file, or a name such as ``pretrained``.
    shard, shards
        Index of the shard from 0, and number of shards. An image's shard is a stable hash of its id.
    output
        Parquet to write, schema ``PICTURES``, sorted by id.
    rejected
        Table of the images that could not be used, schema ``REJECTED``.
    recipe
        Settings of the processing.
    device
        Device of the segmenter: ``cpu``, ``cuda`` or ``auto``.
    workers
        Number of images processed in parallel; no byte of the output depends on it.
    follow_links
        Whether links in the release may lead out of its root.

    Returns
    -------
    Numbers of images written and rejected.

    Raises
    ------
    CxrError
        If a table or the weights are unreadable, the root is not a folder, or the shard does not exist.
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
            pixels = read_radiograph(file, recipe.max_megapixels, recipe.burnt_in, recipe.checks).pixels
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

    # Each image uses one thread, also within torch, so that the order of sums does not depend on the number of workers.
    cv2.setNumThreads(1)
    with single_threaded(), ThreadPoolExecutor(workers) as pool:
        results = progress(in_order(pool, work, records, 8 * workers), STAGE, len(records))
        return write_rows(results, output, PICTURES, ROWS_PER_GROUP)
