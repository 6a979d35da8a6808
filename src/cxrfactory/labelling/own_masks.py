"""Convert the factory's own output to a labelled set: images with predicted landmarks, for training on them.

This is tier 3 of the technical validation (CheXmask, "Validation via retraining"): a model that is trained only on good
masks agrees well with expert annotations.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.anatomy.graph import LABEL_GRAPHS, LandmarkGraph, landmark_graph
from cxrfactory.config.studies import OwnMasksConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.keys import put_aside, seed_of
from cxrfactory.tables.parquet import read_batches, read_table, stored_graph, write_table
from cxrfactory.tables.schemas import GEOMETRY_FIELDS, IMAGES, LABELLED_IMAGES, LANDMARKS, MANIFEST, RCA, REJECTED
from cxrfactory.tables.streaming import write_rows

log = get_logger(__name__)

STAGE = "own-masks"
_PERSON = ["sex", "age"]  # columns of the manifest that the labels take over
ROWS_PER_GROUP = 64
_CODES = {graph: code for code, graph in LABEL_GRAPHS.items()}
_JSRT_GRAPHS = {landmark_graph(name).nodes: name for name in ("lungs", "lungs-heart", "lungs-heart-clavicles")}


@dataclass(frozen=True)
class RunShards:
    """Parquet shards of one run with the schemas ``IMAGES``, ``LANDMARKS`` and ``RCA``; the order does not matter."""

    images: Sequence[str | Path]
    landmarks: Sequence[str | Path]
    rca: Sequence[str | Path]


def label_own_masks(
    shards: RunShards,
    manifest: str | Path,
    output: str | Path,
    rejected: str | Path,
    source: str,
    settings: OwnMasksConfig,
    without: str | Path | None = None,
) -> tuple[int, int]:
    """Write a release's images and predicted landmarks as a labelled table.

    Parameters
    ----------
    shards
        Shards of the release.
    manifest
        Manifest of the release, which names the patients, with sex and age where it knows them. An image without a
        patient counts as a patient of its own.
    output
        Parquet file to write, schema ``LABELLED_IMAGES``, with rows sorted by ``image_id``. Its bytes depend on the
        images and not on their distribution over shards. Ids and patients are ``{source}-{id}``. Landmarks are copied
        from the shards and are in the preprocessed frame.
    rejected
        Table to write of the images that are excluded because of their score or their patient, schema ``REJECTED``.
    source
        Name of the release in the tables.
    settings
        ``at_least`` is the smallest RCA mean of an image, in [0, 1]. ``count`` is the largest number of images; a hash
        of the id selects them. ``val_fraction`` is the share of patients for validation; a hash of the patient selects
        them, so that no patient is in both splits. If it is not 0 and there are two or more patients, at least one
        patient is for validation.
    without
        Labelled table (``LABELLED_IMAGES``). Patients with an image in its split ``val`` are excluded; their images are
        found by id or file name. Releases and labelled sets may overlap (PadChest), and validation images must not be
        part of the training data.

    Returns
    -------
    Numbers of images written and excluded.

    Raises
    ------
    CxrError
        If a table is unreadable, if an image occurs twice, lacks its picture or is not included in the manifest, if the
        landmarks belong to no known graph, or if no image is left.
    """
    graph = _graph(shards.landmarks)
    points = _landmarks(shards.landmarks, graph)
    scores = pd.concat([read_table(path, RCA, columns=["image_id", "dice_rca_mean"]) for path in shards.rca])
    table = points.join(_unique(scores, "RCA shards"), how="left").join(_patients(manifest), how="left")
    if (strange := ~table["included"].eq(True)).any():
        raise CxrError(f"{manifest}: image '{table.index[strange][0]}' is not among its included; expected all")
    own = f"{source}-" + table.index.to_series()
    table["patient"] = (f"{source}-" + table["patient_id"]).where(table["patient_id"].notna(), own)
    reasons = _reasons(table, settings.at_least, without)
    kept = table[[not reason for reason in reasons]]
    order = sorted(kept.index, key=lambda image_id: (seed_of(image_id, STAGE), image_id))
    kept = kept.loc[sorted(order[: settings.count])]
    log.info("%s: %d images with landmarks, %d fit (RCA mean %g or more), %d taken", source, len(table), len(order),
             settings.at_least, len(kept))  # fmt: skip
    if kept.empty:
        raise CxrError(
            f"{source}: none of {len(table)} images has an RCA mean of {settings.at_least:g} or more; lower --at-least"
        )
    faults = [
        {"image_id": image_id, "path": None, "stage": STAGE, "reason": reason}
        for image_id, reason in zip(table.index, reasons, strict=True)
        if reason
    ]
    val = _put_aside(set(kept["patient"]), settings.val_fraction)
    rows = (
        _row(image, kept.loc[image["image_id"]], graph, source, val)
        for image in progress(_pictures(shards.images, set(kept.index)), STAGE, len(kept))
    )
    written, _ = write_rows(rows, output, LABELLED_IMAGES, ROWS_PER_GROUP)
    if written != len(kept):
        raise CxrError(
            f"{source}: {len(kept) - written} images have landmarks but no picture; give the shards of one run"
        )
    write_table(pd.DataFrame(faults, columns=REJECTED.names), rejected, REJECTED)
    log.info("wrote %s: %d images; %s: %d left out", output, written, rejected, len(faults))
    return written, len(faults)


def _graph(paths: Sequence[str | Path]) -> LandmarkGraph:
    """Return the landmark graph of the shards, from its stored name or else from the number of nodes."""
    for path in paths:
        name = stored_graph(path)
        if name is None:
            first = next((batch for batch in _batches(path, ["landmarks"], LANDMARKS) if batch.num_rows), None)
            if first is None:
                continue
            nodes = len(first.column("landmarks")[0]) // 2
            if nodes not in _JSRT_GRAPHS:
                raise CxrError(f"{path}: landmarks of {nodes} nodes; expected one of {sorted(_JSRT_GRAPHS)}")
            name = _JSRT_GRAPHS[nodes]
        return landmark_graph(name)
    raise CxrError(f"{len(paths)} landmark shards without a row; run the infer stage on images first")


def _landmarks(paths: Sequence[str | Path], graph: LandmarkGraph) -> pd.DataFrame:
    table = pd.concat([read_table(path, LANDMARKS, columns=["image_id", "landmarks"]) for path in paths])
    table = _unique(table, "landmark shards")
    wrong = table["landmarks"].map(len) != 2 * graph.nodes
    if wrong.any():
        raise CxrError(f"landmark shards: image '{table.index[wrong][0]}' is of another graph than '{graph.name}'")
    return table


def _patients(manifest: str | Path) -> pd.DataFrame:
    columns = ["image_id", "patient_id", "included", *_PERSON]
    return _unique(read_table(manifest, MANIFEST, columns=columns), str(manifest))


def _unique(table: pd.DataFrame, where: str) -> pd.DataFrame:
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"{where}: image '{table.loc[twice, 'image_id'].iloc[0]}' occurs twice; expected it once")
    return table.set_index("image_id").sort_index()


def _reasons(table: pd.DataFrame, at_least: float, without: str | Path | None) -> list[str]:
    """Return for each image the reason for its exclusion, or an empty text if it is kept."""
    held_back: set[str] = set()
    if without is not None:
        labelled = read_table(without, LABELLED_IMAGES, columns=["image_id", "split"])
        names = {_stem(image_id) for image_id in labelled.loc[labelled["split"] == "val", "image_id"]}
        held_back = set(table.loc[[_stem(image_id) in names for image_id in table.index], "patient"])
    reasons = []
    for score, patient in zip(table["dice_rca_mean"], table["patient"], strict=True):
        if np.isnan(score):
            reasons.append("no RCA score")
        elif score < at_least:
            reasons.append(f"RCA mean {score:.3f}; expected {at_least:g} or more")
        elif patient in held_back:
            reasons.append("the patient is in the labelled set's validation split")
        else:
            reasons.append("")
    return reasons


def _stem(image_id: str) -> str:
    name = image_id.rpartition("/")[2]
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in (".png", ".jpg", ".dcm", ".dicom") else name


def _pictures(paths: Sequence[str | Path], wanted: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the wanted images from all shards, sorted by id."""
    previous = None
    shards = [_shard_rows(path, wanted) for path in sorted(map(str, paths))]
    for row in heapq.merge(*shards, key=lambda row: row["image_id"]):
        if row["image_id"] == previous:
            raise CxrError(f"image shards: image '{previous}' occurs twice; expected it once")
        previous = row["image_id"]
        yield row


