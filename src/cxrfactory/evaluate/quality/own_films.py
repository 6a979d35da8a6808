"""True Dice of a run's masks on the user's own films, from a labelled table or from a reader's corrections."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_nodes, landmark_graph
from cxrfactory.anatomy.organs import BOTH_LUNGS, LUNGS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.truth import StudyImage, TrueMask, read_images
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.parquet import read_table, stored_graph
from cxrfactory.tables.rows import Row
from cxrfactory.tables.schemas import GEOMETRY_FIELDS, LANDMARKS

Masks = dict[str, np.ndarray]
_GEOMETRY = ", ".join(field.name for field in GEOMETRY_FIELDS)


def dice_of_labelled(landmarks: Sequence[str | Path], labelled: Sequence[str | Path]) -> pd.DataFrame:
    """Compare the masks of landmark shards with labelled images of the same ids, by the landmarks' definition.

    Parameters
    ----------
    landmarks
        Landmark shards of a run over the same preprocessed images.
    labelled
        Preprocessed labelled tables, schema ``LABELLED_IMAGES``: contours or drawn masks. Their ids are those of the
        landmarks, or begin with the source and a hyphen, as ``label masks`` writes them.

    Returns
    -------
    One row for each image that occurs in both: ``image_id``, and ``dice_ORGAN`` of each organ with a truth.

    Raises
    ------
    CxrError
        If a table is unreadable, no image occurs in both, or the frames differ.
    """
    found = read_images(labelled, None, _sources(labelled))
    cases = {case.image_id.removeprefix(f"{case.source}-"): case for case in found}
    cases |= {case.image_id: case for case in found}
    frames, mine = _frames(labelled), _frames(landmarks)
    rows: list[Row] = []
    for image_id, masks, graph, size in _masks(landmarks, set(cases)):
        case = cases[image_id]
        if frames[case.image_id] != mine[image_id]:
            raise CxrError(f"image '{image_id}': labelled in another frame than its landmarks ({_GEOMETRY}: "
                           f"{frames[case.image_id]}, {mine[image_id]}); preprocess both alike")  # fmt: skip
        rows.append({"image_id": image_id} | _against(masks, case, graph, size))
    return _table(rows, landmarks, labelled)


def dice_of_corrections(landmarks: Sequence[str | Path], annotations: Sequence[str | Path]) -> pd.DataFrame:
    """Compare the masks of landmark shards with a reader's corrections of them.

    Parameters
    ----------
    landmarks
        Landmark shards of the run whose masks were corrected.
    annotations
        Tables of ``gold-import`` (``{release}_annotations.csv``), which come from an export of Label Studio. Their
        landmarks are in the preprocessed frame.

    Returns
    -------
    As :func:`dice_of_labelled` does; all organs of the graph have a truth.

    Raises
    ------
    CxrError
        If a table is unreadable, no image occurs in both, or the number of landmarks differs.
    """
    frame = pd.concat([read_chexmask(path, ["Landmarks"]) for path in annotations], ignore_index=True)
    if (twice := frame["image_id"].duplicated()).any():
        raise CxrError(f"{', '.join(map(str, annotations))}: image '{frame.loc[twice, 'image_id'].iloc[0]}' occurs "
                       "twice; give the corrections of one reader")  # fmt: skip
    corrected = dict(zip(frame["image_id"], frame["Landmarks"], strict=True))
    rows: list[Row] = []
    for image_id, masks, graph, size in _masks(landmarks, set(corrected)):
        points = np.asarray(corrected[image_id], np.float64)
        if points.shape != (graph.nodes, 2):
            raise CxrError(f"{', '.join(map(str, annotations))}: image '{image_id}' has {len(points)} landmarks; the "
                           f"run's graph '{graph.name}' has {graph.nodes}")  # fmt: skip
        truth = _filled(points, graph, size)
        rows.append({"image_id": image_id} | {f"dice_{organ}": dice(masks[organ], truth[organ]) for organ in truth})
    return _table(rows, landmarks, annotations)


def _sources(labelled: Sequence[str | Path]) -> list[str]:
    """Return all sources, so that no split is left out: the user's films were not used for training."""
    return sorted({source for path in labelled for source in read_table(path, columns=["source"])["source"]})


def _frames(tables: Sequence[str | Path]) -> dict[str, tuple[int, ...]]:
    """Return the geometry of each image of some tables: the file's shape, the crop and the size, by image id."""
    columns = [field.name for field in GEOMETRY_FIELDS]
    frames = (read_table(path, columns=["image_id", *columns]) for path in tables)
    return {row[0]: tuple(map(int, row[1:])) for frame in frames for row in frame.itertuples(index=False)}


def _masks(landmarks: Sequence[str | Path], wanted: set[str]) -> Iterator[tuple[str, Masks, LandmarkGraph, int]]:
    for path in landmarks:
        name = stored_graph(path)
        for row in read_table(path, LANDMARKS, ["image_id", "landmarks", "size"]).itertuples(index=False):
            if row.image_id in wanted:
                points = np.asarray(row.landmarks, np.float64).reshape(-1, 2)
                graph = graph_of_nodes(len(points), str(path)) if name is None else landmark_graph(name)
                yield row.image_id, _filled(points, graph, int(row.size)), graph, int(row.size)


def _filled(points: np.ndarray, graph: LandmarkGraph, size: int) -> Masks:
    masks = {organ: mask.astype(bool) for organ, mask in landmarks_to_masks(points, graph, size, size).items()}
    return masks | {BOTH_LUNGS: masks[LUNGS[0]] | masks[LUNGS[1]]}


def _against(masks: Mapping[str, np.ndarray], case: StudyImage, graph: LandmarkGraph, size: int) -> Row:
    if case.size != size:
        raise CxrError(f"image '{case.image_id}': labelled in a frame of {case.size} pixels, landmarks in one of "
                       f"{size}; preprocess both alike")  # fmt: skip
    truth: dict[str, TrueMask] = case.truth(graph.definition)
    if set(LUNGS) <= set(truth):
        truth[BOTH_LUNGS] = truth[LUNGS[0]] | truth[LUNGS[1]]
    return {f"dice_{organ}": dice(*true.compared_with(masks[organ])) for organ, true in truth.items() if organ in masks}


def _table(rows: list[Row], landmarks: Sequence[str | Path], truth: Sequence[str | Path]) -> pd.DataFrame:
    if not rows:
        raise CxrError(
            f"{', '.join(map(str, truth))}: none of its images is in the landmark shards "
            f"({', '.join(map(str, landmarks))}); expected films of that run, by the same image_id"
        )
    return pd.DataFrame(rows).sort_values("image_id", kind="stable").reset_index(drop=True)
