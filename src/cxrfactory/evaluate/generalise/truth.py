"""The test images of labelled tables, with the truth by definition of the organs.

The truth of an organ is its drawn mask where the table has one (column ``regions``), and the filled contour of its
landmarks otherwise. In a drawn mask, 255 is inside, 0 outside, and the grey value 127 marks pixels that are ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.graph import JSRT, WHOLE_LUNGS, LandmarkGraph, graph_of_labels
from cxrfactory.anatomy.organs import HEART, LUNGS, ORGANS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.anatomy.regions import IGNORED, WHOLE_REGIONS
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

REGIONS = "regions"  # column of drawn masks, list<struct<name, png>>
# Name of a region -> definition of the organs and organ.
REGION_ORGANS = {
    **{organ: (JSRT, organ) for organ in ORGANS},
    **{region: (WHOLE_LUNGS, organ) for organ, region in WHOLE_REGIONS.items()},
}
_COLUMNS = ["image_id", "png", "patient_id", "source", "labels", "split", "landmarks", "size"]
_CROP = ["crop_height", "crop_width"]


@dataclass(frozen=True)
class TrueMask:
    """The truth of one organ.

    Attributes
    ----------
    mask
        True inside the organ, [row, column].
    valid
        True where the truth is known; the other pixels are not compared.
    """

    mask: Bool[np.ndarray, "size size"]
    valid: Bool[np.ndarray, "size size"]

    def __or__(self, other: "TrueMask") -> "TrueMask":
        return TrueMask(self.mask | other.mask, self.valid & other.valid)


Truth = dict[str, TrueMask]  # by organ


@dataclass(frozen=True)
class StudyImage:
    """One labelled image that a model is tested on.

    Attributes
    ----------
    image_id, patient_id, source, split
        Values of the table's columns.
    png
        The preprocessed image, encoded as PNG.
    size
        Side of the image, pixels.
    scale
        Pixels of the image file per pixel of the preprocessed image.
    graph
        Graph that names the landmarks; None without landmarks.
    landmarks
        The expert's points (x, y), pixels of the image; None without landmarks.
    regions
        PNG of the drawn masks by name of the region.
    """

    image_id: str
    patient_id: str
    source: str
    split: str
    png: bytes = field(repr=False)
    size: int
    scale: float
    graph: LandmarkGraph | None
    landmarks: Float[np.ndarray, "nodes 2"] | None = field(repr=False)
    regions: Mapping[str, bytes] = field(repr=False)

    def image(self) -> UInt8[np.ndarray, "size size"]:
        """Decode the image."""
        return decode_png(self.png)

    def truth(self, definition: str) -> Truth:
        """Return the true masks of the organs by a definition (``jsrt`` or ``whole-lungs``); empty if there are none.

        The heart is the same in both definitions.

        Raises
        ------
        CxrError
            If a drawn mask is no PNG or has another size than the image.
        """
        found: Truth = {}
        if self.graph is not None and self.graph.definition == definition:
            known = np.ones((self.size, self.size), bool)
            masks = landmarks_to_masks(self.landmarks, self.graph, self.size, self.size)
            found = {organ: TrueMask(mask.astype(bool), known) for organ, mask in masks.items() if organ in ORGANS}
        for name, png in self.regions.items():
            of, organ = REGION_ORGANS.get(name, (None, name))
            if of is not None and (of == definition or organ == HEART):
                found[organ] = self._drawn(name, png)
        return found

    def definitions(self) -> list[str]:
        """Return the definitions by which this image has a truth; that of drawn masks comes first."""
        drawn = [of for name in self.regions for of, organ in [REGION_ORGANS.get(name, (None, ""))] if organ in LUNGS]
        found = [*drawn, *([] if self.graph is None else [self.graph.definition])]
        return list(dict.fromkeys(found))

    def _drawn(self, name: str, png: bytes) -> TrueMask:
        drawn = decode_png(png)
        if drawn.shape != (self.size, self.size):
            raise CxrError(
                f"image '{self.image_id}': region '{name}' of shape {drawn.shape}; expected the image's "
                f"{self.size} x {self.size}"
            )
        return TrueMask(drawn > IGNORED, drawn != IGNORED)


def outline(truth: Truth | Mapping[str, Bool[np.ndarray, "size size"]]) -> TrueMask | None:
    """Return the area between the outermost lung pixels of each row; None unless both lungs are given.

    Definitions of the lungs that differ behind the heart and the mediastinum share this outline.
    """
    if not set(LUNGS) <= set(truth):
        return None
    both = _known(truth[LUNGS[0]]) | _known(truth[LUNGS[1]])
    begun = np.maximum.accumulate(both.mask, axis=1)
    not_ended = np.maximum.accumulate(both.mask[:, ::-1], axis=1)[:, ::-1]
    return TrueMask(begun & not_ended, both.valid)


def _known(mask: TrueMask | Bool[np.ndarray, "size size"]) -> TrueMask:
    return mask if isinstance(mask, TrueMask) else TrueMask(mask, np.ones_like(mask))


def read_images(paths: Sequence[str | Path], sources: Sequence[str] | None, unseen: Sequence[str]) -> list[StudyImage]:
    """Read the test images of labelled tables: all images of unseen sources, and split ``val`` of the others.

    Parameters
    ----------
    paths
        Parquet tables of schema ``LABELLED_IMAGES``.
    sources
        Sources to test; None for all.
    unseen
        Sources that the model was trained without.

    Returns
    -------
    Images in the order of source and id.

    Raises
    ------
    CxrError
        If a table is unreadable, an id occurs twice, a source does not occur, no image is left, or landmarks do not fit
        their labels.
    """
    where = ", ".join(map(str, paths))
    table = pd.concat([_read(path) for path in paths], ignore_index=True)
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"{where}: image_id '{table.loc[twice, 'image_id'].iloc[0]}' occurs twice; ids must be unique")
    known = sorted(set(table["source"]))
    for name in sources or ():
        if name not in known:
            raise CxrError(f"{where}: no image has source '{name}', which is to be tested; found {', '.join(known)}")
    if sources is not None:
        table = table[table["source"].isin(list(sources))]
    table = table[table["source"].isin(list(unseen)) | (table["split"] == "val")]
    if table.empty:
        raise CxrError(
            f"{where}: no image to test; a source that the model was trained with ({', '.join(sources or known)}) is "
            "tested on its split 'val' only"
        )
    rows = table.sort_values(["source", "image_id"], kind="stable").to_dict("records")
    return [_image(row, where) for row in rows]


def _read(path: str | Path) -> pd.DataFrame:
    return read_table(path, LABELLED_IMAGES, [*_COLUMNS, *_CROP, REGIONS])


def _image(row: Mapping[str, Any], where: str) -> StudyImage:
    graph, points = None, None
    values = row["landmarks"]
    if values is not None and len(values):
        place = f"{where}: image '{row['image_id']}'"
        graph = graph_of_labels(row["labels"], place)
        points = np.asarray(values, np.float64).reshape(-1, 2)
        if len(points) != graph.nodes:
            raise CxrError(f"{place} has labels {row['labels']} but {len(points)} landmarks")
    drawn = row[REGIONS]
    regions = {} if drawn is None else {each["name"]: each["png"] for each in drawn}
    size = int(row["size"])
    scale = max(int(row["crop_height"]), int(row["crop_width"])) / size
    columns = (str(row[name]) for name in ("image_id", "patient_id", "source", "split"))
    return StudyImage(*columns, row["png"], size, scale, graph, points, regions)
