"""The labelled images as arrays in memory, grouped by their annotated organs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_labels
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger
from cxrfactory.models.inputs import to_fractions, to_input
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.sources import leave_out

log = get_logger(__name__)


@dataclass(frozen=True)
class LabelledImages:
    """Images of one split.

    Attributes
    ----------
    ids
        Image ids, sorted.
    images
        8-bit images at the side of the network's input.
    targets
        One array per image, (x, y) as fractions of the side; the length determines which organs are annotated.
    """

    ids: list[str]
    images: UInt8[np.ndarray, "n s s"]
    targets: list[Float[np.ndarray, "m 2"]]

    def groups(self) -> dict[int, np.ndarray]:
        """Map each number of annotated nodes to the indices of the images with this number."""
        counts = np.array([len(target) for target in self.targets])
        return {int(count): np.flatnonzero(counts == count) for count in np.unique(counts)}


def load_labelled(
    path: str | Path | Sequence[str | Path],
    split: str,
    graph: LandmarkGraph,
    input_size: int,
    without_sources: Sequence[str] = (),
) -> LabelledImages:
    """Read the images of one split from one or several preprocessed labelled tables.

    Nodes beyond the graph are cut off (the nodes of L are the first of LH, and those of LH the first of LHC). Images
    whose labels follow another definition of the organs than the graph are left out, because their nodes mark other
    borders. Images of the sources ``without_sources`` (column ``source``) are left out of both splits.

    Raises
    ------
    CxrError
        If the split is empty or has only images of another definition, no image annotates the whole graph, an image's
        landmarks do not fit its labels, an id occurs twice, or a source to leave out does not occur or leaves no image.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    table = pd.concat([read_table(each, LABELLED_IMAGES) for each in paths], ignore_index=True)
    path = ", ".join(map(str, paths))
    table = leave_out(table, without_sources, path)
    table = table[table["split"] == split].sort_values("image_id")
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise CxrError(f"{path}: image_id '{twice.iloc[0]}' occurs twice; ids must be unique over all tables")
    if table.empty:
        raise CxrError(f"{path}: no image has split '{split}'; expected images of 'train' and of 'val'")
    table = _of_definition(table, graph, f"{path}: split '{split}'")
    images, targets = [], []
    for row in table.itertuples():
        image = decode_png(row.png)
        images.append(np.round(to_input(image, input_size) * 255).astype(np.uint8))
        points = np.asarray(row.landmarks, np.float64).reshape(-1, 2)
        if len(points) != graph_of_labels(row.labels, str(path)).nodes:
            raise CxrError(f"{path}: image '{row.image_id}' has labels {row.labels} but {len(points)} landmarks")
        targets.append(to_fractions(points, image.shape[0])[: graph.nodes].astype(np.float32))
    if all(len(target) < graph.nodes for target in targets):
        raise CxrError(
            f"{path}: no image of split '{split}' annotates the graph '{graph.name}'; choose a smaller graph"
        )
    log.info("read %d images of split '%s' from %s", len(images), split, path)
    return LabelledImages(list(table["image_id"]), np.stack(images), targets)


def _of_definition(table: pd.DataFrame, graph: LandmarkGraph, where: str) -> pd.DataFrame:
    """Keep the rows whose labels follow the graph's definition of the organs."""
    codes = table["labels"].unique()
    fitting = [code for code in codes if graph_of_labels(code, where).definition == graph.definition]
    kept = table[table["labels"].isin(fitting)]
    others = ", ".join(sorted(set(codes) - set(fitting)))
    if kept.empty:
        raise CxrError(
            f"{where}: {len(table)} images, all with labels {others}; the graph '{graph.name}' means "
            f"{graph.definition_text}: give images labelled so, or choose another graph"
        )
    if others:
        left_out = len(table) - len(kept)
        log.info("%s: left out %d images with labels %s, no '%s'", where, left_out, others, graph.definition)
    return kept


def mean_shape(targets: list[np.ndarray], nodes: int) -> Float[np.ndarray, "nodes 2"]:
    """Average the position of every node over the images that annotate it, as fractions of the side."""
    total, count = np.zeros((nodes, 2)), np.zeros((nodes, 1))
    for target in targets:
        total[: len(target)] += target
        count[: len(target)] += 1
    return (total / count).astype(np.float32)


def epoch_batches(groups: dict[int, np.ndarray], batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Make the index batches of one epoch: every image once, one kind of labels per batch, in random order."""
    batches = []
    for indices in groups.values():
        order = rng.permutation(indices)
        batches += [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[index] for index in rng.permutation(len(batches))]
