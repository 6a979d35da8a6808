"""Convert a folder of radiographs with drawn masks to labelled images; a function turns the masks into landmarks.

:mod:`cxrfactory.labelling.mask_table` says how a folder looks. A stable hash selects the patients for validation. It
is the same for every way of labelling, so a patient that is held out from the training of one model is held out from
the training of all models.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.organ_masks import main_part, split_lungs
from cxrfactory.anatomy.organs import BOTH_LUNGS, HEART, LUNGS
from cxrfactory.anatomy.regions import IGNORED, INSIDE, OUTSIDE, region_of
from cxrfactory.errors import ImageError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph, refuse_dicom
from cxrfactory.labelling.mask_table import MaskRow, file_of, read_mask_rows
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.parquet import table_writer, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES, REJECTED

Lungs = dict[str, UInt8[np.ndarray, "size size"]]
# Region to its mask in the preprocessed frame: 0 outside, 255 inside, 127 where nothing is known.
Regions = dict[str, UInt8[np.ndarray, "size size"]]

log = get_logger(__name__)


@dataclass(frozen=True)
class Labels:
    """What a labeller finds in one image.

    Attributes
    ----------
    code
        Code of the organs that the landmarks annotate (:data:`cxrfactory.anatomy.graph.LABEL_GRAPHS`).
    landmarks
        (x, y) in pixels of the preprocessed image.
    regions
        Drawn masks to store; None to store none.
    """

    code: str
    landmarks: Float[np.ndarray, "nodes 2"]
    regions: Regions | None = None


# Function of an image's name, the preprocessed image [row, column] and its regions. It raises ImageError for an image
# that cannot be labelled.
Labeller = Callable[[str, UInt8[np.ndarray, "size size"], Regions], Labels]


@dataclass(frozen=True)
class MaskFolder:
    """A folder of radiographs with drawn masks, and the settings for reading it.

    Attributes
    ----------
    root
        The folder, with ``table.csv``.
    source
        Name of the set in the tables; it is the prefix of the ids.
    recipe
        Preprocessing of the images. If border removal would cut off a part of a mask, the crop is widened.
    val_fraction
        Share of patients for validation, selected by a hash of the patient's id.
    definition
        Landmark graph of lungs that says what masks of lungs cover.
    columns, not_annotated
        As in :func:`cxrfactory.labelling.mask_table.read_mask_rows`.
    """

    root: Path
    source: str
    recipe: Preparation
    val_fraction: float = 0.25
    definition: str = "whole-lungs"
    columns: Mapping[str, str] = field(default_factory=dict)
    not_annotated: Mapping[str, str] = field(default_factory=dict)

    @property
    def lung_regions(self) -> tuple[str, str]:
        """Regions of the right and of the left lung."""
        definition = landmark_graph(self.definition).definition
        return region_of(LUNGS[0], definition), region_of(LUNGS[1], definition)

    def label(self, labeller: Labeller, stage: str, output: str | Path, rejected: str | Path) -> tuple[int, int]:
        """Write the labelled images of the folder.

        Parameters
        ----------
        labeller
            Function that labels one image.
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
        graph = landmark_graph(self.definition)
        rows = read_mask_rows(self.root / "table.csv", graph, self.columns, self.not_annotated)
        codes, faults = Counter(), []
        with table_writer(output, LABELLED_IMAGES) as writer:
            for row in progress(rows, stage, len(rows)):
                try:
                    labelled = self._row(row, labeller)
                except ImageError as error:
                    log.warning("rejected %s: %s", row.image_id, error)
                    faults.append({"image_id": row.image_id, "path": None, "stage": stage, "reason": str(error)})
                    continue
                writer.write_table(pa.Table.from_pylist([labelled], schema=LABELLED_IMAGES))
                codes[labelled["labels"]] += 1
        write_table(pd.DataFrame(faults, columns=REJECTED.names), rejected, REJECTED)
        told = ", ".join(f"{code} {count}" for code, count in sorted(codes.items())) or "none"
        log.info("%s: read %d images, wrote %d (labels: %s), rejected %d",
                 self.root, len(rows), codes.total(), told, len(faults))  # fmt: skip
        return codes.total(), len(faults)

    def lungs(self, regions: Regions) -> Lungs:
        """Return the masks of both lungs, 0 and 1, reduced to their main parts.

        Raises
        ------
        ImageError
            If a lung is not annotated, or its mask holds no lung in one piece.
        """
        found = {}
        for organ, region in zip(LUNGS, self.lung_regions, strict=True):
            if region not in regions:
                raise ImageError(f"the {region.replace('_', ' ')} is not annotated; expected both lungs")
            found[organ] = main_part(organ, (regions[region] == INSIDE).astype(np.uint8))
        return found

    def _row(self, row: MaskRow, labeller: Labeller) -> dict[str, Any]:
        patient = f"{self.source}-{row.patient_id}"
        path = file_of(self.root, "images", row.image_id, row.image)
        radiograph = read_radiograph(path, self.recipe.max_megapixels, self.recipe.burnt_in, self.recipe.checks)
        masks = {
            name: _read_mask(file_of(self.root, "masks", row.image_id, named), radiograph.stored_shape)
            for name, named in row.masks.items()
            if name not in row.not_annotated
        }
        if BOTH_LUNGS in masks and not (masks[BOTH_LUNGS] == INSIDE).any():
            name = file_of(self.root, "masks", row.image_id, row.masks[BOTH_LUNGS]).name
            raise ImageError(f"{name}: an empty mask; expected both lungs")
        image, geometry = prepare(radiograph, self.recipe, keep=_corners(masks))
        labels = labeller(row.image_id, image, self._regions(row, masks, geometry))
        regions = labels.regions
        return {
            "image_id": f"{self.source}-{row.image_id}",
            "png": encode_png(image),
            **geometry.as_row(),
            "patient_id": patient,
            "source": self.source,
            "labels": labels.code,
            "split": "val" if put_aside(patient, "split", self.val_fraction) else "train",
            **row.person,
            "landmarks": labels.landmarks.astype(np.float32).ravel().tolist(),
            "regions": None
            if regions is None
            else [{"name": name, "png": encode_png(regions[name])} for name in sorted(regions)],
        }

    def _regions(self, row: MaskRow, masks: dict[str, np.ndarray], geometry: Geometry) -> Regions:
        """Carry the masks through the preprocessing, and split a mask of both lungs."""
        regions = {name: _carried(mask, geometry) for name, mask in masks.items()}
        if BOTH_LUNGS in regions:
            both = regions.pop(BOTH_LUNGS)
            try:
                split = dict(zip(self.lung_regions, _split(both), strict=True))
            except ImageError as error:
                if not regions:
                    raise
                log.warning("%s: lungs are left out: %s", row.image_id, error)
                split = {}
            regions |= {name: mask for name, mask in split.items() if name not in row.not_annotated}
        if not regions:
            raise ImageError("no region is annotated; expected a mask in at least one column")
        self._check_sides(regions)
        return regions

    def _check_sides(self, regions: Regions) -> None:
        """Refuse masks that are exchanged: of the two lungs, or of the heart and a lung."""
        lungs = [regions[name] == INSIDE for name in self.lung_regions if name in regions]
        if len(lungs) < 2 or not all(lung.any() for lung in lungs):
            return
        (right_y, right), (left_y, left) = (np.mean(np.nonzero(lung), axis=1) for lung in lungs)
        if abs(right_y - left_y) > abs(right - left):
            raise ImageError(
                "one lung's mask lies above the other's; expected an upright film: turn the picture and its masks "
                "upright"
            )
        if right >= left:
            raise ImageError(
                "the right lung's mask lies to the right of the left one's; expected the patient's right on the "
                "image's left: exchange the two, or mirror the masks"
            )
        heart = regions.get(HEART, np.zeros(1)) == INSIDE
        if heart.any() and not right < float(np.nonzero(heart)[1].mean()) < left:
            raise ImageError(
                "the centre of the heart's mask does not lie between those of the lungs' masks; expected it between "
                "them: exchange the masks of the heart and of a lung"
            )


