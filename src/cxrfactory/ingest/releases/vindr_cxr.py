"""VinDr-CXR 1.0 (PhysioNet): every image is frontal, and the tables have one row per image and reader or finding."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy import ndarray
    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable

LAYOUT = ReleaseLayout(
    name="vindr-cxr",
    published_name="VinDr-CXR",
    id_column="image_id",
    slots=(
        TableSlot(
            "train",
            with_gz(
                "annotations/image_labels_train.csv",
                "annotations/annotations_train.csv",
                "image_labels_train.csv",
                "annotations_train.csv",
                "train.csv",
                "vinbigdata-train.csv",
            ),
        ),
        TableSlot(
            "test",
            with_gz(
                "annotations/image_labels_test.csv",
                "annotations/annotations_test.csv",
                "image_labels_test.csv",
                "annotations_test.csv",
                "test.csv",
                "vinbigdata-test.csv",
            ),
        ),
    ),
    view_rule="all images",
    shards=8,
    paper_counts={"rows": 18000, "included": 18000},
    mark_columns=("image_id",),
)

_NOT_FINDINGS = (
    *("image_id", "rad_id", "class_name", "class_id", "x_min", "y_min", "x_max", "y_max"),
    *("width", "height", "dim0", "dim1"),  # sizes in the tables of mirrors
)
_FOLDERS = (
    "{part}", "{part}_png", "{part}_jpg", "{part}_images", "{part}/{part}", "images/{part}", "images", "dicom", "png",
    "jpg", "",
)  # fmt: skip
_SUFFIXES = (".dicom", ".dcm", ".png", ".jpg", ".jpeg", "")


def rows(
    tables: "Mapping[str, SourceTable]", view_from_procedure: bool = False, words: "Vocabulary | None" = None
) -> "DataFrame":
    """Convert the label tables (one row per reader) or box tables (one row per finding) to one row per image.

    A finding is kept if more than half of the image's readers named it.
    """
    import pandas as pd

    from cxrfactory.ingest.tabular import listing_tables

    parts = [_table_rows(table) for table in listing_tables(tables, ("train", "test"))]
    return pd.concat(parts, ignore_index=True)


def _table_rows(table: "SourceTable") -> "DataFrame":
    from cxrfactory.ingest.rows import collapse, draft
    from cxrfactory.ingest.tabular import with_position

    header = table.columns()
    long = "class_name" in header
    names = ["class_name"] if long else [name for name in header if name not in _NOT_FINDINGS]
    frame = with_position(table.read(["image_id", *names], optional=["rad_id"]), table)
    images, codes = collapse(frame)
    readers = frame["rad_id"] if "rad_id" in frame else frame["image_id"]
    findings = None
    if names:
        path = str(table.path)
        votes = _long_votes(frame, codes, readers) if long else _wide_votes(frame, codes, readers, names, path)
        findings = _majority(votes, codes, readers)
    return draft(
        images,
        images["image_id"],
        f"{table.role}/" + images["image_id"] + ".dicom",
        findings=findings,
    )


def _long_votes(frame: "DataFrame", codes: "ndarray", readers: "Series") -> "DataFrame":
    """Return the columns image, finding and reader from rows with one finding each."""
    import pandas as pd

    return pd.DataFrame({"image": codes, "finding": frame["class_name"], "reader": readers})


def _wide_votes(frame: "DataFrame", codes: "ndarray", readers: "Series", names: list[str], table: str) -> "DataFrame":
    """Return the columns image, finding and reader from rows with one 0/1 column per finding."""
    import pandas as pd

    from cxrfactory.ingest.flags import flags

    said = [flags(frame[name], name, table) for name in names]
    return pd.concat(
        pd.DataFrame({"image": codes[yes], "finding": name, "reader": readers.to_numpy()[yes]})
        for name, yes in zip(names, said, strict=True)
    )


def _majority(votes: "DataFrame", codes: "ndarray", readers: "Series") -> "Series":
    import pandas as pd

    asked = pd.DataFrame({"image": codes, "reader": readers.to_numpy()}).drop_duplicates()
    readers_of = asked.groupby("image").size()
    count = votes.drop_duplicates().groupby(["image", "finding"], sort=True).size().reset_index(name="votes")
    kept = count[2 * count["votes"] > readers_of.loc[count["image"]].to_numpy()]
    joined = kept["finding"].str.replace("|", "/").groupby(kept["image"]).agg("|".join)
    return joined.reindex(range(len(readers_of)), fill_value="")


def locate(root: "Path", paths: "Series") -> "Series":
    """Find images as DICOM (``.dicom``, ``.dcm``), PNG or JPEG, in folders of the table's part or all in one folder."""
    from cxrfactory.ingest.files import index_folders

    folders = paths.str.partition("/")[0]
    known = {
        part: index_folders(root, [root / name.format(part=part) for name in _FOLDERS]) for part in folders.unique()
    }

    def find(path: str) -> str:
        part, _, name = path.partition("/")
        stem = name.removesuffix(".dicom")
        return next((known[part][stem + suffix] for suffix in _SUFFIXES if stem + suffix in known[part]), path)

    return paths.map(find)
