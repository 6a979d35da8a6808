"""Describe the product to other programs: one table for each split of a release, which names image and mask.

The tables ``train.parquet``, ``validate.parquet`` and ``test.parquet`` join the release's four tables, one image a row.
Their columns ``image_file_name`` and ``mask_file_name`` make the folder an image folder for ``datasets``, which loads
both as pictures.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.cxlseg.summary import CxlsegSummary
from cxrfactory.products.cxlseg.tables import (
    IMAGE_TABLE,
    KEYS,
    MASK_TABLE,
    REPORT_TABLE,
    SPLIT_TABLE,
    TABLES,
)
from cxrfactory.products.described import PICTURE, DescribedFiles, DescribedTable, Description
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.splits import SPLITS

IMAGE, MASK = f"image{PICTURE}", f"mask{PICTURE}"
JOINED = pa.schema(
    [
        pa.field(IMAGE, pa.string(), nullable=False),
        pa.field(MASK, pa.string(), nullable=False),
        *(TABLES[REPORT_TABLE].field(name) for name in TABLES[REPORT_TABLE].names),
        pa.field("split", pa.string(), nullable=False),
        *(TABLES[IMAGE_TABLE].field(name) for name in CHEXPERT_LABELS),
    ]
)
COLUMNS = {
    IMAGE: "Path of the image, relative to the folder of the table; it is 0 outside the lungs.",
    MASK: "Path of the lung mask, relative to the folder of the table; 128 or more is lung.",
    "dicom_id": "Image id of the release.",
    "subject_id": "Patient id of the release; empty if the release names no patient.",
    "study_id": "Study id of the release.",
    "ViewPosition": "PA or AP; empty if the release names none.",
    "Reports": "Text of the report: findings and impression, else what it has.",
    "split": "train, validate or test.",
    **{name: f"{name}: 1 positive, 0 negative, -1 uncertain, empty not mentioned." for name in CHEXPERT_LABELS},
}


def write_joined(folder: Path, lossless: bool) -> dict[str, int]:
    """Write the joined tables of one release, and return the number of rows of each split that has any.

    Parameters
    ----------
    folder
        Folder of the release in the product.
    lossless
        Whether the release has lossless masks; the tables then name them instead of the JPEG masks.

    Raises
    ------
    CxrError
        If the four tables do not hold the same images, or the release has files of the tables' names.
    """
    rows = joined_rows(folder, lossless)
    counts = {}
    for split in SPLITS:
        part = rows[rows["split"] == split]
        if part.empty:
            continue
        path = folder / f"{split}.parquet"
        if path.exists():
            raise CxrError(f"{path}: a path of the release's images; expected none of this name")
        write_table(part, path, JOINED, rows_per_group=10_000)
        counts[split] = len(part)
    return counts


def joined_rows(folder: Path, lossless: bool) -> pd.DataFrame:
    """Join the four tables of a release, one image a row, sorted by image id.

    Raises
    ------
    CxrError
        If the tables do not hold the same images.
    """
    images, masks, reports, splits = (
        read_table(folder / f"{name}.parquet", TABLES[name])
        for name in (IMAGE_TABLE, MASK_TABLE, REPORT_TABLE, SPLIT_TABLE)
    )
    if lossless:
        masks = masks.assign(DicomPath=masks["DicomPath"].str.removesuffix(".jpg") + ".png")
    rows = images.rename(columns={"DicomPath": IMAGE})
    for other in (masks.rename(columns={"DicomPath": MASK}), reports, splits):
        rows = rows.merge(other.drop(columns=list(KEYS[1:])), on=KEYS[0], validate="one_to_one")
    if not len(rows) == len(images) == len(masks) == len(reports) == len(splits):
        raise CxrError(f"{folder}: the four tables do not hold the same images; package the release again")
    return rows[JOINED.names].sort_values(KEYS[0], kind="stable", ignore_index=True)


def describe(folder: Path, summaries: Sequence[CxlsegSummary], title: str) -> Description:
    """Write the joined tables of all releases into the product, and return the product's description.

    Parameters
    ----------
    folder
        The product, with a folder for each release.
    summaries
        The ``summary.json`` of each release.
    title
        Heading of the card.
    """
    configs, files = [], []
    for each in summaries:
        release = each["release"]
        counts = write_joined(folder / release, each["mask_png"])
        splits = {split: f"{release}/{split}.parquet" for split in counts}
        purpose = f"one image of {release} a row, with its lung mask, report, labels and split."
        pictures = [f"{release}/**/*.jpg", *([f"{release}/**/*-mask.png"] if each["mask_png"] else [])]
        configs.append(DescribedTable(release, purpose, splits, JOINED, sum(counts.values()), pictures))
        published = [f"{release}/{name}.csv.gz" for name in TABLES]
        pictured = f"Lung-segmented images and lung masks of {release}."
        files += [
            DescribedFiles(f"{release}-images", pictured, [f"{release}/**/*.jpg"], "image/jpeg"),
            DescribedFiles(f"{release}-csv", f"The four CXLSeg tables of {release}.", published, "application/gzip"),
        ]
    left_out = DescribedFiles(
        "left-out", "Images that are not in the tables, and why.", [EXCLUDED, REJECTED], "text/csv"
    )
    return Description(
        title=title,
        summary="Frontal chest radiographs of which only the lungs are left, with lung masks, reports, CheXpert labels "
        "and splits.",
        kind="cxlseg",
        configs=configs,
        columns=COLUMNS,
        files=[*files, left_out],
    )
