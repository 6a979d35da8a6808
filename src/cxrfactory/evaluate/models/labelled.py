"""The images of one split of a preprocessed labelled table, with their truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import DEFINITIONS, LandmarkGraph, graph_of_labels
from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger
from cxrfactory.models.segmenter import Masks, Segments
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

log = get_logger(__name__)

# Unions of organs that are also measured; in the papers, "lungs" is one mask.
UNIONS = {"lungs": LUNGS, "clavicles": ("right_clavicle", "left_clavicle")}


@dataclass(frozen=True)
class LabelledImage:
    """One labelled image of the table.

    Attributes
    ----------
    image_id, source
        Values of the table's columns.
    png
        The preprocessed image, encoded as PNG.
    size
        Side of the image, pixels.
    graph
        Graph that names the landmarks.
    landmarks
        The expert's points (x, y), pixels of the image.
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
        """Fill the expert's contours; one mask for each organ."""
        return landmarks_to_masks(self.landmarks, self.graph, self.size, self.size)


def read_cases(path: str | Path, split: str) -> list[LabelledImage]:
    """Read the images of one split that have landmarks of both lungs, sorted by id; a log message counts the others.

    Parameters
    ----------
    path
        Parquet of schema ``LABELLED_IMAGES``.
    split
        ``train``, ``val`` or another value of the column ``split``.

    Raises
    ------
    CxrError
        If the table is unreadable, the split is empty or has no landmarks of lungs, an id occurs twice, or the number
        of a row's landmarks does not match its labels.
    """
    table = read_table(path, LABELLED_IMAGES)
    chosen = table[table["split"] == split].sort_values("image_id")
    if chosen.empty:
        raise CxrError(f"{path}: no image has split '{split}'; found {sorted(table['split'].unique())}")
    if (twice := chosen["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{chosen.loc[twice, 'image_id'].iloc[0]}' occurs twice in split '{split}'")
    cases = []
    for row in chosen.itertuples():
        graph = graph_of_labels(row.labels, f"{path}: image '{row.image_id}'")
        if not set(LUNGS) <= set(graph.organs):
            continue
        points = np.asarray(row.landmarks, np.float64).reshape(-1, 2)
        if len(points) != graph.nodes:
            raise CxrError(f"{path}: image '{row.image_id}' has labels {row.labels} but {len(points)} landmarks")
        cases.append(LabelledImage(row.image_id, row.source, row.png, int(row.size), graph, points))
    log.info("%s: read %d images of split '%s'", path, len(cases), split)
    if len(cases) < len(chosen):
        log.warning("%s: left out %d images without landmarks of both lungs", path, len(chosen) - len(cases))
    if not cases:
        raise CxrError(
            f"{path}: no image of split '{split}' has landmarks of both lungs; expected labels L, LH, LHC or W"
        )
    return cases


def cases_of_definition(
    cases: list[LabelledImage], segmenters: dict[str, Segments], path: str | Path
) -> list[LabelledImage]:
    """Keep the cases whose truth defines the organs as the models do; a log message counts the others.

    Raises
    ------
    CxrError
        If two models define the organs differently, no case is left, or a model segments no organ of the cases.
    """
    found = {name: segmenter.definition for name, segmenter in segmenters.items()}
    definitions = sorted(set(found.values()))
    if len(definitions) > 1:
        names = ", ".join(f"'{name}' {definition}" for name, definition in found.items())
        raise CxrError(f"models define the organs differently ({names}); compare models of one definition")
    kept = [case for case in cases if case.graph.definition == definitions[0]]
    if not kept:
        raise CxrError(
            f"{path}: no image is labelled by the models' definition '{definitions[0]}' "
            f"({DEFINITIONS[definitions[0]]}); found '{cases[0].graph.definition}': give labels of that definition"
        )
    annotated = {organ for case in kept for organ in case.graph.organs}
    for name, segmenter in segmenters.items():
        organs = getattr(segmenter, "organs", tuple(annotated))
        if not annotated & set(organs):
            raise CxrError(
                f"{path}: '{name}' segments {', '.join(organs)}; no image has landmarks of these, and only organs with "
                f"landmarks are measured ({', '.join(sorted(annotated))})"
            )
    if len(kept) < len(cases):
        log.warning("%s: left out %d images labelled by another definition than the models' '%s'",
                    path, len(cases) - len(kept), definitions[0])  # fmt: skip
    return kept


def with_unions(masks: Masks) -> Masks:
    """Prepend the unions (``lungs``, ``clavicles``) whose two organs are both present."""
    together = {
        name: masks[first] | masks[second] for name, (first, second) in UNIONS.items() if {first, second} <= set(masks)
    }
    return together | masks
