"""CANDID-PTX: every image is frontal, and each image is one DICOM file named by its SOP Instance UID."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable

LAYOUT = ReleaseLayout(
    name="candid-ptx",
    published_name="CANDID-PTX",
    id_column="ImageID",
    slots=(TableSlot("reports", with_gz("Pneumothorax_reports.csv")),),
    view_rule="all images",
    shards=8,
    paper_counts={"rows": 19237, "included": 19237},
)


def rows(
    tables: "Mapping[str, SourceTable]", view_from_procedure: bool = False, words: "Vocabulary | None" = None
) -> "DataFrame":
    """Convert the report table to one manifest row per image; the table lists a few images twice.

    The id is ``SOPInstanceUID`` (or ``ImageID`` in tables without this column). The patient is the part of ``filename``
    before the first underscore; it is null if the rows of an image disagree. ``EncodedPixels`` is -1 if there is no
    pneumothorax.
    """
    import pandas as pd

    from cxrfactory.errors import CxrError
    from cxrfactory.ingest.rows import collapse, draft, printable
    from cxrfactory.ingest.tabular import with_position

    table = tables["reports"]
    id_column = next((name for name in ("SOPInstanceUID", "ImageID") if name in table.columns()), None)
    if id_column is None:
        found = ", ".join(printable(name) for name in table.columns())
        raise CxrError(f"{table.path}: column 'SOPInstanceUID' (or 'ImageID') is missing; found {found}")
    frame = with_position(table.read([id_column], optional=["filename", "EncodedPixels"]), table)
    frame = frame.rename(columns={id_column: "image_id"})
    images, codes = collapse(frame)
    columns: dict[str, Series] = {}
    if "filename" in frame:
        patients = frame["filename"].str.split("_", n=1).str[0].groupby(codes)
        sure = (patients.nunique() == 1) & (patients.first() != "")
        columns["patient_id"] = patients.first().where(sure, None)
    if "EncodedPixels" in frame:
        mask = frame["EncodedPixels"].str.strip()
        positive = (~mask.isin(("-1", ""))).groupby(codes).any()
        columns["findings"] = pd.Series("", index=positive.index).mask(positive, "Pneumothorax")
    return draft(images, images["image_id"], "dataset/" + images["image_id"], **columns)


def locate(root: "Path", paths: "Series") -> "Series":
    """Find images in ``dataset``, ``chest_radiographs``, ``images`` or the root, as DICOM, JPEG or PNG."""
    from cxrfactory.ingest.files import index_folders

    found = index_folders(root, [root / name for name in ("dataset", "chest_radiographs", "images", "")])
    names = paths.str.removeprefix("dataset/")
    located = names.map(found)
    for suffix in (".dcm", ".dicom", ".jpg", ".png"):
        located = located.fillna((names + suffix).map(found))
    return located.fillna(paths)
