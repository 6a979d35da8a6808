"""CheXpert 1.0: an image is frontal if ``Frontal/Lateral`` is Frontal."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable

_FOLDERS = ("", "CheXpert-v1.0/", "CheXpert-v1.0-small/")

LAYOUT = ReleaseLayout(
    name="chexpert",
    published_name="CheXpert",
    id_column="Path",
    slots=(
        TableSlot("train", with_gz(*(f"{folder}train.csv" for folder in _FOLDERS), "chexpert_train.csv")),
        TableSlot("valid", with_gz(*(f"{folder}valid.csv" for folder in _FOLDERS), "chexpert_valid.csv")),
    ),
    view_rule="Frontal/Lateral is Frontal",
    shards=80,
    paper_counts={"rows": 224316, "included": 187825},
    id_is_file_name=False,
)

_NOT_FINDINGS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")


def rows(
    tables: "Mapping[str, SourceTable]", view_from_procedure: bool = False, words: "Vocabulary | None" = None
) -> "DataFrame":
    """Convert the training and validation tables to manifest rows.

    Only ``Frontal/Lateral`` determines whether a row is included; ``AP/PA`` only names the view. In 17 frontal rows of
    the public training table, ``AP/PA`` is LL or RL; these rows are included, as in CheXmask.
    """
    import pandas as pd

    from cxrfactory.ingest.tabular import listing_tables

    return pd.concat([_table_rows(table, words) for table in listing_tables(tables, ("train", "valid"))]).reset_index(
        drop=True
    )


def _table_rows(table: "SourceTable", words: "Vocabulary | None") -> "DataFrame":
    from cxrfactory.ingest.rows import ages, draft, select_views, sexes
    from cxrfactory.ingest.tabular import fold_flags, with_position

    names = [name for name in table.columns() if name not in _NOT_FINDINGS]
    frame = with_position(table.read([*_NOT_FINDINGS, *names]), table)
    sides = select_views(frame["Frontal/Lateral"], "Frontal/Lateral", words=words)
    reason = sides["exclusion_reason"].str.replace(", not PA or AP", ", not Frontal", regex=False)
    reason = reason.str.replace(", expected PA or AP", "", regex=False).astype(object)
    other = sides["exclusion_reason"].notna() & sides["view"].notna()
    view = select_views(frame["AP/PA"], "AP/PA", words=words)["view"]
    parts = frame["Path"].str.extract(r"(?:^|/)(patient[^/]+)/(study[^/]+)/")
    return draft(
        frame,
        frame["Path"],
        frame["Path"],
        patient_id=parts[0],
        study_id=parts[0] + "/" + parts[1],
        view=view.where(~other, sides["view"]),
        sex=sexes(frame["Sex"]),
        age=ages(frame["Age"]),
        findings=fold_flags(frame, names) if names else None,
        exclusion_reason=reason.where(reason.notna(), None),
    )


def locate(root: "Path", paths: "Series") -> "Series":
    """Remove the archive's folder from the paths if the root does not contain this folder."""
    folder = paths.str.split("/", n=1).str[0]
    inside = {name: (root / name).is_dir() for name in folder.unique()}
    drop = folder.str.startswith("CheXpert") & ~folder.map(inside).astype(bool)
    return paths.where(~drop, paths.str.split("/", n=1).str[-1])
