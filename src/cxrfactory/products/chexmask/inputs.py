"""Read the packer's inputs: manifest, rejected tables, RCA scores, and landmark shards as one sorted stream."""

import heapq
import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import JSRT, graph_of_nodes, landmark_graph
from cxrfactory.config.estimate import FlagConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.products.accounts import ReleaseNames
from cxrfactory.products.chexmask.rows import LandmarkRow, Scores
from cxrfactory.tables.parquet import read_batches, read_table, stored_graph
from cxrfactory.tables.schemas import GEOMETRY_FIELDS, LANDMARKS, MANIFEST, RCA, SCORE_FIELDS
from cxrfactory.tables.signals import EVIDENCE, LATENT_NORM

# Rows in memory over all open shards together, so that memory does not grow with the number of shards.
ROWS_AT_A_TIME = 4096
_OTHER_FILES = 256  # files that a process has open besides the shards: libraries, tables, workers' pipes

_POINT_COLUMNS = ("landmarks", "landmarks_mean", "landmarks_std")
_SIGNAL_COLUMNS = (EVIDENCE, LATENT_NORM)
_SCORE_COLUMNS = [field.name for field in SCORE_FIELDS]


@dataclass(frozen=True)
class ChexmaskInputs:
    """Stage outputs of one release: Parquet of the schemas ``MANIFEST``, ``LANDMARKS``, ``RCA``, ``REJECTED``.

    The rejected tables are those of preprocess, infer and rca. If a calibration (a file of ``rca-calibrate``, or a
    quality calibration) is given, the product's Parquet also holds estimates of the true Dice with their intervals.
    ``flags`` says which images are flagged by a quality calibration.
    """

    manifest: str | Path
    landmarks: Sequence[str | Path]
    rca: Sequence[str | Path]
    rejected: Sequence[str | Path] = ()
    calibration: str | Path | None = None
    flags: FlagConfig = field(default_factory=FlagConfig)


@dataclass(frozen=True)
class TableNames(ReleaseNames):
    """The names of a release, and the name of its id column (``id_column``), e.g. ``dicom_id``."""

    id_column: str


def read_manifest(path: str | Path) -> tuple[list[str], pd.DataFrame]:
    """Read a manifest.

    Returns
    -------
    The included image ids in order, and the excluded rows (``image_id``, ``exclusion_reason``).

    Raises
    ------
    CxrError
        If an id appears twice, or an excluded row has no reason.
    """
    frame = read_table(path, MANIFEST, columns=["image_id", "included", "exclusion_reason"])
    _refuse_duplicates(str(path), frame["image_id"])
    excluded = frame.loc[~frame["included"], ["image_id", "exclusion_reason"]].sort_values("image_id")
    silent = excluded["exclusion_reason"].isna()
    if silent.any():
        first = excluded.loc[silent, "image_id"].iloc[0]
        raise CxrError(f"{path}: {int(silent.sum())} excluded rows have no exclusion_reason, first '{first}'")
    return sorted(frame.loc[frame["included"], "image_id"]), excluded


def read_scores(paths: Sequence[str | Path]) -> dict[str, Scores]:
    """Read the RCA shards, by image id.

    Raises
    ------
    CxrError
        If an image has two rows.
    """
    frames = [read_table(path, RCA, columns=["image_id", *_SCORE_COLUMNS]) for path in paths]
    frame = pd.concat(frames, ignore_index=True)
    _refuse_duplicates("RCA shards", frame["image_id"])
    rows = zip(frame["image_id"], *(frame[name].tolist() for name in _SCORE_COLUMNS), strict=True)
    return {
        image_id: Scores(
            **{
                name: None if name.startswith(("heart", "typicality", "mirrored")) and value != value else value
                for name, value in zip(_SCORE_COLUMNS, values, strict=True)
            }
        )
        for image_id, *values in rows
    }


def graph_name(paths: Sequence[str | Path]) -> str | None:
    """Find the shards' graph by the number of nodes; return its name, or None if all shards are empty.

    Raises
    ------
    CxrError
        If no graph has this number of nodes, or the graph defines the lungs differently from CheXmask.
    """
    for path in paths:
        name = stored_graph(path)
        if name is not None and landmark_graph(name).definition != JSRT:
            raise CxrError(
                f"{path}: landmarks of graph '{name}' ({landmark_graph(name).definition_text}); CheXmask's lungs are "
                "JSRT's: use weights of 'lungs' or 'lungs-heart'"
            )
    for path in paths:
        for batch in _batches(path, ["landmarks"], 1):
            if batch.num_rows:
                return graph_of_nodes(len(batch.column("landmarks")[0]) // 2, str(path)).name
    return None


def merged_landmarks(paths: Sequence[str | Path], nodes: int) -> Iterator[LandmarkRow]:
    """Iterate over the rows of all landmark shards, sorted by image id across shards.

    Raises
    ------
    CxrError
        If a shard is not sorted, an id appears twice, or a row has a different number of nodes.
    """
    previous = None
    rows = max(ROWS_AT_A_TIME // max(len(paths), 1), 1)
    _allow_open_files(len(paths))
    shards = [_rows(path, nodes, rows) for path in sorted(map(str, paths))]
    for prediction in heapq.merge(*shards, key=lambda row: row.image_id):
        if prediction.image_id == previous:
            raise CxrError(f"landmark shards: image '{previous}' appears twice")
        previous = prediction.image_id
        yield prediction


def _allow_open_files(count: int) -> None:
    """Raise the soft limit of open files (often 1,024), as far as the system allows, if the shards need more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _rows(path: str | Path, nodes: int, rows: int) -> Iterator[LandmarkRow]:
    geometry_names = [field.name for field in GEOMETRY_FIELDS]
    previous = None
    for batch in _batches(path, ["image_id", *_POINT_COLUMNS, *geometry_names, *_SIGNAL_COLUMNS], rows):
        ids = batch.column("image_id").to_pylist()
        points = {}
        for name in _POINT_COLUMNS:
            column = batch.column(name)
            lengths = np.diff(column.offsets.to_numpy())
            if (lengths != 2 * nodes).any():
                row = int(np.flatnonzero(lengths != 2 * nodes)[0])
                raise CxrError(
                    f"{path}: image '{ids[row]}': {name} holds {lengths[row]} numbers; expected {2 * nodes} as in "
                    "the other rows"
                )
            points[name] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, nodes, 2)
        geometry = [batch.column(name).to_pylist() for name in geometry_names]
        known = {name: batch.column(name).to_pylist() for name in _SIGNAL_COLUMNS}
        for index, image_id in enumerate(ids):
            if previous is not None and image_id < previous:
                raise CxrError(f"{path}: image '{image_id}' stands after '{previous}'; expected rows sorted by id")
            previous = image_id
            record = {name: values[index] for name, values in zip(geometry_names, geometry, strict=True)}
            yield LandmarkRow(
                image_id,
                *(points[name][index] for name in _POINT_COLUMNS),
                geometry=Geometry.from_row(record),
                **{name: values[index] for name, values in known.items()},
            )


def _batches(path: str | Path, columns: list[str], rows: int) -> Iterator:
    yield from read_batches(path, columns, rows, LANDMARKS)


def _refuse_duplicates(where: str, ids: pd.Series) -> None:
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise CxrError(f"{where}: {len(repeated)} image ids appear more than once, first '{repeated.iloc[0]}'")
