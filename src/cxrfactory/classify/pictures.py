"""Collect the pictures of the study: each image of a CXLSeg release, original and with segmented lungs, and its labels.

The table is the input of the classifiers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cxrfactory.config import StudyPicturesConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.intensity import Clahe, apply_clahe
from cxrfactory.imaging.radiograph.masked import encode_jpeg, small_square
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import HeaderChecks
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.streaming import write_rows

PICTURES = ("original", "segmented")
ROWS_PER_GROUP = 256

STUDY_PICTURES = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),  # the image's id if the release does not name the patient
        pa.field("split", pa.string(), nullable=False),
        pa.field("original", pa.binary(), nullable=False),  # JPEG, size x size
        pa.field("segmented", pa.binary(), nullable=False),  # bytes of the published file
        *(pa.field(name, pa.float64()) for name in CHEXPERT_LABELS),
    ]
)

log = get_logger(__name__)

_TAKEN = HeaderChecks(body_part="ignore", view="ignore")  # the product already decided which films are frontal chests


def study_pictures(
    product: str | Path,
    manifest: str | Path,
    root: str | Path,
    output: str | Path,
    settings: StudyPicturesConfig,
) -> int:
    """Collect the pictures of one release in a table.

    The original picture is processed like the segmented one, with the same square, CLAHE and JPEG quality. The two
    pictures therefore differ only in the mask.

    Parameters
    ----------
    product
        Folder of the product for one release.
    manifest
        Manifest of that release, which contains the paths of the images.
    root
        Folder of the release; it is only read.
    output
        Parquet file to write, schema ``STUDY_PICTURES``, sorted by image.
    settings
        Settings with which the product was made.

    Returns
    -------
    Number of images.

    Raises
    ------
    CxrError
        If a table or a picture is missing, or if an image of the product is not in the manifest.
    """
    product, root = Path(product), Path(root)
    clahe = None if settings.clahe_clip is None else Clahe(settings.clahe_clip, settings.clahe_tiles)
    labels = read_table(_table(product, "segmented"))
    splits = read_table(_table(product, "split"), columns=["dicom_id", "split"])
    paths = read_table(manifest, columns=["image_id", "path"]).set_index("image_id")["path"]
    if not (known := labels["dicom_id"].isin(paths.index)).all():
        raise CxrError(f"{manifest}: image '{labels['dicom_id'][~known].iloc[0]}' of {product} is not in it")
    rows = labels.merge(splits, on="dicom_id", validate="one_to_one").sort_values("dicom_id", ignore_index=True)

    def pictures() -> Iterator[dict[str, Any]]:
        for record in progress(rows.to_dict("records"), "pictures", len(rows)):
            image_id = str(record["dicom_id"])
            radiograph = read_radiograph(path_inside(root, paths[image_id]), settings.max_megapixels, checks=_TAKEN)
            square = small_square(radiograph.pixels, settings.size, settings.fit)
            square = square if clahe is None else apply_clahe(square, clahe)
            published = path_inside(product, record["DicomPath"])
            if not published.is_file():
                raise CxrError(f"{published}: no such file; make the product again")
            patient = record["subject_id"]
            yield {
                "image_id": image_id,
                "patient_id": image_id if pd.isna(patient) else str(patient),
                "split": record["split"],
                "original": encode_jpeg(square, settings.jpeg_quality),
                "segmented": published.read_bytes(),
                **{name: None if pd.isna(record[name]) else record[name] for name in CHEXPERT_LABELS},
            }

    written, _ = write_rows(pictures(), output, STUDY_PICTURES, ROWS_PER_GROUP)
    log.info("%s: %d images twice; wrote %s", product, written, output)
    return written


def _table(product: Path, what: str) -> Path:
    """Return the path of the only table in a folder whose name ends in ``-{what}.parquet``."""
    found = sorted(product.glob(f"*-{what}.parquet"))
    if len(found) != 1:
        raise CxrError(f"{product}: {len(found)} tables named '*-{what}.parquet'; expected one")
    return found[0]
