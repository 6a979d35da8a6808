"""Describe the product to other programs: a table of each release, the index of all, and a sentence on each column."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.chexmask.index import INDEX
from cxrfactory.products.described import DescribedFiles, DescribedTable, Description, free_name
from cxrfactory.tables.parquet import stored_rows, stored_schema

_FRAME = "in the square frame that the model saw, pixels"
_ORIGINAL = "in the original image, pixels"
_WHOSE = {
    "": "the mean of lungs and heart",
    "lungs_": "the lungs",
    "heart_": "the heart",
    "right_lung_": "the right lung",
    "left_lung_": "the left lung",
}
_ENDS = {
    "dice_estimate": "Estimate of the true Dice of {}, within 0 and 1.",
    "dice_low": "Lower end of the interval of the true Dice of {}.",
    "dice_high": "Upper end of the interval of the true Dice of {}.",
}
COLUMNS = {
    "release": "Published name of the release.",
    "image_id": "Image id of the release; join on it.",
    "dice_rca_mean": "Dice estimated by reverse classification accuracy (RCA): mean over the reference images.",
    "dice_rca_max": "Dice estimated by RCA: maximum over the reference images.",
    "lungs_mean": "RCA of the lungs: mean over the reference images.",
    "lungs_max": "RCA of the lungs: maximum over the reference images.",
    "heart_mean": "RCA of the heart: mean over the reference images; empty where the model has no heart.",
    "heart_max": "RCA of the heart: maximum over the reference images; empty where the model has no heart.",
    "mirrored": "Probability that the film is mirrored; a heart that lies on the right looks the same.",
    "typicality": "1 for images like those that the registration network learned from, smaller for unusual images.",
    "landmarks": f"Contour points x, y, x, y, ... {_ORIGINAL}, not rounded.",
    "landmarks_preprocessed": f"Contour points x, y, x, y, ... {_FRAME}, not rounded.",
    "landmarks_mean": f"Mean of the contour points over latent samples, {_FRAME}.",
    "landmarks_std": f"Standard deviation of the contour points over latent samples, {_FRAME}.",
    "left_lung": "Mask of the patient's left lung: pairs of start and length, pixels counted from 1 row by row.",
    "right_lung": "Mask of the patient's right lung: pairs of start and length, pixels counted from 1 row by row.",
    "heart": "Mask of the heart: pairs of start and length; empty where the model has no heart.",
    "original_height": "Height of the original image and of the masks, pixels.",
    "original_width": "Width of the original image and of the masks, pixels.",
    "crop_top": "First row of the original image that was kept.",
    "crop_left": "First column of the original image that was kept.",
    "crop_height": "Rows of the original image that were kept.",
    "crop_width": "Columns of the original image that were kept.",
    "size": "Side of the square frame that the model saw, pixels.",
    "orientation": "1 where the original is stored as displayed, else 2 to 8 as in EXIF.",
    "flagged": "Whether the image is one to look at.",
    "flag_reasons": "Why the image is flagged: organ and signal, joined by a colon.",
    "evidence": "Agreement of the network's own answers, for each organ.",
    "latent_norm": "Mean square of the network's latent mean.",
    "cardiothoracic_ratio": "Width of the heart over that of both lungs, upright, by the masks; empty if no heart.",
    "uncertainty": f"Mean over the contour points of the length of their standard deviation (x, y), {_FRAME}.",
    "csv_start": "Byte at which the row starts in the CSV of the original resolution.",
} | {
    f"{organ}{end}": sentence.format(whose) for organ, whose in _WHOSE.items() for end, sentence in _ENDS.items()
}  # fmt: skip


def describe(
    tables: Mapping[str, Path], index: pa.Schema, title: str, files: Mapping[str, Sequence[str]]
) -> Description:
    """Return the description of the product.

    Parameters
    ----------
    tables
        Parquet table of each release, by published name.
    index
        Schema of the index.
    title
        Heading of the card.
    files
        Names of each release's files in the product: CSV of the original resolution, of the preprocessed frame, and
        Parquet.
    """
    rows = {release: stored_rows(path) for release, path in tables.items()}
    releases = [
        DescribedTable(
            release,
            f"one image of {release} a row, with masks, landmarks, quality and geometry.",
            {"train": files[release][2]},
            stored_schema(path),
            rows[release],
        )
        for release, path in tables.items()
    ]
    name = free_name("index", list(tables))
    purpose = "all releases, one image a row, without masks and landmarks."
    return Description(
        title=title,
        summary="Lungs and heart of frontal chest radiographs: contour landmarks and masks, an estimate of each mask's "
        "quality, and the uncertainty of each landmark. It holds no images; join on the image id of the release.",
        kind="chexmask",
        configs=[DescribedTable(name, purpose, {"train": INDEX}, index, sum(rows.values())), *releases],
        columns=COLUMNS,
        files=[
            _csv("original-resolution", "CheXmask tables in the resolution of each release.",
                 [names[0] for names in files.values()]),
            _csv("preprocessed", "CheXmask tables in the square frame that the model saw.",
                 [names[1] for names in files.values()]),
            _csv("left-out", "Images that are not in the tables, and why.", [EXCLUDED, REJECTED]),
        ],
    )  # fmt: skip


def _csv(name: str, purpose: str, includes: Sequence[str]) -> DescribedFiles:
    return DescribedFiles(name, purpose, list(includes), "text/csv")
