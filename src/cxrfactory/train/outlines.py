"""A set of lung outlines of another convention to labelled images: a network's landmarks, corrected by the outlines."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.anatomy.organ_masks import main_part, split_lungs
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.png import encode_png
from cxrfactory.imaging.prepare import Preparation, prepare
from cxrfactory.imaging.reading import read_radiograph
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.registration.outlines import fit_to_outlines, outer_nodes
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import table_writer, write_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.schemas import LABELLED_IMAGES, REJECTED
from cxrfactory.tables.weights import read_weights

LARGEST_GAP = 0.03  # of the side: a shape farther from its outline is not used

log = get_logger(__name__)


def label_outlines(
    root: str | Path,
    weights: str | Path,
    output: str | Path,
    rejected: str | Path,
    recipe: Preparation,
    source: str,
    val_fraction: float = 0.25,
) -> tuple[int, int]:
    """Write labelled images of a folder with ``table.csv`` (``image_id``, ``patient_id``), ``images/`` and ``masks/``.

    Parameters
    ----------
    root
        The folder; files are found by their id, whatever their suffix.
    weights
        Of a landmark model with lungs and heart.
    output
        Parquet to write, schema ``LABELLED_IMAGES``.
    rejected
        Table of the images that could not be used.
    recipe
        Preprocessing.
    source
        Name of the set, for the tables.
    val_fraction
        Share of patients for validation, by a hash of the patient's id.

    Returns
    -------
    Numbers of images written and rejected.

    Raises
    ------
    CxrError
        If the table or a column is missing, or the weights are no landmark model of lungs and heart.
    """
    root = Path(root)
    rows = _read_table(root / "table.csv")
    tensors, card = read_weights(weights)
    segmenter = Segmenter(tensors, card, source=str(weights))
    graph = getattr(segmenter.network, "graph", None)
    if graph is None or graph.name != "lungs-heart":
        raise CxrError(f"{weights}: expected weights of a landmark model of graph 'lungs-heart'")
    outer = outer_nodes(tensors["mean_shape"], graph)
    kept, faults = 0, []
    with table_writer(output, LABELLED_IMAGES) as writer:
        for row in progress(rows, "outlines", len(rows)):
            image_id = row["image_id"]
            try:
                path = _file(root / "images", image_id)
                image, geometry = prepare(read_radiograph(path, recipe.max_megapixels), recipe)
                lungs = _lungs(_file(root / "masks", image_id), geometry)
                found = segmenter(image, recipe.size)
                landmarks, gap = fit_to_outlines(found.landmarks, lungs, outer, graph)
                if gap > LARGEST_GAP * recipe.size:
                    raise ImageError(f"landmarks stay {gap:.0f} px from the outline; expected the same lungs")
            except ImageError as error:
                log.warning("rejected %s: %s", image_id, error)
                faults.append({"image_id": image_id, "path": None, "stage": "outlines", "reason": str(error)})
                continue
            patient = f"{source}-{row['patient_id']}"
            labelled = {
                "image_id": f"{source}-{image_id}",
                "png": encode_png(image),
                **geometry.as_row(),
                "patient_id": patient,
                "source": source,
                "labels": "LH",
                "split": "val" if seed_of(patient, "split") / 2**63 < val_fraction else "train",
                "landmarks": landmarks.astype(np.float32).ravel().tolist(),
            }
            writer.write_table(pa.Table.from_pylist([labelled], schema=LABELLED_IMAGES))
            kept += 1
    write_table(pd.DataFrame(faults, columns=REJECTED.names), rejected, REJECTED)
    log.info("%s: read %d images, wrote %d, rejected %d", root, len(rows), kept, len(faults))
    return kept, len(faults)


def _read_table(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a table with image_id and patient_id")
    table = pd.read_csv(path, dtype=str)
    missing = [name for name in ("image_id", "patient_id") if name not in table.columns]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; found {list(table.columns)}")
    return table.sort_values("image_id").to_dict("records")


def _file(folder: Path, image_id: str) -> Path:
    found = sorted(path_inside(folder, image_id).parent.glob(f"{Path(image_id).name}.*"))
    if len(found) != 1:
        raise ImageError(f"{len(found)} files '{image_id}.*' in {folder.name}; expected one")
    return found[0]


def _lungs(path: Path, geometry: Any) -> dict[str, np.ndarray]:
    """Both lungs in the preprocessed frame, one piece each."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ImageError(f"{path.name}: no readable mask")
    if mask.shape != (geometry.original_height, geometry.original_width):
        raise ImageError(
            f"{path.name}: mask of {mask.shape[0]} x {mask.shape[1]}; expected the image's "
            f"{geometry.original_height} x {geometry.original_width} pixels"
        )
    square = (geometry.forward_image((mask > 0).astype(np.uint8) * np.uint8(255)) > 127).astype(np.uint8)
    right, left = split_lungs(square)
    return {"right_lung": main_part("right_lung", right), "left_lung": main_part("left_lung", left)}
