"""The images of one split of a preprocessed labelled table, with their truth: landmarks, drawn masks, or both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_labels
from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.anatomy.regions import WHOLE_REGIONS, contour_regions
from cxrfactory.anatomy.truth import TrueMask, Truth, true_masks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

log = get_logger(__name__)

REGIONS = "regions"  # column of drawn masks, list<struct<name, png>>
# Unions of organs that are also measured; in the papers, "lungs" is one mask.
UNIONS = {
    "lungs": LUNGS,
    "clavicles": ("right_clavicle", "left_clavicle"),
    "whole_lungs": tuple(WHOLE_REGIONS.values()),
}
Mask = TypeVar("Mask", np.ndarray, TrueMask)


@dataclass(frozen=True)
class LabelledImage:
    """One labelled image of a table.

    Attributes
    ----------
    image_id, source
        Values of the table's columns.
    png
        The preprocessed image, encoded as PNG.
    size
        Side of the image, pixels.
    graph
        Graph that names the landmarks; None without landmarks.
    landmarks
        The expert's points (x, y), pixels of the image; None without landmarks.
    regions
        PNG of the drawn masks by name of the region.
    """

    image_id: str
    source: str
    png: bytes = field(repr=False)
    size: int
    graph: LandmarkGraph | None = None
    landmarks: Float[np.ndarray, "nodes 2"] | None = field(default=None, repr=False)
    regions: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def image(self) -> UInt8[np.ndarray, "size size"]:
        """Decode the image."""
        return decode_png(self.png)

    @property
    def contour_regions(self) -> dict[str, slice]:
        """Regions that the landmarks enclose, with the slices of their nodes."""
        return {} if self.graph is None else contour_regions(self.graph)

    def true_masks(self, names: Mapping[str, str], contours: bool = True) -> Truth:
        """Return the true masks of the image (:func:`cxrfactory.anatomy.truth.true_masks`).

        Parameters
        ----------
        names
            Region to the name of its organ in the result.
        contours
            Whether contours count where nothing is drawn.

        Raises
        ------
        CxrError
            If a drawn mask is no PNG or has another size than the image.
        """
        points = {region: self.landmarks[where] for region, where in self.contour_regions.items()} if contours else {}
        return true_masks(names, self._drawn, points, self.size)

    def _drawn(self, region: str) -> TrueMask | None:
        if region not in self.regions:
            return None
        drawn = decode_png(self.regions[region])
        if drawn.shape != (self.size, self.size):
            raise CxrError(
                f"image '{self.image_id}': region '{region}' of shape {drawn.shape}; expected the image's "
                f"{self.size} x {self.size}"
            )
        return TrueMask.of_drawn(drawn)


def labelled_fields(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of :class:`LabelledImage` from a row of a table of schema ``LABELLED_IMAGES``.

    Raises
    ------
    CxrError
        If the number of the row's landmarks does not match its labels.
    """
    place = f"{where}: image '{row['image_id']}'"
    graph = graph_of_labels(row["labels"], place)
    values = row["landmarks"]
    points = np.asarray([] if values is None else values, np.float64).reshape(-1, 2)
    if len(points) != graph.nodes:
        raise CxrError(f"{place} has labels {row['labels']} but {len(points)} landmarks")
    drawn = row[REGIONS]
    return {
        "image_id": str(row["image_id"]),
        "source": str(row["source"]),
        "png": row["png"],
        "size": int(row["size"]),
        "graph": graph if graph.nodes else None,
        "landmarks": points if graph.nodes else None,
        "regions": {} if drawn is None else {each["name"]: each["png"] for each in drawn},
    }


def read_cases(path: str | Path, split: str) -> list[LabelledImage]:
    """Read the images of one split, sorted by id.

    Parameters
    ----------
    path
        Parquet of schema ``LABELLED_IMAGES``.
    split
        ``train``, ``val`` or another value of the column ``split``.

    Raises
    ------
    CxrError
        If the table is unreadable, the split is empty, an id occurs twice, or the number of a row's landmarks does not
        match its labels.
    """
    table = read_table(path, LABELLED_IMAGES)
    chosen = table[table["split"] == split].sort_values("image_id")
    if chosen.empty:
        raise CxrError(f"{path}: no image has split '{split}'; found {sorted(table['split'].unique())}")
    if (twice := chosen["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{chosen.loc[twice, 'image_id'].iloc[0]}' occurs twice in split '{split}'")
    cases = [LabelledImage(**labelled_fields(row, str(path))) for row in chosen.to_dict("records")]
    log.info("%s: read %d images of split '%s'", path, len(cases), split)
    return cases


def single_organs(names: Iterable[str]) -> list[str]:
    """Return the names without the unions whose two organs are among them."""
    given = list(names)
    return [name for name in given if name not in UNIONS or not set(UNIONS[name]) <= set(given)]


def with_unions(masks: Mapping[str, Mask]) -> dict[str, Mask]:
    """Prepend the unions of :data:`UNIONS` whose two organs are both present; other masks stay as they are."""
    together = {
        name: masks[first] | masks[second] for name, (first, second) in UNIONS.items() if {first, second} <= set(masks)
    }
    return together | dict(masks)
