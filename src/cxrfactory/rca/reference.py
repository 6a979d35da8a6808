"""The reference set of RCA: labelled images at registration size, with their latent means."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float32, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_labels, graph_of_nodes, landmark_graph
from cxrfactory.anatomy.organs import HEART, ORGANS
from cxrfactory.config.rca import RcaReferenceConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.rca.labels import label_codes
from cxrfactory.rca.score import Reference, resized
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.parquet import read_table, stored_graph, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.weights import read_weights

log = get_logger(__name__)

REFERENCE = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("png", pa.binary(), nullable=False),  # 8-bit grey PNG, registration size squared
        # float32 [nodes * 2], x0, y0, ... in pixels of that image: the lungs, then the heart where the graph has one
        pa.field("landmarks", pa.list_(pa.float32()), nullable=False),
        pa.field("latent", pa.list_(pa.float32()), nullable=False),  # latent mean
    ]
)

Encode = Callable[[UInt8[np.ndarray, "h w"]], Float32[np.ndarray, " latent"]]


@dataclass(frozen=True)
class ReferenceSet:
    """References in the order of their ids, with their latent means [references, latent] and their side in pixels."""

    references: list[Reference]
    latents: Float32[np.ndarray, "references latent"]
    size: int
    has_heart: bool

    @property
    def ids(self) -> list[str]:
        """Ids of the references, in order."""
        return [each.image_id for each in self.references]


def is_reference(image_id: str, fraction: float) -> bool:
    """Return whether a labelled image belongs to the reference set: a stable hash of its id is below ``fraction``."""
    return put_aside(image_id, "rca-reference", fraction)


def encoder_of(weights: str | Path, device: str = "cpu") -> tuple[Encode, LandmarkGraph]:
    """Return a function from one 8-bit square image to its latent mean, and the graph of the weights.

    Raises
    ------
    CxrError
        If the weights are unreadable, or their network has no latent code.
    """
    from cxrfactory.models.segmenter import Segmenter

    segmenter = Segmenter(*read_weights(weights), device=device, source=str(weights))
    return segmenter.latent_mean, segmenter.graph


def build_reference(
    labelled: str | Path,
    output: str | Path,
    encode: Encode,
    graph: LandmarkGraph,
    settings: RcaReferenceConfig,
    split: str | None = None,
) -> int:
    """Write the reference set.

    Parameters
    ----------
    labelled
        Parquet of schema ``LABELLED_IMAGES``.
    output
        Parquet to write, schema ``REFERENCE``.
    encode, graph
        Results of :func:`encoder_of`. Where the graph has a heart, only images with a labelled heart are kept. Images
        whose labels follow another definition of the organs than the graph are left out.
    settings
        Share of the labelled images to take, by a stable hash of the id (thesis section 5: 80 %), and side of the
        reference images in pixels.
    split
        If given, only images of this split of the table are used.

    Returns
    -------
    int
        Number of references.

    Raises
    ------
    CxrError
        If no image is left, or an image's landmarks do not fit its label code or cover no pixel.
    """
    size, fraction = settings.size, settings.fraction
    table = read_table(labelled, LABELLED_IMAGES).sort_values("image_id")
    if split is not None:
        table = table[table["split"] == split]
    with_heart = HEART in graph.organs
    wanted = landmark_graph("lungs-heart") if with_heart else graph
    rows: list[dict[str, Any]] = []
    chosen = [row for row in table.to_dict("records") if is_reference(row["image_id"], fraction)]
    for row in progress(chosen, "rca-reference"):
        where = f"{labelled}: image '{row['image_id']}'"
        own = graph_of_labels(row["labels"], where)
        points = np.asarray(row["landmarks"], np.float32).reshape(-1, 2)
        if len(points) != own.nodes:
            raise CxrError(f"{where}: {len(points)} landmarks; labels '{row['labels']}' expect {own.nodes}")
        if own.definition != wanted.definition or not set(wanted.organs) <= set(own.organs):
            continue
        points = ((points[: wanted.nodes] + 0.5) * (size / row["size"]) - 0.5).astype(np.float32)
        codes = label_codes(points, wanted, size, size)
        empty = [organ for bit, organ in enumerate(ORGANS) if organ in wanted.organs and not (codes >> bit & 1).any()]
        if empty:
            raise CxrError(f"{where}: {', '.join(empty)} covers no pixel at {size} x {size}; mend its landmarks")
        image = decode_png(row["png"])
        rows.append(
            {
                "image_id": row["image_id"],
                "png": encode_png(resized(image, size)),
                "landmarks": points.ravel(),
                "latent": encode(image),
            }
        )
    if not rows:
        raise CxrError(
            f"{labelled}: no image is left for the reference set; RCA needs images with labels of '{wanted.name}'"
        )
    write_table(pd.DataFrame(rows), output, REFERENCE, graph=wanted.name)
    log.info(
        "%s: %d labelled images, %d in the fraction of %g, %d with labels of '%s'; wrote %s",
        labelled, len(table), len(chosen), fraction, len(rows), wanted.name, output,
    )  # fmt: skip
    return len(rows)


def check_definition(landmarks: str | Path, reference: str | Path) -> None:
    """Raise an error if landmarks and references define the organs differently.

    Raises
    ------
    CxrError
        If the definitions differ, or a table is unreadable.
    """
    names = [stored_graph(path) or "lungs" for path in (landmarks, reference)]
    mine, other = (landmark_graph(name).definition for name in names)
    if mine != other:
        raise CxrError(
            f"{landmarks}: landmarks by the definition '{mine}', {reference}: references by '{other}'; make both with "
            "the same weights"
        )


def read_reference(path: str | Path) -> ReferenceSet:
    """Read a reference set written by :func:`build_reference`.

    Raises
    ------
    CxrError
        If the table is empty, an id occurs twice, or images or landmarks differ in size.
    """
    table = read_table(path, REFERENCE).sort_values("image_id")
    if table.empty or table["image_id"].duplicated().any():
        raise CxrError(f"{path}: {len(table)} rows; expected at least one, and each image_id once")
    images = [decode_png(png) for png in table["png"]]
    size = images[0].shape[0]
    nodes = {len(points) // 2 for points in table["landmarks"]}
    if any(image.shape != (size, size) for image in images) or len(nodes) != 1:
        raise CxrError(f"{path}: images or landmarks of several sizes; make the file again with rca-reference")
    graph = graph_of_nodes(nodes.pop())
    references = [
        Reference(image_id, image, label_codes(np.asarray(points), graph, size, size))
        for image_id, image, points in zip(table["image_id"], images, table["landmarks"], strict=True)
    ]
    return ReferenceSet(references, np.stack(table["latent"].to_list()), size, HEART in graph.organs)


def library_digest(path: str | Path) -> str:
    """Compute the SHA-256 of a reference set's content; it does not depend on the compression of the file."""
    table = read_table(path, REFERENCE).sort_values("image_id")
    digest = hashlib.sha256(f"{stored_graph(path)}\0{len(table)}".encode())
    for row in table.itertuples(index=False):
        points, latent = (np.asarray(each, "<f4").tobytes() for each in (row.landmarks, row.latent))
        for part in (row.image_id.encode(), row.png, points, latent):
            digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
