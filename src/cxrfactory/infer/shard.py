"""The infer stage: predicts the landmarks of an image shard and writes a landmark shard."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.infer import PredictConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.parquet import read_batches, read_table, write_table
from cxrfactory.tables.schemas import GEOMETRY_FIELDS, IMAGES, LANDMARKS, REJECTED
from cxrfactory.tables.signals import WEIGHTS_KEY
from cxrfactory.tables.weights import read_weights

log = get_logger(__name__)

GEOMETRY = [field.name for field in GEOMETRY_FIELDS]
# A prediction with a landmark farther outside the frame than this share of its side is rejected.
OUTSIDE = 0.5
ROWS_PER_GROUP = 64  # packing reads all shards of a release in parallel, and holds one group of each in memory


def infer_shard(
    images: Path,
    weights: Path,
    output: Path,
    rejected: Path,
    settings: PredictConfig,
    workers: int = 1,
) -> None:
    """Predict the landmarks of every image of a shard.

    Parameters
    ----------
    images
        Image shard, schema ``IMAGES``.
    weights
        safetensors file with its card in the same folder.
    output
        Landmark shard to write, schema ``LANDMARKS``.
    rejected
        Table of images without a usable prediction to write, schema ``REJECTED``.
    settings
        Latent samples, precision, device and batch size.
    workers
        Number of images in parallel on the CPU; the bytes of the output do not depend on it.

    Raises
    ------
    CxrError
        If the shard or the weights cannot be read, or images of the shard have different sizes.
    """
    table = read_table(images, IMAGES, columns=["image_id", *GEOMETRY])
    sizes = table["size"].unique()
    if len(sizes) > 1:
        raise CxrError(f"{images}: image sizes {sorted(sizes)}; expected one size a shard")
    tensors, card = read_weights(weights)
    segmenter = Segmenter(tensors, card, settings.device, str(weights), settings.samples, settings.precision)
    log.info("read %d images from %s, weights %s on %s", len(table), images, weights, segmenter.device)
    kept, lost = [], []
    if len(table):
        size = int(sizes[0])
        stream = segmenter.run(_pictures(images), size, settings.batch_size, workers, decode_png)
        for image_id, found in progress(stream, "infer", len(table)):
            fault = None
            if not np.isfinite(found.landmarks).all() or not np.isfinite(found.std).all():
                fault = "landmarks are not finite numbers"
            elif np.abs(found.landmarks - size / 2).max() > size * (0.5 + OUTSIDE):
                fault = "landmarks lie far outside the image"
            if fault is not None:
                log.warning("rejected %s: %s", image_id, fault)
                lost.append((image_id, None, "infer", fault))
            else:
                kept.append(
                    {
                        "image_id": image_id,
                        "landmarks": found.landmarks.ravel(),
                        "landmarks_mean": found.mean.ravel(),
                        "landmarks_std": found.std.ravel(),
                        "latent": found.latent,
                        "evidence": None if found.evidence is None else found.evidence.records(),
                        "latent_norm": None if found.evidence is None else found.evidence.latent_norm,
                    }
                )
    columns = [name for name in LANDMARKS.names if name not in GEOMETRY]
    frame = (
        pd.DataFrame(kept, columns=columns)
        .sort_values("image_id")
        .merge(table[["image_id", *GEOMETRY]], on="image_id", how="left")
    )
    facts = {WEIGHTS_KEY: card["sha256"]}
    write_table(frame, output, LANDMARKS, graph=segmenter.graph.name, facts=facts, rows_per_group=ROWS_PER_GROUP)
    write_table(pd.DataFrame(sorted(lost), columns=REJECTED.names), rejected, REJECTED)
    log.info("kept %d, rejected %d; wrote %s", len(kept), len(lost), output)


def _pictures(images: Path) -> Iterator[tuple[str, bytes]]:
    """Yield ids and PNG images as they are needed: a shard of 2,000 images of 1024 x 1024 takes a gigabyte."""
    for batch in read_batches(images, ["image_id", "png"], ROWS_PER_GROUP, IMAGES):
        yield from zip(batch["image_id"].to_pylist(), batch["png"].to_pylist(), strict=True)
