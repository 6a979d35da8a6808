"""Preprocess one shard of a release's manifest to one Parquet file of square 8-bit images."""

from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.logs import get_logger
from cxrfactory.preprocess.streaming import write_images
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.schemas import IMAGES

log = get_logger(__name__)


def preprocess_shard(
    manifest: str | Path,
    root: str | Path,
    shard: int,
    shards: int,
    output: str | Path,
    rejected: str | Path,
    recipe: Preparation,
    workers: int = 1,
    follow_links: bool = False,
) -> tuple[int, int]:
    """Preprocess the included images of one shard.

    Parameters
    ----------
    manifest
        Parquet file of schema ``MANIFEST``; its paths are relative to ``root``.
    root
        Folder of the release; it is only read.
    shard, shards
        Index of the shard (from 0) and number of shards; a stable hash of the id determines an image's shard.
    output
        Image shard to write, schema ``IMAGES``, sorted by id. It has no rows if the shard has no image.
    rejected
        Table to write of the images that could not be used, schema ``REJECTED``.
    recipe
        Preprocessing settings.
    workers
        Number of threads; the output bytes do not depend on it.
    follow_links
        Follow links in the release that lead out of its root.

    Returns
    -------
    Numbers of images written and rejected; their sum is the number of included rows of the shard.

    Raises
    ------
    CxrError
        If the manifest is missing or lacks a column, if the root is not a folder, if the shard does not exist, or if an
        id occurs twice.
    """
    if not 0 <= shard < shards:
        raise CxrError(f"shard {shard} of {shards}; expected 0 to {shards - 1}")
    root = Path(root)
    if not root.is_dir():
        raise CxrError(f"{root}: no such folder; expected the root of the release")
    frame = read_table(manifest, columns=["image_id", "path", "included"])
    included = frame[frame["included"].astype(bool)]
    mine = included[[shard_of(image_id, shards) == shard for image_id in included["image_id"]]]
    records = [
        {"image_id": image_id, "path": path if isinstance(path, str) else None}
        for image_id, path in zip(mine["image_id"], mine["path"], strict=True)
    ]
    log.info(
        "%s: %d rows, %d included, %d in shard %d of %d",
        manifest, len(frame), len(included), len(records), shard, shards,
    )  # fmt: skip

    def work(record: dict[str, Any]) -> dict[str, Any]:
        path = path_inside(root, record["path"], follow_links)
        radiograph = read_radiograph(path, recipe.max_megapixels, recipe.burnt_in, recipe.checks)
        for note in radiograph.notes:
            log.warning("%s: %s", record["path"], note)
        image, geometry = prepare(radiograph, recipe)
        return {"image_id": record["image_id"], "png": encode_png(image)} | geometry.as_row()

    written, faults = write_images(records, work, output, rejected, IMAGES, workers)
    log.info("%s: wrote %d images; %s: %d rejected", output, written, rejected, faults)
    return written, faults
