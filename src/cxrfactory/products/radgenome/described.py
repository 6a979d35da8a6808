"""Describe the product to other programs: images with masks of lung and heart, and the tables of all masks.

The tables ``images/<release>/<split>.parquet`` have one row for each image. Their columns ``image_file_name``,
``image_16bit_file_name``, ``lung_mask_file_name`` and ``heart_mask_file_name`` make ``images/`` an image folder for
``datasets``, which loads all four as pictures. Only these two regions have such pictures: files for all classes would
be two hundred for each image, and every mask is in ``masks.parquet`` anyway.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.described import PICTURE, DescribedFiles, DescribedTable, Description, free_name
from cxrfactory.products.radgenome.masks import PICTURED_REGIONS, region_picture
from cxrfactory.products.radgenome.statistics import SPLITS
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.parquet import stored_rows, stored_schema, write_table
from cxrfactory.tables.schemas import STUDIES

IMAGES = pa.schema(
    [
        pa.field(f"image{PICTURE}", pa.string(), nullable=False),
        pa.field(f"image_16bit{PICTURE}", pa.string(), nullable=False),
        *(pa.field(f"{region}_mask{PICTURE}", pa.string()) for region in PICTURED_REGIONS),
        pa.field("view", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        *STUDIES,
    ]
)
COLUMNS = {
    f"image{PICTURE}": "Path of the image in 8 bits, relative to the folder of the table; stretched to its own range.",
    f"image_16bit{PICTURE}": "Path of the image in 16 bits: path integral of attenuation times counts_per_unit.",
    **{
        f"{region}_mask{PICTURE}": f"Path of the mask of the {region}, 0 and 255; empty where it is not labelled."
        for region in PICTURED_REGIONS
    },
    "study_id": "Study id.",
    "patient_id": "Patient id; no patient stands in both splits.",
    "release": "Name of the CT release.",
    "view": "PA (frontal) or LL (lateral).",
    "split": "train or validation.",
    "size": "Side of both images, pixels.",
    "pixel_mm": "Side of a pixel, mm.",
    "counts_per_unit": "Counts of the 16-bit image that correspond to a path integral of 1.",
    "structures": "Number of labels with at least one voxel.",
    "notes": "What was done to the volumes; empty for nothing.",
    "source_id": "Value in the label volume; empty for folders of files and for unions.",
    "class_id": "Class of the taxonomy; empty for a label outside it.",
    "class_name": "Name of the class; empty outside the taxonomy.",
    "system": "Body system of the class.",
    "name": "Name of the structure in its source.",
    "origin": "label, or union where the mask was put together from parts.",
    "region": "Name of the region, the union of its classes' masks.",
    "classes": "Number of classes in the union.",
    "height": "Height of the mask, pixels.",
    "width": "Width of the mask, pixels.",
    "rle": "Mask: pairs of start and length, pixels counted from 1 row by row; empty for an empty mask.",
    "area_px": "Pixels of the mask.",
    "bbox_x": "Left column of the mask's box; empty for an empty mask.",
    "bbox_y": "Top row of the mask's box.",
    "bbox_width": "Columns of the mask's box.",
    "bbox_height": "Rows of the mask's box.",
    "centroid_x": "Column of the mask's centroid, pixel centres at integers.",
    "centroid_y": "Row of the mask's centroid, pixel centres at integers.",
    "touches_border": "Whether the mask touches the border of the image.",
    "cut_off": "Whether the structure reaches the outermost voxels of the scan or of its label volume.",
}
_TABLES = {
    "studies": ("studies.parquet", "one study a row."),
    "masks": ("masks.parquet", "one mask of one structure in one view a row."),
    "regions": ("regions.parquet", "one mask of one region in one view a row."),
}


def write_image_tables(
    folder: Path, kept: Mapping[str, Mapping[str, Any]], splits: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Write the table of images of each release and split; return the number of rows by release and split.

    Parameters
    ----------
    folder
        The product; its images and pictures of masks are written.
    kept
        Rows of the studies' table by study id, sorted by study id.
    splits
        Split of each study.

    Raises
    ------
    CxrError
        If a study has the name of a table.
    """
    counts: dict[str, dict[str, int]] = {}
    for release, split in sorted({(row["release"], splits[study]) for study, row in kept.items()}):
        place = folder / "images" / release
        rows = [
            _row(place, row, view, split)
            for study, row in kept.items()
            if row["release"] == release and splits[study] == split
            for view in VIEWS
        ]
        path = place / f"{split}.parquet"
        if path.exists():
            raise CxrError(f"{path}: the name of a table, and of the study '{path.name}'; give the study another id")
        write_table(pd.DataFrame(rows, columns=IMAGES.names), path, IMAGES, rows_per_group=10_000)
        counts.setdefault(release, {})[split] = len(rows)
    return counts


def _row(place: Path, study: Mapping[str, Any], view: str, split: str) -> dict[str, Any]:
    name = study["study_id"]
    masks = {region: f"{name}/{region_picture(view, region)}" for region in PICTURED_REGIONS}
    return {
        f"image{PICTURE}": f"{name}/{view}.png",
        f"image_16bit{PICTURE}": f"{name}/{view}_16.png",
        **{f"{region}_mask{PICTURE}": path if (place / path).is_file() else None for region, path in masks.items()},
        **study,
        "view": view,
        "split": split,
    }


def describe(folder: Path, title: str, images: Mapping[str, Mapping[str, int]]) -> Description:
    """Return the description of the product.

    Parameters
    ----------
    folder
        The product with its tables.
    title
        Heading of the card.
    images
        Number of images by release and split, as :func:`write_image_tables` returns it.
    """
    configs = []
    for release, counts in images.items():
        splits = {split: f"images/{release}/{split}.parquet" for split in SPLITS if split in counts}
        purpose = f"one image of {release} a row, in 8 and 16 bits, with masks of lung and heart."
        pictures = [f"images/{release}/**/*.png"]
        configs.append(DescribedTable(release, purpose, splits, IMAGES, Counter(counts).total(), pictures))
    tables = []
    for wanted, (file, purpose) in _TABLES.items():
        name, path = free_name(wanted, list(images)), folder / file
        tables.append(DescribedTable(name, purpose, {"train": file}, stored_schema(path), stored_rows(path)))
    files = [
        DescribedFiles("pictures", "Images, and masks of lung and heart.", ["images/**/*.png"], "image/png"),
        DescribedFiles("coco", "Masks as COCO instances.", ["coco/*.json"], "application/json"),
        DescribedFiles("left-out", "Studies that are not here, and why.", [EXCLUDED, REJECTED], "text/csv"),
    ]
    return Description(
        title=title,
        summary="Frontal and lateral radiographs computed from chest CT, with one mask for every labelled structure: "
        "the structure's footprint along the same rays.",
        kind="radgenome",
        configs=configs,
        columns=COLUMNS,
        tables=tables,
        files=files,
    )
