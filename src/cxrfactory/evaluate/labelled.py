"""The images of one split of a preprocessed labelled table, with their truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LABEL_GRAPHS, LandmarkGraph, landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.png import decode_png
from cxrfactory.logs import get_logger
from cxrfactory.models.segmenter import Masks
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

log = get_logger(__name__)

# Organs measured together too: the papers' "lungs" are one mask.
UNIONS = {"lungs": ("right_lung", "left_lung"), "clavicles": ("right_clavicle", "left_clavicle")}


@dataclass(frozen=True)
class Case:
    """One labelled image.

    Attributes
    ----------
    image_id, source
        As in the table.
    png
        The preprocessed image.
    size
        Its side, pixels.
    graph
        Names the landmarks.
    landmarks
        Expert's points (x, y), pixels of the image.
    """

    image_id: str
    source: str
    png: bytes
    size: int
    graph: LandmarkGraph
    landmarks: Float[np.ndarray, "nodes 2"]

    def image(self) -> UInt8[np.ndarray, "size size"]:
        """Decode the image."""
        return decode_png(self.png)

    def masks(self) -> Masks:
        """Fill the expert's contours."""
        return landmarks_to_masks(self.landmarks, self.graph, self.size, self.size)


def read_cases(path: str | Path, split: str) -> list[Case]:
    """Read the images of one split, sorted by id.

    Parameters
    ----------
    path
        Parquet of schema ``LABELLED_IMAGES``.
    split
        ``train``, ``val`` or another value of its column ``split``.

    Raises
    ------
    CxrError
        If the table is unreadable, the split is empty, an id stands twice or a row's landmarks are not those of its
        labels.
    """
    table = read_table(path, LABELLED_IMAGES)
    chosen = table[table["split"] == split].sort_values("image_id")
    if chosen.empty:
        raise CxrError(f"{path}: no image has split '{split}'; found {sorted(table['split'].unique())}")
    if (twice := chosen["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{chosen.loc[twice, 'image_id'].iloc[0]}' stands twice in split '{split}'")
    cases = []
    for row in chosen.itertuples():
        if row.labels not in LABEL_GRAPHS:
            raise CxrError(f"{path}: image '{row.image_id}' has labels '{row.labels}'; expected {list(LABEL_GRAPHS)}")
        graph = landmark_graph(LABEL_GRAPHS[row.labels])
        points = np.asarray(row.landmarks, np.float64).reshape(-1, 2)
        if len(points) != graph.nodes:
            raise CxrError(f"{path}: image '{row.image_id}' has labels {row.labels} but {len(points)} landmarks")
        cases.append(Case(row.image_id, row.source, row.png, int(row.size), graph, points))
    log.info("%s: read %d images of split '%s'", path, len(cases), split)
    return cases


def with_unions(masks: Masks) -> Masks:
    """Put the unions in front (``lungs``, ``clavicles``) whose organs are both there."""
    together = {
        name: masks[first] | masks[second] for name, (first, second) in UNIONS.items() if {first, second} <= set(masks)
    }
    return together | masks
