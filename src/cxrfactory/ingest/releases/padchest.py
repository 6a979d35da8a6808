"""PadChest (BIMCV): an image is frontal if ``Projection`` is PA or AP."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable

LAYOUT = ReleaseLayout(
    name="padchest",
    published_name="Padchest",
    id_column="ImageID",
    slots=(
        TableSlot(
            "labels",
            with_gz(
                "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz",
                "PADCHEST_chest_x_ray_images_labels_160K.csv",
                "chest_x_ray_images_labels_sample.csv",
            ),
        ),
    ),
    view_rule="Projection is PA or AP (AP_horizontal is left out)",
    shards=40,
    paper_counts={"rows": 160861, "included": 96287},
)

_FLAT = ("", "images", "sample", "sample/images", "images-224", "images-224/images-224")


def rows(
    tables: "Mapping[str, SourceTable]", view_from_procedure: bool = False, words: "Vocabulary | None" = None
) -> "DataFrame":
    """Convert the label table to manifest rows; the age is the year of the study minus the year of birth."""
    import pandas as pd

    from cxrfactory.ingest.rows import draft, known, select_views, study_year
    from cxrfactory.ingest.tabular import with_position
    from cxrfactory.tables.joins import plain_ids
    from cxrfactory.tables.people import plausible_ages, sexes

    table = tables["labels"]
    required = ["ImageID", "Projection", "PatientID", "StudyID", "PatientSex_DICOM"]
    dated = ["PatientBirth", "StudyDate_DICOM"]
    frame = with_position(table.read([*required, *dated, "Labels"], optional=["ImageDir"]), table)
    views = select_views(frame["Projection"], "Projection", words=words)
    birth = pd.to_numeric(frame["PatientBirth"].str.extract(r"^([0-9]{4})(?:\.0)?$")[0]).astype(float)
    path = frame["ImageID"]
    if "ImageDir" in frame:
        folder = plain_ids(frame["ImageDir"])
        path = folder.where(folder == "", folder + "/") + frame["ImageID"]
    labels = {cell: _labels(cell) for cell in frame["Labels"].unique()}
    return draft(
        frame,
        frame["ImageID"],
        path,
        patient_id=known(frame["PatientID"]),
        study_id=known(frame["StudyID"]),
        view=views["view"],
        sex=sexes(frame["PatientSex_DICOM"]),
        age=plausible_ages(study_year(frame["StudyDate_DICOM"]) - birth),
        findings=frame["Labels"].map(labels),
        exclusion_reason=views["exclusion_reason"],
    )


def _labels(cell: str) -> str | None:
    from cxrfactory.ingest.rows import quoted_words

    if not cell.strip().startswith("["):
        return None
    return "|".join(word.replace("|", "/") for word in quoted_words(cell))


def locate(root: "Path", paths: "Series") -> "Series":
    """Find images in one folder per archive, which may be nested, or all in a single folder."""
    from cxrfactory.ingest.files import index_folders

    folders = paths.str.rpartition("/")[0]
    nested = {name: _nested(root, name) for name in folders.unique()}
    moved = folders.map(nested).astype(object)
    names = paths.str.rpartition("/")[2]
    paths = paths.where(moved.isna() | (moved == folders), moved + "/" + names)
    absent = moved.isna()
    if not absent.any():
        return paths
    flat = index_folders(root, [root / name for name in _FLAT])
    found = names[absent].map(flat)
    return paths.where(~absent, found.fillna(paths))


def _nested(root: "Path", folder: str) -> str | None:
    """Return the folder of an archive: as the table says, or inside the folder of all archives; None if absent."""
    if not folder:
        return None
    places = (folder, f"{folder}/{folder}", f"images/{folder}", f"image_zips/{folder}")
    # A folder that holds another of its own name was unpacked into itself.
    found = [place for place in places if (root / place).is_dir()]
    return f"{folder}/{folder}" if f"{folder}/{folder}" in found else next(iter(found), None)
