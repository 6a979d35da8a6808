"""Preprocess the labelled training set: images as in a release, and landmarks with the same geometry."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.anatomy.graph import LABEL_GRAPHS, landmark_graph
from cxrfactory.errors import ImageError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.logs import get_logger
from cxrfactory.preprocess.streaming import write_images
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED, LABELLED_IMAGES, PERSON_FIELDS

# Contours may extend slightly beyond the edge of the film. Larger excesses mean that the landmarks do not belong to the
# pixel grid of the image.
LARGEST_EXCESS = 0.05  # as a share of the longer side
_PERSON = [field.name for field in PERSON_FIELDS]

log = get_logger(__name__)


def preprocess_labelled(
    labelled: str | Path,
    output: str | Path,
    rejected: str | Path,
    recipe: Preparation,
    workers: int = 1,
) -> tuple[int, int]:
    """Preprocess a labelled set.

    Border removal never cuts off landmarks: the crop is widened to contain them.

    Parameters
    ----------
    labelled
        Parquet file of schema ``LABELLED``. Paths are absolute or relative to the working folder, and landmarks (x, y)
        are in pixels of the image files.
    output
        Parquet file to write, schema ``LABELLED_IMAGES``. Landmarks are float32 in the preprocessed frame; sex,
        age and condition are carried over.
    rejected
        Table to write of the images that could not be used, schema ``REJECTED``.
    recipe
        Preprocessing settings.
    workers
        Number of threads; the output bytes do not depend on it.

    Returns
    -------
    Numbers of images written and rejected.

    Raises
    ------
    CxrError
        If the table is missing or lacks a column, or if an id occurs twice.
    """
    columns = ["image_id", "path", "patient_id", "source", "labels", "split", "landmarks", *_PERSON]
    records = read_table(labelled, LABELLED)[columns].to_dict("records")
    log.info("%s: %d labelled images", labelled, len(records))

    def work(record: dict[str, Any]) -> dict[str, Any]:
        landmarks = _landmarks(record["landmarks"], record["labels"])
        radiograph = read_radiograph(record["path"], recipe.max_megapixels, recipe.burnt_in, recipe.checks)
        for note in radiograph.notes:
            log.warning("%s: %s", record["path"], note)
        _check_frame(landmarks, *radiograph.stored_shape)
        image, geometry = prepare(radiograph, recipe, keep=landmarks)
        kept = {name: record[name] for name in ("image_id", "patient_id", "source", "labels", "split")}
        kept |= {name: None if pd.isna(record[name]) else record[name] for name in _PERSON}
        moved = geometry.forward_points(landmarks).astype(np.float32)
        return kept | geometry.as_row() | {"png": encode_png(image), "landmarks": moved.ravel()}

    written, faults = write_images(records, work, output, rejected, LABELLED_IMAGES, workers)
    log.info("%s: wrote %d images; %s: %d rejected", output, written, rejected, faults)
    return written, faults


def _landmarks(flat: Any, labels: str) -> Float[np.ndarray, "nodes 2"]:
    if labels not in LABEL_GRAPHS:
        raise ImageError(f"labels '{labels}'; expected one of {', '.join(LABEL_GRAPHS)}")
    numbers = np.asarray(flat, dtype=np.float64)
    nodes = landmark_graph(LABEL_GRAPHS[labels]).nodes
    if not nodes:
        raise ImageError(f"labels {labels} have no landmarks; make a table of drawn masks with 'label masks'")
    if numbers.shape != (nodes * 2,):
        raise ImageError(f"{numbers.size} landmark numbers; labels {labels} have {nodes} x 2")
    if not np.isfinite(numbers).all():
        raise ImageError("landmarks that are not finite numbers")
    return numbers.reshape(nodes, 2)


def _check_frame(landmarks: Float[np.ndarray, "nodes 2"], height: int, width: int) -> None:
    excess = LARGEST_EXCESS * max(height, width)
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    if (low < -excess).any() or high[0] > width + excess or high[1] > height + excess:
        raise ImageError(
            f"landmarks from ({low[0]:.0f}, {low[1]:.0f}) to ({high[0]:.0f}, {high[1]:.0f}) in an image of "
            f"{width} x {height} px; expected (x, y) in pixels of the image file"
        )
