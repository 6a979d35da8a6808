"""ChestX-ray8 (NIH): every image is frontal."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable

LAYOUT = ReleaseLayout(
    name="chestx-ray8",
    published_name="ChestX-Ray8",
    id_column="Image Index",
    slots=(TableSlot("entries", with_gz("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv", "sample_labels.csv")),),
    view_rule="all images; View Position is PA or AP in each row",
    shards=50,
    paper_counts={"rows": 112120, "included": 112120},
)


def rows(
    tables: "Mapping[str, SourceTable]", view_from_procedure: bool = False, words: "Vocabulary | None" = None
) -> "DataFrame":
    """Convert the entry table to manifest rows; all rows are included for every value of ``View Position``."""
    from cxrfactory.ingest.rows import VIEWS, draft, known
    from cxrfactory.ingest.tabular import with_position
    from cxrfactory.tables.joins import plain_ids
    from cxrfactory.tables.people import ages, sexes

    table = tables["entries"]
    columns = [
        "Image Index",
        "Finding Labels",
        "Patient ID",
        "Patient Age",
        "Patient Gender",
        "View Position",
    ]
    frame = with_position(table.read(columns), table)
    view = frame["View Position"].str.strip().str.upper()
    return draft(
        frame,
        frame["Image Index"],
        "images/" + frame["Image Index"],
        patient_id=known(plain_ids(frame["Patient ID"])),
        view=view.where(view.isin(VIEWS), None).astype(object),
        sex=sexes(frame["Patient Gender"]),
        age=ages(frame["Patient Age"]),
        findings=known(frame["Finding Labels"]),
    )


def locate(root: "Path", paths: "Series") -> "Series":
    """Find images in ``images``, ``images_001/images`` to ``images_012/images``, the root, or a mirror's folders."""
    from cxrfactory.ingest.files import index_folders

    folders = [root / "images", *sorted(root.glob("images_*/images")), *sorted(root.glob("images_*")), root]
    folders += [root / name for name in ("images/images", "sample/images", "images-224", "images-224/images-224")]
    return paths.str.removeprefix("images/").map(index_folders(root, folders)).fillna(paths)
