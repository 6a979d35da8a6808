"""Read the images for a classifier: one kind of picture from several releases, at the network's input size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Float32, UInt8

from cxrfactory.classify.pictures import PICTURES, STUDY_PICTURES
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.masked import small_square
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.splits import SPLITS


@dataclass(frozen=True)
class Labelled:
    """Pictures and labels of one split.

    Attributes
    ----------
    image_ids, patient_ids
        Ids of each image and of its patient.
    pictures
        8-bit grey values [image, row, column].
    truth
        Labels [image, label]: 1 is positive, 0 is negative, and NaN is not mentioned or uncertain.
    """

    image_ids: list[str]
    patient_ids: list[str]
    pictures: UInt8[np.ndarray, "images size size"]
    truth: Float32[np.ndarray, "images labels"]


def read_images(tables: Sequence[str | Path], picture: str, labels: Sequence[str], size: int) -> dict[str, Labelled]:
    """Read one kind of picture by split; images without any known label are excluded.

    Parameters
    ----------
    tables
        Files that :func:`cxrfactory.classify.pictures.study_pictures` wrote, one per release.
    picture
        ``original`` or ``segmented``.
    labels
        Columns of CheXpert labels; uncertain labels (-1) count as unknown.
    size
        Side length of the pictures in pixels.

    Returns
    -------
    dict
        Pictures and labels of each split.

    Raises
    ------
    CxrError
        If a file is unreadable, if a name is unknown, if an image occurs twice, or if a label has no positive or no
        negative image in the training or in the test set.
    """
    if picture not in PICTURES:
        raise CxrError(f"picture '{picture}'; expected one of {', '.join(PICTURES)}")
    if unknown := [name for name in labels if name not in STUDY_PICTURES.names]:
        raise CxrError(f"label '{unknown[0]}'; expected CheXpert's names, e.g. Pneumonia or Pleural Effusion")
    columns = ["image_id", "patient_id", "split", picture, *labels]
    frame = pd.concat([read_table(path, columns=columns).assign(table=str(path)) for path in tables])
    if (twice := frame["image_id"].duplicated()).any():
        raise CxrError(f"image '{frame['image_id'][twice].iloc[0]}' occurs twice in {list(map(str, tables))}")
    truth = frame[list(labels)].where(frame[list(labels)].isin([0.0, 1.0]))
    frame[list(labels)] = truth
    frame = frame[truth.notna().any(axis=1)].sort_values("image_id", ignore_index=True)
    _check_counts(frame, labels)
    return {split: _of(frame[frame["split"] == split], picture, labels, size) for split in SPLITS}


def _check_counts(frame: pd.DataFrame, labels: Sequence[str]) -> None:
    for split in ("train", "test"):
        part = frame[frame["split"] == split]
        for label in labels:
            positives, negatives = (int((part[label] == value).sum()) for value in (1, 0))
            if not positives or not negatives:
                raise CxrError(
                    f"label '{label}': {positives} positive and {negatives} negative images in the {split} set; "
                    "expected both; give more images or other labels (config: classify.labels)"
                )


def _of(frame: pd.DataFrame, picture: str, labels: Sequence[str], size: int) -> Labelled:
    decoded = [_decode(data, size, image_id) for data, image_id in zip(frame[picture], frame["image_id"], strict=True)]
    return Labelled(
        frame["image_id"].tolist(),
        frame["patient_id"].tolist(),
        np.stack(decoded) if decoded else np.zeros((0, size, size), np.uint8),
        frame[list(labels)].to_numpy(np.float32),
    )


def _decode(data: bytes, size: int, image_id: str) -> UInt8[np.ndarray, "size size"]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise CxrError(f"image '{image_id}': its picture is no readable JPEG; make the table again")
    return small_square(image, size)
