"""The study's pictures: each image of a CXLSeg release twice, as it was and with the lungs cut out, and its labels."""

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
        pa.field("patient_id", pa.string(), nullable=False),  # the image's own id where the release names no patient
        pa.field("split", pa.string(), nullable=False),
        pa.field("original", pa.binary(), nullable=False),  # JPEG, size x size
        pa.field("segmented", pa.binary(), nullable=False),  # the published file
        *(pa.field(name, pa.float64()) for name in CHEXPERT_LABELS),
    ]
)

log = get_logger(__name__)


def study_pictures(
    product: str | Path,
    manifest: str | Path,
    root: str | Path,
    output: str | Path,
    settings: StudyPicturesConfig,
) -> int:
    """Gather the pictures of one release.

    The original goes the way of the segmented picture but for the mask: same square, same CLAHE, same JPEG quality.
    So the two differ by the mask alone.

    Parameters
    ----------
    product
        Folder of one release of the product.
    manifest
        Of that release; says where its images are.
    root
        Folder of the release; only read.
    output
        Parquet to write, schema ``STUDY_PICTURES``, sorted by image.
    settings
        How the product was made.

    Returns
    -------
    Number of images.

    Raises
    ------
    CxrError
        If a table or a picture is missing, or an image of the product is not in the manifest.
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
            radiograph = read_radiograph(path_inside(root, paths[image_id]), settings.max_megapixels)
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
    """Table of a release's folder, whatever its name begins with."""
    found = sorted(product.glob(f"*-{what}.parquet"))
    if len(found) != 1:
        raise CxrError(f"{product}: {len(found)} tables named '*-{what}.parquet'; expected one")
    return found[0]
