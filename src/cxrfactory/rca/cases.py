"""Images with known true masks, together with masks of every quality to score."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_nodes
from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.metrics.uncertainty import organ_spread
from cxrfactory.rca.labels import Codes, join_masks, label_codes
from cxrfactory.rca.score import resized
from cxrfactory.rca.spoil import KINDS, MASK_KINDS, spoil, spoil_codes
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import GEOMETRY_FIELDS

SEVERITIES = (0.25, 0.5, 0.75, 1.0)

Encode = Callable[[UInt8[np.ndarray, "h w"]], Float[np.ndarray, " latent"]]
Answer = Callable[[UInt8[np.ndarray, "s s"], int], Codes]  # a model: from square image and side of the map to codes


@dataclass(frozen=True)
class CheckedImage:
    """An image with landmarks and true masks, all in one square frame.

    Attributes
    ----------
    image_id, image
        Id and 8-bit image [row, column].
    latent
        Latent mean of the image.
    landmarks
        Predicted or true landmarks, (x, y) in pixels of the image.
    truth
        True masks, as a map of codes.
    spread
        Uncertainty of the prediction by organ (:func:`cxrfactory.metrics.uncertainty.organ_spread`), where known.
    answers
        Masks of other models by model name.
    """

    image_id: str
    image: UInt8[np.ndarray, "rows columns"]
    latent: Float[np.ndarray, " latent"]
    landmarks: Float[np.ndarray, "nodes 2"]
    truth: Codes
    spread: Mapping[str, float] | None = None
    answers: Mapping[str, Codes] = field(default_factory=dict)

    @property
    def graph(self) -> LandmarkGraph:
        """Landmark graph of the landmarks."""
        return graph_of_nodes(len(self.landmarks))

    def candidates(
        self, other: Float[np.ndarray, "nodes 2"], severities: Sequence[float] = SEVERITIES
    ) -> Iterator[tuple[str, float, Codes]]:
        """Yield the masks to score as (kind, severity, map of codes).

        Kind ``none`` is the case's own mask. Then follow all ways to spoil it (:mod:`cxrfactory.rca.spoil`); ``swap``
        uses the landmarks ``other`` of another patient. Kind ``model NAME`` is the mask of another model.
        """
        size, graph = self.image.shape[0], self.graph
        own = label_codes(self.landmarks, graph, size, size)
        yield "none", 0.0, own
        for kind in KINDS:
            for severity in severities:
                spoiled = spoil(self.landmarks, graph, kind, severity, self.image_id, size, other)
                yield kind, severity, label_codes(spoiled, graph, size, size)
        for kind in MASK_KINDS:
            for severity in severities:
                yield kind, severity, spoil_codes(own, kind, severity, self.image_id)
        for name, codes in self.answers.items():
            yield f"model {name}", 0.0, codes


def cases_of_truth(
    images: Sequence[str | Path],
    landmarks: Sequence[str | Path],
    truth: str | Path,
    count: int,
    size: int,
) -> list[CheckedImage]:
    """Read ``count`` images of some shards, chosen by a hash of their ids, with predictions and true masks.

    The true masks are PNG images at the original size. The image's geometry transforms them to ``size``; a pixel
    belongs to an organ that covers at least half of it.

    Raises
    ------
    CxrError
        If a table lacks a column, an id occurs twice, or no image is in all three tables.
    """
    geometry_columns = [field.name for field in GEOMETRY_FIELDS]
    columns = ["image_id", "landmarks", "landmarks_std", "latent", *geometry_columns]
    predicted = pd.concat([read_table(path, columns=columns) for path in landmarks], ignore_index=True)
    known = read_table(truth, columns=["image_id", *ORGANS])
    for name, frame in (("landmarks", predicted), (str(truth), known)):
        if frame["image_id"].duplicated().any():
            raise CxrError(f"{name}: an image_id occurs twice; check one release at a time")
    merged = predicted.merge(known, on="image_id")
    merged = merged.sort_values("image_id", key=lambda ids: ids.map(lambda each: seed_of(each, "rca-check")))
    merged = merged.head(count)
    pictures = [read_table(path, columns=["image_id", "png"]) for path in images]
    pictures = [frame[frame["image_id"].isin(merged["image_id"])] for frame in pictures]
    merged = merged.merge(pd.concat(pictures), on="image_id")
    if merged.empty:
        raise CxrError(f"no image_id is in the images, the landmarks and {truth}; give tables of one run")
    cases = []
    for row in merged.to_dict("records"):
        geometry = dataclasses.replace(Geometry.from_row(row), size=size)
        organs = {
            organ: geometry.forward_image(np.where(decode_png(row[organ]) > 0, 255, 0).astype(np.uint8)) >= 128
            for organ in ORGANS
        }
        points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
        cases.append(
            CheckedImage(
                row["image_id"],
                resized(decode_png(row["png"]), size),
                np.asarray(row["latent"]),
                (points + 0.5) * (size / row["size"]) - 0.5,
                join_masks(organs),
                organ_spread(np.asarray(row["landmarks_std"]).reshape(-1, 2), graph_of_nodes(len(points)), row["size"]),
            )
        )
    return cases


def cases_of_labelled(
    labelled: str | Path,
    encode: Encode,
    ids: Iterable[str],
    size: int,
    models: Mapping[str, Answer] | None = None,
) -> list[CheckedImage]:
    """Take labelled images as cases; their own landmarks are both prediction and truth.

    Parameters
    ----------
    labelled
        Parquet of schema ``LABELLED_IMAGES``.
    encode
        Function that returns the latent mean of an image.
    ids
        Ids of the images to take.
    size
        Side of the cases' frame, in pixels.
    models
        Models by name, whose masks are also scored.
    """
    table = read_table(labelled, columns=["image_id", "png", "landmarks", "size"]).set_index("image_id")
    cases = []
    for image_id in ids:
        row = table.loc[image_id]
        image = decode_png(row["png"])
        points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
        scaled = (points + 0.5) * (size / row["size"]) - 0.5
        truth = label_codes(scaled, graph_of_nodes(len(points)), size, size)
        answers = {name: model(image, size) for name, model in (models or {}).items()}
        cases.append(CheckedImage(image_id, resized(image, size), encode(image), scaled, truth, None, answers))
    return cases


def masks_of(weights: str | Path) -> Answer:
    """Open any trained landmark or pixel segmenter as a function that returns its masks as maps of codes."""
    from cxrfactory.models.segmenter import Segmenter
    from cxrfactory.tables.weights import read_weights

    segmenter = Segmenter(*read_weights(weights), source=str(weights))

    def answer(image: UInt8[np.ndarray, "s s"], size: int) -> Codes:
        masks = segmenter(image, size).masks
        return join_masks({name: mask.astype(bool) for name, mask in masks.items() if name in ORGANS})

    return answer
