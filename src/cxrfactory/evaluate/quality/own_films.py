"""True Dice of a run's masks on the user's own films, from a labelled table or from a reader's corrections."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.anatomy.graph import JSRT, WHOLE_LUNGS, LandmarkGraph, graph_of_nodes, landmark_graph
from cxrfactory.anatomy.organs import BOTH_LUNGS, LUNGS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.truth import StudyImage, TrueMask, read_images
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.turns import displayed_points, lies_on_its_side
from cxrfactory.logs import get_logger
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.parquet import read_table, stored_graph
from cxrfactory.tables.rows import Row
from cxrfactory.tables.schemas import GEOMETRY_FIELDS, LANDMARKS

Masks = dict[str, np.ndarray]
_OPTIONS = {JSRT: "lungs", WHOLE_LUNGS: "whole-lungs"}  # definition of the lungs -> value of --definition

log = get_logger(__name__)


def dice_of_labelled(landmarks: Sequence[str | Path], labelled: Sequence[str | Path]) -> pd.DataFrame:
    """Compare the masks of landmark shards with labelled images of the same ids, by the landmarks' definition.

    The landmarks are carried into the frame of the labelled image. Its crop may differ from that of the run, and it may
    show upright what the run's file holds turned; its picture must have the pixels of the run's film.

    Parameters
    ----------
    landmarks
        Landmark shards of a run over the same films.
    labelled
        Preprocessed labelled tables, schema ``LABELLED_IMAGES``: contours or drawn masks. Their ids are those of the
        landmarks, or begin with the source and a hyphen, as ``label masks`` writes them.

    Returns
    -------
    One row for each image that occurs in both: ``image_id``, and ``dice_ORGAN`` of each organ with a truth.

    Raises
    ------
    CxrError
        If a table is unreadable or empty, no image occurs in both, or the pictures of an image differ in size.
    """
    found = read_images(labelled, None, _sources(labelled))
    cases = {case.image_id.removeprefix(f"{case.source}-"): case for case in found}
    cases |= {case.image_id: case for case in found}
    frames, mine = _frames(labelled), _frames(landmarks)
    rows: list[Row] = []
    otherwise: dict[str, list[str]] = {}  # definition of the run's lungs -> images whose lungs have another one
    for image_id, points, graph in _landmarks(landmarks, set(cases)):
        case = cases[image_id]
        points = into_frame(image_id, points, mine[image_id], frames[case.image_id])
        if case.definitions() and graph.definition not in case.definitions():
            otherwise.setdefault(graph.definition, []).append(image_id)
        rows.append({"image_id": image_id} | _against(_filled(points, graph, case.size), case, graph))
    for definition, ids in otherwise.items():
        log.warning(
            "%s: the lungs of %d images, first '%s', are not drawn by the run's definition and do not count; label "
            "them again with --definition %s", ", ".join(map(str, labelled)), len(ids), ids[0], _OPTIONS[definition],
        )  # fmt: skip
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
    sizes = {name: frame.size for name, frame in _frames(landmarks).items()}
    for image_id, mine, graph in _landmarks(landmarks, set(corrected)):
        points = np.asarray(corrected[image_id], np.float64)
        if points.shape != (graph.nodes, 2):
            raise CxrError(f"{', '.join(map(str, annotations))}: image '{image_id}' has {len(points)} landmarks; the "
                           f"run's graph '{graph.name}' has {graph.nodes}")  # fmt: skip
        masks, truth = (_filled(each, graph, sizes[image_id]) for each in (mine, points))
        rows.append({"image_id": image_id} | {f"dice_{organ}": dice(masks[organ], truth[organ]) for organ in truth})
    return _table(rows, landmarks, annotations)


def _sources(labelled: Sequence[str | Path]) -> list[str]:
    """Return all sources, so that no split is left out: the user's films were not used for training."""
    return sorted({source for path in labelled for source in read_table(path, columns=["source"])["source"]})


def into_frame(
    image_id: str, points: Float[np.ndarray, "nodes 2"], mine: Geometry, labelled: Geometry
) -> Float[np.ndarray, "nodes 2"]:
    """Return landmarks of a run's frame in the frame of a labelled image of the same film.

    Parameters
    ----------
    image_id
        Image id, for the message.
    points
        (x, y) in the run's preprocessed frame.
    mine, labelled
        Geometry of the run's image and of the labelled one, whose picture is the film as it is stored, or upright.

    Raises
    ------
    CxrError
        If the pictures differ in size.
    """
    if mine == labelled:
        return points
    on_film, shape = mine.inverse_points(points), (mine.original_height, mine.original_width)
    if labelled.orientation != mine.orientation and labelled.orientation == 1:
        on_film = displayed_points(on_film, mine.letters, *shape)
        shape = shape[::-1] if lies_on_its_side(mine.letters) else shape
    elif labelled.orientation != mine.orientation:
        raise CxrError(f"image '{image_id}': labelled on a picture of orientation {labelled.orientation}, the run read "
                       f"one of {mine.orientation}; expected the same film; label the exported pictures")  # fmt: skip
    if shape != (labelled.original_height, labelled.original_width):
        raise CxrError(f"image '{image_id}': labelled on a picture of {labelled.original_height} x "
                       f"{labelled.original_width} pixels; the run's film has {shape[0]} x {shape[1]}; expected the "
                       "same film, at its full size")  # fmt: skip
    return labelled.forward_points(on_film)


def _frames(tables: Sequence[str | Path]) -> dict[str, Geometry]:
    """Return the geometry of each image of some tables, by image id."""
    columns = [field.name for field in GEOMETRY_FIELDS]
    frames = (read_table(path, columns=["image_id", *columns]) for path in tables)
    return {row["image_id"]: Geometry.from_row(row) for frame in frames for row in frame.to_dict("records")}


def _landmarks(
    landmarks: Sequence[str | Path], wanted: set[str]
) -> Iterator[tuple[str, Float[np.ndarray, "nodes 2"], LandmarkGraph]]:
    for path in landmarks:
        name = stored_graph(path)
        for row in read_table(path, LANDMARKS, ["image_id", "landmarks"]).itertuples(index=False):
            if row.image_id in wanted:
                points = np.asarray(row.landmarks, np.float64).reshape(-1, 2)
                yield (
                    row.image_id,
                    points,
                    graph_of_nodes(len(points), str(path)) if name is None else landmark_graph(name),
                )


def _filled(points: np.ndarray, graph: LandmarkGraph, size: int) -> Masks:
    masks = {organ: mask.astype(bool) for organ, mask in landmarks_to_masks(points, graph, size, size).items()}
    return masks | {BOTH_LUNGS: masks[LUNGS[0]] | masks[LUNGS[1]]}


def _against(masks: Mapping[str, np.ndarray], case: StudyImage, graph: LandmarkGraph) -> Row:
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
