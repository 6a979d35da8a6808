"""CheXpert 1.0: an image is frontal if ``Frontal/Lateral`` is Frontal."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable

# The archives' folders, and the first batch of the large download, which holds the tables.
_FOLDERS = ("", "CheXpert-v1.0/", "CheXpert-v1.0-small/", "CheXpert-v1.0 batch 1 (validate & csv)/")
# CheXpert Plus: one table of the training and the validation images.
_PLUS = "df_chexpert_plus_240401.csv"
_PLUS_COLUMNS = {
    "path_to_image": "Path",
    "sex": "Sex",
    "age": "Age",
    "frontal_lateral": "Frontal/Lateral",
    "ap_pa": "AP/PA",
}
_RELABELLED = ("train_cheXbert.csv", "train_visualCheXbert.csv")

LAYOUT = ReleaseLayout(
    name="chexpert",
    published_name="CheXpert",
    id_column="Path",
    slots=(
        TableSlot(
            "train",
            with_gz(
                *(f"{folder}train.csv" for folder in _FOLDERS),
                "chexpert_train.csv",
                *(f"{folder}{name}" for folder in _FOLDERS for name in _RELABELLED),
                _PLUS,
            ),
        ),
        TableSlot(
            "valid",
            with_gz(*(f"{folder}{name}.csv" for name in ("valid", "val") for folder in _FOLDERS), "chexpert_valid.csv"),
        ),
    ),
    view_rule="Frontal/Lateral is Frontal",
    shards=80,
    paper_counts={"rows": 224316, "included": 187825},
    id_is_file_name=False,
    mark_columns=("Path", "path_to_image"),
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

    listed = listing_tables(tables, ("train", "valid"))
    # The table of CheXpert Plus lists the validation images too.
    listed = [table for table in listed if _PLUS in table.name][:1] or listed
    return pd.concat([_table_rows(table, words) for table in listed]).reset_index(drop=True)


def _table_rows(table: "SourceTable", words: "Vocabulary | None") -> "DataFrame":
    from cxrfactory.ingest.flags import fold_flags
    from cxrfactory.ingest.rows import draft, select_sides, select_views
    from cxrfactory.ingest.tabular import with_position
    from cxrfactory.tables.people import ages, sexes

    if "path_to_image" in table.columns():
        names = []
        frame = with_position(table.read(list(_PLUS_COLUMNS)).rename(columns=_PLUS_COLUMNS), table)
    else:
        names = [name for name in table.columns() if name not in _NOT_FINDINGS]
        frame = with_position(table.read([*_NOT_FINDINGS, *names]), table)
    sides = select_sides(frame["Frontal/Lateral"], "Frontal/Lateral", words)
    reason = sides["exclusion_reason"]
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
        findings=fold_flags(frame, names, str(table.path)) if names else None,
        exclusion_reason=reason.where(reason.notna(), None),
    )


def locate(root: "Path", paths: "Series") -> "Series":
    """Find images in the archive's folder, directly in the root, or in the folders of the archive's batches.

    ``CheXpert-v1.0/train/patient00001/...`` is looked for as it is written, without its first folder, below ``PNG``
    (CheXpert Plus), and then by the folder of the patient in the root, in ``train`` and ``valid``, and in folders whose
    name holds ``batch``.
    """
    parts = paths.str.extract(r"^(?P<holder>(?:.*/)?)(?P<tail>patient[^/]+/.*)$")
    # A path without a patient keeps its text, without the archive's folder where the root has none.
    parts["holder"] = parts["holder"].where(parts["tail"].notna(), paths.str.split("/", n=1).str[0] + "/")
    parts["tail"] = parts["tail"].where(parts["tail"].notna(), paths.str.split("/", n=1).str[-1])
    holders = {holder: _holder(root, holder) for holder in parts["holder"].unique()}
    moved = parts["holder"].map(holders).astype(object)
    default = parts["holder"].map({holder: _without_archive(root, holder) for holder in holders})
    absent = moved.isna()
    located = (moved.fillna(default) + parts["tail"]).astype(object)
    png = moved.fillna("").str.match(r"PNG/")
    located = located.where(~png, located.str.replace(r"\.jpg$", ".png", regex=True))
    if not absent.any():
        return located
    patients = _patients(root)
    folder = parts["tail"][absent].str.partition("/")[0].map(patients).astype(object)
    return located.where(~absent, (folder + parts["tail"]).fillna(located))


def _holder(root: "Path", holder: str) -> str | None:
    """Return the folder of patients that a table's paths mean, with a slash at its end; None if the root has none."""
    short = _without_archive(root, holder)
    part = short.rsplit("/", 2)[-2] if "/" in short else ""
    other = {"valid": "val", "val": "valid"}.get(part, part)
    places = [holder, short, *(f"{folder}/{part}/" for folder in ("PNG", "PNG/PNG", "images")), f"{other}/"]
    if part not in ("train", "valid", "val", "test"):
        places = [holder, short]
    return next((place for place in places if place.strip("/") and (root / place).is_dir()), None)


def _without_archive(root: "Path", holder: str) -> str:
    first, _, rest = holder.partition("/")
    return rest if first.startswith("CheXpert") and not (root / first).is_dir() else holder


def _patients(root: "Path") -> dict[str, str]:
    """Return the folder of each patient with a slash at its end, from the batches of the archive and the root."""
    import os

    with os.scandir(root) as entries:
        batches = sorted(entry.name for entry in entries if "batch" in entry.name.lower() and entry.is_dir())
    places = ["", *(f"{batch}/{part}" for batch in batches for part in ("", "train/", "valid/"))]
    places += [f"{part}/" for part in ("train", "valid", "val")]
    found: dict[str, str] = {}
    for place in (each if each.endswith("/") or not each else f"{each}/" for each in places):
        if (root / place).is_dir():
            with os.scandir(root / place) as entries:
                for entry in entries:
                    if entry.name.startswith("patient"):
                        found.setdefault(entry.name, place)
    return found
