"""Build the rows of one image: landmarks in the original frame, masks, RLE, CSV lines, and the checks on them.

Landmarks are rounded to whole pixels before the masks are rasterised, so filling the ``Landmarks`` of a row reproduces
its RLE. The published CheXmask files have the same relation (155 of 155 sample images, all three organs). Masks at the
original resolution come from landmarks mapped back, never from resized masks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.organs import HEART, LUNGS, PUBLISHED_ORGANS
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.turns import displayed
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.tables.chexmask_row import published_row, whole_pixels
from cxrfactory.tables.schemas import EVIDENCE, GEOMETRY_FIELDS, SCORE_FIELDS
from cxrfactory.tables.signals import Records

_POINTS = pa.list_(pa.float32())
PRODUCT = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        *SCORE_FIELDS,
        pa.field("landmarks", _POINTS, nullable=False),  # original frame, not rounded
        pa.field("landmarks_preprocessed", _POINTS, nullable=False),  # size x size frame, not rounded
        pa.field("landmarks_mean", _POINTS, nullable=False),  # over latent samples, size x size frame
        pa.field("landmarks_std", _POINTS, nullable=False),
        pa.field("left_lung", pa.string(), nullable=False),  # RLE, original frame
        pa.field("right_lung", pa.string(), nullable=False),
        pa.field("heart", pa.string(), nullable=False),  # empty if the graph has no heart
        *GEOMETRY_FIELDS,
        pa.field("cardiothoracic_ratio", pa.float64()),  # of the upright film; null if the graph has no heart
        pa.field("uncertainty", pa.float64(), nullable=False),  # mean over the landmarks, size x size frame, pixels
        # Byte at which the row starts in OriginalResolution/<Release>.csv, so that one row is read without the rest.
        pa.field("csv_start", pa.int64(), nullable=False),
    ]
)

ESTIMATE_ENDS = ("dice_estimate", "dice_low", "dice_high")
# Columns after the scores if a calibration is given: estimate of the true Dice and its interval, each in [0, 1].
ESTIMATE_FIELDS = [
    pa.field(f"{organ}{name}", pa.float64(), nullable=organ == "heart_")  # null if the graph has no heart
    for organ in ("", "lungs_", "heart_")
    for name in ESTIMATE_ENDS
]
# Columns after the scores if a quality calibration is given. An organ without a known estimate has null.
QUALITY_ORGANS = ("both", "lungs", "heart", "right_lung", "left_lung")
QUALITY_FIELDS = [
    *(
        pa.field(f"{'' if organ == 'both' else f'{organ}_'}{name}", pa.float64())
        for organ in QUALITY_ORGANS
        for name in ESTIMATE_ENDS
    ),
    pa.field("flagged", pa.bool_(), nullable=False),
    pa.field("flag_reasons", pa.list_(pa.string()), nullable=False),  # ORGAN:SIGNAL, empty where not flagged
    pa.field("evidence", EVIDENCE),
    pa.field("latent_norm", pa.float64()),
]


def product_schema(calibrated: bool, quality: bool = False) -> pa.Schema:
    """Return the schema of the Parquet.

    With ``calibrated``, it includes the estimates of the true Dice by a calibration of RCA scores; with ``quality``,
    the estimates, flags and signals of a quality calibration.
    """
    if not (calibrated or quality):
        return PRODUCT
    after = 1 + len(SCORE_FIELDS)
    fields = list(PRODUCT)
    return pa.schema([*fields[:after], *(QUALITY_FIELDS if quality else ESTIMATE_FIELDS), *fields[after:]])


@dataclass(frozen=True)
class Scores:
    """Estimated Dice of one image (reverse classification accuracy), each in [0, 1].

    ``typicality`` is a factor that all other scores already include; the classical method gives None. ``mirrored`` is
    no Dice but the probability that the film is mirrored.
    """

    dice_rca_mean: float
    dice_rca_max: float
    lungs_mean: float
    lungs_max: float
    heart_mean: float | None
    heart_max: float | None
    typicality: float | None = None
    mirrored: float | None = None


@dataclass(frozen=True)
class LandmarkRow:
    """One row of a landmark shard; points are float32 (x, y) in the preprocessed frame, pixels.

    ``evidence`` and ``latent_norm`` are the signals of quality, where the shard has them, and ``flagged`` names the
    organs that the image is flagged for.
    """

    image_id: str
    landmarks: Float[np.ndarray, "nodes 2"]
    landmarks_mean: Float[np.ndarray, "nodes 2"]
    landmarks_std: Float[np.ndarray, "nodes 2"]
    geometry: Geometry
    evidence: Records | None = None
    latent_norm: float | None = None
    flagged: tuple[str, ...] = ()


@dataclass(frozen=True)
class PackedImage:
    """The lines and the row that one image adds to the product."""

    original_line: str
    preprocessed_line: str
    parquet_row: dict[str, Any]


def pack_image(prediction: LandmarkRow, scores: Scores, graph: LandmarkGraph) -> PackedImage:
    """Make the CSV lines of both resolutions and the Parquet row of one image.

    Raises
    ------
    ImageError
        If an organ covers no pixel. The image is then rejected and the run continues.
    CxrError
        If an invariant of the product does not hold; the message names the image and the value.
    """
    _check_scores(prediction.image_id, scores, "heart" in graph.organs)
    for name in ("landmarks", "landmarks_mean", "landmarks_std"):
        _check_finite(prediction.image_id, name, getattr(prediction, name))
    geometry = prediction.geometry
    # The cast to float32 precedes rounding, so that rounding the Parquet's landmarks gives those of the CSV.
    original = geometry.inverse_points(prediction.landmarks).astype(np.float32)
    frames = (
        (original, geometry.original_height, geometry.original_width, "original"),
        (prediction.landmarks, geometry.size, geometry.size, "preprocessed"),
    )
    published, ratio = [], None
    for points, height, width, frame in frames:
        whole = whole_pixels(points)
        # Clavicles, if the model has them, appear only in the Parquet's landmarks.
        masks = {
            organ: fill_contour(whole[graph.slices[organ]], height, width)
            for organ in PUBLISHED_ORGANS
            if organ in graph.organs
        }
        if frame == "original" and HEART in masks:
            lungs = np.maximum(*(masks[lung] for lung in LUNGS))
            ratio = cardiothoracic_ratio(*(displayed(each, geometry.letters) for each in (lungs, masks[HEART])))
        dice_rca = scores.dice_rca_mean, scores.dice_rca_max
        published.append(published_row(prediction.image_id, whole, masks, f"{frame} frame", dice_rca))
    row = {
        "image_id": prediction.image_id,
        **vars(scores),
        "landmarks": original.reshape(-1),
        "landmarks_preprocessed": prediction.landmarks.reshape(-1),
        "landmarks_mean": prediction.landmarks_mean.reshape(-1),
        "landmarks_std": prediction.landmarks_std.reshape(-1),
        **published[0].rles,
        **geometry.as_row(),
        "cardiothoracic_ratio": ratio,
        "uncertainty": float(np.hypot(*prediction.landmarks_std.astype(np.float64).T).mean()),
        "csv_start": 0,  # set when the row is written
    }
    return PackedImage(published[0].line, published[1].line, row)


def _check_scores(image_id: str, scores: Scores, with_heart: bool) -> None:
    pairs = {"Dice RCA": (scores.dice_rca_mean, scores.dice_rca_max), "lungs": (scores.lungs_mean, scores.lungs_max)}
    heart = (scores.heart_mean, scores.heart_max)
    if (None in heart) == with_heart:
        raise CxrError(
            f"image '{image_id}': RCA heart scores {heart} for a graph {'with' if with_heart else 'without'} a heart; "
            "the RCA shards belong to other landmarks"
        )
    if with_heart:
        pairs["heart"] = heart  # type: ignore[assignment]
    for name, (mean, maximum) in pairs.items():
        if not (0 <= mean <= 1 and 0 <= maximum <= 1):  # also false for NaN
            raise CxrError(f"image '{image_id}': {name} (Mean) {mean!r}, (Max) {maximum!r}; expected within [0, 1]")
        if maximum < mean:
            raise CxrError(f"image '{image_id}': {name} (Max) {maximum!r} is below {name} (Mean) {mean!r}")


def _check_finite(image_id: str, name: str, points: np.ndarray) -> None:
    if not np.isfinite(points).all():
        node = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise CxrError(f"image '{image_id}': {name} of node {node} is {points[node].tolist()}; expected finite pixels")
