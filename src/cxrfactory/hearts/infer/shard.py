"""Predict the meshes of a shard of cases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.errors import ImageError
from cxrfactory.hearts.case_table import read_cases
from cxrfactory.hearts.infer.prepare import pictures_of
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.hybridvnet.predict import MeshPredictor
from cxrfactory.tables.parquet import read_table, stored_rows, write_table
from cxrfactory.tables.streaming import write_rows
from cxrfactory.tables.weights import read_weights

log = get_logger(__name__)

ROWS_PER_GROUP = 64
FARTHEST_MM = 500.0  # a node farther than this from the centre of the stack is no prediction

PREDICTIONS = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),
        pa.field("views", pa.list_(pa.string()), nullable=False),  # long-axis views that the network read
        # float32 [nodes * 3], x0, y0, z0, x1, ... mm in the patient's coordinates; nodes of the network's graph
        pa.field("vertices", pa.list_(pa.float32()), nullable=False),
        pa.field("vertices_std", pa.list_(pa.float32()), nullable=False),  # float32 [nodes], mm
        pa.field("latent", pa.list_(pa.float32()), nullable=False),
    ]
)
REJECTED_HEARTS = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)


def infer_hearts(
    cases: Path,
    weights: Path,
    finder: Path,
    output: Path,
    rejected: Path,
    device: str = "auto",
    samples: int = 8,
    passes: int = 3,
    split: str | None = None,
) -> tuple[int, int]:
    """Predict the mesh of every case of a shard.

    Each case is predicted by itself, so that its row does not depend on other cases.

    Parameters
    ----------
    cases
        Table of cases.
    weights
        Weights of the network with their card beside them.
    finder
        Weights of the network that finds the heart.
    output
        Table to write, schema ``PREDICTIONS``.
    rejected
        Table of cases without a usable prediction to write, schema ``REJECTED_HEARTS``.
    device
        ``auto``, ``cpu`` or ``cuda``.
    samples
        Number of latent samples for the spread of each node.
    passes
        How often the mesh is predicted, each time in the frame of the mesh before.
    split
        Split of the cases to predict; None for all cases.

    Returns
    -------
    Number of predicted and of rejected cases.

    Raises
    ------
    CxrError
        If the table or the weights cannot be read.
    """
    predictor = MeshPredictor(*read_weights(weights), *read_weights(finder), device, samples, passes, str(weights))
    log.info("read cases from %s, weights %s on %s", cases, weights, predictor.device)
    total = stored_rows(cases) if split is None else sum(read_table(cases, columns=["split"])["split"] == split)
    written, faults = write_rows(_rows(cases, predictor, total, split), output, PREDICTIONS, ROWS_PER_GROUP)
    write_table(pd.DataFrame(faults, columns=REJECTED_HEARTS.names), rejected, REJECTED_HEARTS)
    log.info("predicted %d, rejected %d; wrote %s", written, len(faults), output)
    return written, len(faults)


def _rows(cases: Path, predictor: MeshPredictor, total: int, split: str | None) -> Iterator[dict[str, Any]]:
    for case in progress(read_cases(cases, None if split is None else [split]), "infer", total):
        views = case.views
        try:
            pictures = pictures_of(views)
            found = predictor.predict(pictures, f"{views.case_id}/{views.frame}")
            if np.abs(found.vertices_mm - pictures.centre_mm).max() > FARTHEST_MM:
                raise ImageError("the predicted mesh lies far outside the images")
        except ImageError as error:
            log.warning("rejected %s %s: %s", views.case_id, views.frame, error)
            yield {"case_id": views.case_id, "frame": views.frame, "stage": "infer", "reason": str(error)}
            continue
        yield {
            "case_id": views.case_id,
            "patient_id": views.patient_id,
            "frame": views.frame,
            "views": [view for view in predictor.settings.views if view in pictures.long_axis],
            "vertices": found.vertices_mm.ravel(),
            "vertices_std": found.std_mm,
            "latent": found.code,
        }