def _shard_rows(path: str, wanted: set[str]) -> Iterator[dict[str, Any]]:
    previous = ""
    for batch in _batches(path, IMAGES.names, IMAGES):
        for number, image_id in enumerate(batch.column("image_id").to_pylist()):
            if image_id < previous:
                raise CxrError(f"{path}: image '{image_id}' stands after '{previous}'; expected rows sorted by id")
            previous = image_id
            if image_id in wanted:
                yield batch.slice(number, 1).to_pylist()[0]


def _batches(path: str | Path, columns: list[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    yield from read_batches(path, columns, ROWS_PER_GROUP, schema)


def _put_aside(patients: set[str], share: float) -> set[str]:
    """Return the patients for validation.

    With few patients, no hash may lie below the share. One patient is then chosen, because training needs a validation
    set.
    """
    chosen = {patient for patient in patients if put_aside(patient, "split", share)}
    if not chosen and share > 0 and len(patients) > 1:
        chosen = {min(patients, key=lambda patient: seed_of(patient, "split"))}
    return chosen


def _row(image: dict[str, Any], facts: pd.Series, graph: LandmarkGraph, source: str, val: set[str]) -> dict[str, Any]:
    geometry = {field.name: image[field.name] for field in GEOMETRY_FIELDS}
    return {
        "image_id": f"{source}-{image['image_id']}",
        "png": image["png"],
        **geometry,
        "patient_id": facts["patient"],
        "source": source,
        "labels": _CODES[graph.name],
        "split": "val" if facts["patient"] in val else "train",
        "landmarks": facts["landmarks"],
        **{name: None if pd.isna(facts[name]) else facts[name] for name in _PERSON},
    }