def _read_mask(path: Path, shape: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """Read a mask as 0 outside, 255 inside and 127 where nothing is known."""
    refuse_dicom(path)
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ImageError(f"{path.name}: no readable mask")
    if mask.shape != shape:
        raise ImageError(
            f"{path.name}: mask of {mask.shape[0]} x {mask.shape[1]}; expected the image's "
            f"{shape[0]} x {shape[1]} pixels"
        )
    if mask.any() and not ((mask > 0) & (mask != IGNORED)).any():
        raise ImageError(f"{path.name}: only 0 and {IGNORED}, which means unknown; expected {INSIDE} inside the region")
    return np.where(mask == IGNORED, IGNORED, np.where(mask > 0, INSIDE, OUTSIDE)).astype(np.uint8)


def _corners(masks: Mapping[str, np.ndarray]) -> Float[np.ndarray, "2 2"] | None:
    """Return the first and the last corner (x, y) of the box around all masks, in pixels; None if all are empty."""
    together = np.logical_or.reduce([mask == INSIDE for mask in masks.values()]) if masks else np.zeros((1, 1), bool)
    if not together.any():
        return None
    rows, columns = np.flatnonzero(together.any(axis=1)), np.flatnonzero(together.any(axis=0))
    return np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]], np.float64)


def _carried(mask: UInt8[np.ndarray, "h w"], geometry: Geometry) -> UInt8[np.ndarray, "size size"]:
    """Return the mask in the preprocessed frame; a pixel is ignored if a part of it was."""
    inside = geometry.forward_image(np.where(mask == INSIDE, 255, 0).astype(np.uint8)) > 127
    ignored = geometry.forward_image(np.where(mask == IGNORED, 255, 0).astype(np.uint8)) > 0
    return np.where(ignored, IGNORED, np.where(inside, INSIDE, OUTSIDE)).astype(np.uint8)


def _split(both: UInt8[np.ndarray, "size size"]) -> tuple[np.ndarray, np.ndarray]:
    """Split a mask of both lungs; what is unknown of both is unknown of each."""
    right, left = split_lungs((both == INSIDE).astype(np.uint8))
    return tuple(np.where(both == IGNORED, IGNORED, lung * np.uint8(INSIDE)).astype(np.uint8) for lung in (right, left))
