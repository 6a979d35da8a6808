"""The four tables of CXLSeg: columns, paths and exact bytes. Field names follow the published release (1.0.0).

Each table has one row for each image and the keys ``dicom_id``, ``subject_id``, ``study_id``; a join on them loses no
row. The published metadata table also holds MIMIC-CXR's dates, sizes and procedure texts. Here it holds only the view
and the report, because the workflow publishes no other header field; further fields can be joined from the release's
own table.
"""

import gzip
import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS, LABEL_VALUES
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.splits import SPLITS

KEYS = ("dicom_id", "subject_id", "study_id")

REPORT_TABLE = "CXLSeg-metadata"
IMAGE_TABLE = "CXLSeg-segmented"
SPLIT_TABLE = "CXLSeg-split"
MASK_TABLE = "CXLSeg-mask"

_KEY_FIELDS = [
    pa.field("dicom_id", pa.string(), nullable=False),
    pa.field("subject_id", pa.string()),  # null if the release names no patient
    pa.field("study_id", pa.string(), nullable=False),
]

TABLES: dict[str, pa.Schema] = {
    REPORT_TABLE: pa.schema(
        [
            *_KEY_FIELDS,
            pa.field("ViewPosition", pa.string()),  # PA or AP; null if the release names none
            pa.field("Reports", pa.string(), nullable=False),
        ]
    ),
    IMAGE_TABLE: pa.schema(
        [
            *_KEY_FIELDS,
            pa.field("DicomPath", pa.string(), nullable=False),  # path of the segmented image in the product
            *(pa.field(name, pa.float64()) for name in CHEXPERT_LABELS),
        ]
    ),
    SPLIT_TABLE: pa.schema([*_KEY_FIELDS, pa.field("split", pa.string(), nullable=False)]),
    MASK_TABLE: pa.schema([*_KEY_FIELDS, pa.field("DicomPath", pa.string(), nullable=False)]),  # path of the mask
}


# Only these endings are replaced; other text after a dot is part of the name (1.2.840.10008).
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".dcm", ".dicom")


def segmented_path(path: str) -> str:
    """Return the path of a segmented image in the product: the release's own path, ending in ``.jpg``."""
    return f"{_without_suffix(path)}.jpg"


def mask_path(path: str, suffix: str = ".jpg") -> str:
    """Return a mask's path in the product: ``<image>-mask.jpg`` beside the image (``.png`` for the lossless mask)."""
    return f"{_without_suffix(path)}-mask{suffix}"


def _without_suffix(path: str) -> str:
    ending = PurePosixPath(path).suffix
    return path[: -len(ending)] if ending.lower() in _IMAGE_SUFFIXES else path


def check_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Check that the four tables hold the same images, with known values and a separate file for each.

    Raises
    ------
    CxrError
        If a rule is broken; the message names the table and the first such image. A patient in two splits is no error
        here, because a split by image permits it (see :func:`patients_in_two_splits`).
    """
    if missing := [name for name in TABLES if name not in tables]:
        raise CxrError(f"tables {missing} are missing; expected {list(TABLES)}")
    first = None
    for name, schema in TABLES.items():
        frame = tables[name]
        if list(frame.columns) != schema.names:
            raise CxrError(f"{name}: columns {list(frame.columns)}; expected {schema.names}")
        if frame["dicom_id"].duplicated().any():
            raise CxrError(
                f"{name}: dicom_id '{frame['dicom_id'][frame['dicom_id'].duplicated()].iloc[0]}' occurs twice"
            )
        keys = set(frame[list(KEYS)].astype(object).where(frame[list(KEYS)].notna(), None).itertuples(index=False))
        first = keys if first is None else first
        if odd := sorted(str(key[0]) for key in first ^ keys):
            raise CxrError(f"{name}: image '{odd[0]}' and {len(odd) - 1} others are not the same as in CXLSeg-metadata")
    paths = pd.concat([tables[name]["DicomPath"] for name in (IMAGE_TABLE, MASK_TABLE)])
    if paths.duplicated().any():
        raise CxrError(
            f"DicomPath '{paths[paths.duplicated()].iloc[0]}' occurs twice; expected a file of its own for each"
        )
    _refuse_values(tables[SPLIT_TABLE], SPLIT_TABLE, ["split"], SPLITS)
    _refuse_values(tables[IMAGE_TABLE], IMAGE_TABLE, CHEXPERT_LABELS, (*LABEL_VALUES, None))


def _refuse_values(frame: pd.DataFrame, table: str, columns: "list[str] | tuple[str, ...]", allowed: tuple) -> None:
    for name in columns:
        wrong = ~frame[name].isin([value for value in allowed if value is not None])
        if None in allowed:
            wrong &= frame[name].notna()
        if wrong.any():
            raise CxrError(f"{table}: column '{name}' holds {frame[name][wrong].iloc[0]}; expected one of {allowed}")


def patients_in_two_splits(split: pd.DataFrame) -> list[str]:
    """Return the patients (``subject_id``) with images in more than one split, sorted; none in a split by patient."""
    sets = split.dropna(subset="subject_id").groupby("subject_id")["split"].nunique()
    return sorted(str(patient) for patient in sets.index[sets > 1])


def write_tables(tables: Mapping[str, pd.DataFrame], folder: str | Path) -> list[Path]:
    """Write the four tables as ``.csv.gz`` and ``.parquet``, sorted by ``dicom_id``; the same rows give the same bytes.

    Raises
    ------
    CxrError
        If :func:`check_tables` finds an error; nothing is written then.
    """
    check_tables(tables)
    written = []
    for name, schema in TABLES.items():
        frame = tables[name].sort_values("dicom_id", kind="stable", ignore_index=True)
        written += [Path(folder) / f"{name}.csv.gz", Path(folder) / f"{name}.parquet"]
        write_bytes(written[-2], csv_bytes(frame))
        write_table(frame, written[-1], schema)
    return written


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Encode a table as CSV in gzip without name or time; labels are 1.0, 0.0 and -1.0, and lines end with ``\\n``."""
    text = frame.to_csv(index=False, lineterminator="\n").encode("utf-8")
    stream = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as packed:
        packed.write(text)
    return stream.getvalue()
