"""Convert a folder of radiographs with lung masks to labelled images; a function turns the masks into landmarks.

The folder contains ``table.csv`` (``image_id``, ``patient_id``), ``images/`` and ``masks/``; the last two contain one
file per id. A stable hash selects the patients for validation. It is the same for every way of labelling, so a patient
that is held out from the training of one model is held out from the training of all models.
"""

from collections.abc import Callable
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.organ_masks import main_part, split_lungs
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph, refuse_dicom
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.parquet import table_writer, write_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.schemas import LABELLED_IMAGES, REJECTED

Lungs = dict[str, UInt8[np.ndarray, "size size"]]
# Converts a preprocessed image [row, column] and its lung masks to landmarks (x, y) in pixels of that image. It raises
# ImageError for an image that cannot be labelled.
Labeller = Callable[[UInt8[np.ndarray, "size size"], Lungs], Float[np.ndarray, "nodes 2"]]

log = get_logger(__name__)


@dataclass(frozen=True)
class MaskFolder:
    """A folder of radiographs with lung masks, and the settings for reading it.

    Attributes
    ----------
    root
        The folder. Files are found by their id; their suffix does not matter.
    source
        Name of the set in the tables; it is the prefix of the ids.
    recipe
        Preprocessing of the images. If border removal would cut off a part of the lungs, the crop is widened.
    val_fraction
        Share of patients for validation, selected by a hash of the patient's id.
    """

    root: Path
    source: str
    recipe: Preparation
    val_fraction: float = 0.25

    def label(
        self, labeller: Labeller, labels: str, stage: str, output: str | Path, rejected: str | Path
    ) -> tuple[int, int]:
        """Write the labelled images of the folder.

        Parameters
        ----------
        labeller
            Function that computes the landmarks of one image.
        labels
            Code of the annotated organs.
        stage
            Name of the stage in ``rejected`` and in the progress messages.
        output
            Parquet file to write, schema ``LABELLED_IMAGES``.
        rejected
            Table to write of the images that could not be used, schema ``REJECTED``.

        Returns
        -------
        Numbers of images written and rejected.

        Raises
        ------
        CxrError
            If the table or a column is missing, if an id is empty, or if an image occurs twice.
        """
        rows = _read_table(self.root / "table.csv")
        kept, faults = 0, []
        with table_writer(output, LABELLED_IMAGES) as writer:
            for row in progress(rows, stage, len(rows)):
                try:
                    labelled = self._row(row, labeller, labels)
                except ImageError as error:
                    log.warning("rejected %s: %s", row["image_id"], error)
                    faults.append({"image_id": row["image_id"], "path": None, "stage": stage, "reason": str(error)})
                    continue
                writer.write_table(pa.Table.from_pylist([labelled], schema=LABELLED_IMAGES))
                kept += 1
        write_table(pd.DataFrame(faults, columns=REJECTED.names), rejected, REJECTED)
        log.info("%s: read %d images, wrote %d, rejected %d", self.root, len(rows), kept, len(faults))
        return kept, len(faults)

    def _row(self, row: dict[str, Any], labeller: Labeller, labels: str) -> dict[str, Any]:
        image_id, patient = row["image_id"], f"{self.source}-{row['patient_id']}"
        path = _file(self.root / "images", image_id)
        radiograph = read_radiograph(path, self.recipe.max_megapixels, self.recipe.burnt_in, self.recipe.checks)
        mask = _read_mask(_file(self.root / "masks", image_id), radiograph.stored_shape)
        image, geometry = prepare(radiograph, self.recipe, keep=_corners(mask))
        landmarks = labeller(image, _lungs(mask, geometry))
        return {
            "image_id": f"{self.source}-{image_id}",
            "png": encode_png(image),
            **geometry.as_row(),
            "patient_id": patient,
            "source": self.source,
            "labels": labels,
            "split": "val" if put_aside(patient, "split", self.val_fraction) else "train",
            "landmarks": landmarks.astype(np.float32).ravel().tolist(),
        }


def _read_table(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a table with image_id and patient_id")
    table = pd.read_csv(path, dtype=str)
    missing = [name for name in ("image_id", "patient_id") if name not in table.columns]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; found {list(table.columns)}")
    for name in ("image_id", "patient_id"):
        if (empty := table[name].isna()).any():
            raise CxrError(f"{path}: row {int(empty.to_numpy().argmax()) + 1}: column '{name}' is empty")
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{table['image_id'][twice].iloc[0]}' occurs twice; expected it once")
    return table.sort_values("image_id").to_dict("records")


def _file(folder: Path, image_id: str) -> Path:
    found = sorted(path_inside(folder, image_id).parent.glob(f"{escape(Path(image_id).name)}.*"))
    if len(found) != 1:
        raise ImageError(f"{len(found)} files '{image_id}.*' in {folder.name}; expected one")
    return found[0]


def _read_mask(path: Path, shape: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    refuse_dicom(path)
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ImageError(f"{path.name}: no readable mask")
    if mask.shape != shape:
        raise ImageError(
            f"{path.name}: mask of {mask.shape[0]} x {mask.shape[1]}; expected the image's "
            f"{shape[0]} x {shape[1]} pixels"
        )
    if not mask.any():
        raise ImageError(f"{path.name}: an empty mask; expected both lungs")
    return (mask > 0).astype(np.uint8)


def _corners(mask: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "2 2"]:
    """Return the first and the last corner (x, y) of the mask's bounding box, in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]], np.float64)


def _lungs(mask: UInt8[np.ndarray, "h w"], geometry: Geometry) -> Lungs:
    """Return the masks of both lungs in the preprocessed frame, reduced to their main parts."""
    square = (geometry.forward_image(mask * np.uint8(255)) > 127).astype(np.uint8)
    right, left = split_lungs(square)
    return {"right_lung": main_part("right_lung", right), "left_lung": main_part("left_lung", left)}
