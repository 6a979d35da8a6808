"""Pack one release as CXLSeg: images at the release's own paths, the four tables, the accounts.

Format: CXLSeg 1.0.0 (PhysioNet), ``<path of the image>.jpg`` and ``<path of the image>-mask.jpg``, tables keyed by
``dicom_id, subject_id, study_id``. Memory holds the tables and one row group of images.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.config.cxlseg import CxlsegSplitConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.accounts import SUMMARY, ReleaseNames, check_release_name, sum_up, write_left_out
from cxrfactory.products.cxlseg.inputs import CxlsegInputs, release_labels, reports_without_image, select_images
from cxrfactory.products.cxlseg.shard import PICTURES, ROWS_PER_GROUP
from cxrfactory.products.cxlseg.summary import CxlsegSummary
from cxrfactory.products.cxlseg.tables import (
    IMAGE_TABLE,
    MASK_TABLE,
    REPORT_TABLE,
    SPLIT_TABLE,
    TABLES,
    mask_path,
    patients_in_two_splits,
    segmented_path,
    write_tables,
)
from cxrfactory.products.product import check_replaceable
from cxrfactory.tables.atomic import write_bytes, write_text
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.parquet import read_batches, read_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.schemas import REJECTED
from cxrfactory.tables.splits import SPLITS, split_by_image, split_by_patient
from cxrfactory.tables.streaming import Row

PICTURE_COLUMNS = ("image", "mask", "mask_png")

log = get_logger(__name__)


def package_cxlseg(
    inputs: CxlsegInputs, names: ReleaseNames, output: str | Path, part: str | Path, split: CxlsegSplitConfig
) -> CxlsegSummary:
    """Write one release's images and tables, and its accounts.

    Parameters
    ----------
    inputs
        Outputs of the stages for this release.
    names
        Names of the release.
    output
        Folder of the product to make. A product of an earlier run is replaced; any other folder is refused.
    part
        Folder outside the product for ``summary.json``, ``rejected.csv`` and ``excluded.csv``.
    split
        Rule by which the images are split.

    Returns
    -------
    The summary written to ``part/summary.json``.

    Raises
    ------
    CxrError
        If an input is unreadable, an image with a report is neither in the shards nor rejected (or both), no image is
        left, or a patient would be in two sets of a split by patient.
    """
    output, part = Path(output), Path(part)
    dataset = names.dataset
    check_release_name(names.release)
    if not inputs.pictures:
        raise CxrError(f"{dataset}: no shards of pictures given; run cxlseg-shard first")
    check_replaceable(output, f"{SPLIT_TABLE}.parquet")
    selected, excluded = select_images(inputs.tables)
    faults = [read_table(path, REJECTED) for path in inputs.rejected] or [pd.DataFrame(columns=REJECTED.names)]
    faults = pd.concat(faults).sort_values("image_id", ignore_index=True)
    kept, shares = _ids(inputs.pictures)
    _check_complete(dataset, selected, kept, faults)
    rows = selected[selected["image_id"].isin(set(kept))].reset_index(drop=True)
    tables = make_tables(rows, release_labels(rows, inputs.labels), split)
    if split.split == "patient" and (twice := patients_in_two_splits(tables[SPLIT_TABLE])):
        raise CxrError(f"{dataset}: patient '{twice[0]}' stands in two sets; expected each in one")

    with replaced_folder(output) as folder:
        paths = dict(zip(rows["image_id"], rows["path"], strict=True))
        lossless = _write_pictures(inputs.pictures, paths, folder)
        write_tables(tables, folder)

    unused = reports_without_image(inputs.tables)
    summary = _summary(names, tables, excluded, faults, split, shares, lossless, unused)
    rejected = faults[["image_id", "stage", "reason"]].itertuples(index=False)
    write_left_out(part, dataset, rejected, excluded[["image_id", "reason"]].itertuples(index=False))
    write_text(part / SUMMARY, json.dumps(summary, indent=2, allow_nan=False) + "\n")
    sum_up(part, output, [path for path in output.rglob("*") if path.is_file()])
    log.info("%s: %d images kept, %d excluded, %d rejected; wrote %s", dataset, len(rows), len(excluded), len(faults),
             output)  # fmt: skip
    if unused:
        log.warning("%s: %d reports are of no image: their studies are not in the manifest", dataset, unused)
    return summary


def make_tables(rows: pd.DataFrame, labels: pd.DataFrame, split: CxlsegSplitConfig) -> dict[str, pd.DataFrame]:
    """Build the four tables, by name.

    Parameters
    ----------
    rows
        Selected images: ``image_id``, ``path``, ``patient_id``, ``study_id``, ``view``, ``report``.
    labels
        CheXpert labels with the same index.
    split
        Rule by which the images are split.

    Raises
    ------
    CxrError
        If the split is by patient and an image has no patient.
    """
    keys = rows[["image_id", "patient_id", "study_id"]].set_axis(["dicom_id", "subject_id", "study_id"], axis=1)
    if split.split == "patient":
        sets = split_by_patient(rows["patient_id"], split.shares, split.seed)
    else:
        sets = split_by_image(rows["image_id"], split.shares, split.seed)
    columns = {
        REPORT_TABLE: {"ViewPosition": rows["view"], "Reports": rows["report"]},
        IMAGE_TABLE: {"DicomPath": rows["path"].map(segmented_path)} | {name: labels[name] for name in labels},
        SPLIT_TABLE: {"split": sets},
        MASK_TABLE: {"DicomPath": rows["path"].map(mask_path)},
    }
    return {name: keys.assign(**columns[name])[schema.names] for name, schema in TABLES.items()}


def _ids(pictures: Sequence[str | Path]) -> tuple[list[str], list[float]]:
    """Return the ids of the shards' images, and the mask's share of each image."""
    frames = [read_table(path, columns=["image_id", "mask_share"]) for path in pictures]
    frame = pd.concat(frames, ignore_index=True).sort_values("image_id", ignore_index=True)
    if (twice := frame["image_id"].duplicated()).any():
        raise CxrError(f"shards of pictures: image '{frame['image_id'][twice].iloc[0]}' occurs twice")
    return frame["image_id"].tolist(), frame["mask_share"].tolist()


def _check_complete(dataset: str, selected: pd.DataFrame, kept: list[str], faults: pd.DataFrame) -> None:
    wanted, found, lost = set(selected["image_id"]), set(kept), set(faults["image_id"])
    if not found:
        first = faults["reason"].iloc[0] if len(faults) else "no image has a report"
        raise CxrError(f"{dataset}: no image is left; {len(lost)} rejected, first: {first}")
    for what, ids in (
        ("missing from the shards and not rejected", wanted - found - lost),
        ("in the shards or rejected, but without a report in the manifest's studies", (found | lost) - wanted),
        ("in the shards and rejected, both", found & lost),
    ):
        if ids:
            raise CxrError(
                f"{dataset}: {len(ids)} images {what}, first '{min(ids)}'; make the shards again from the same tables"
            )


def _write_pictures(pictures: Sequence[str | Path], paths: dict[str, str], folder: Path) -> bool:
    """Write the image files, and return whether lossless masks are among them."""
    lossless = False
    for row in progress(_rows(pictures), "pictures", len(paths)):
        path = paths[row["image_id"]]
        names = (segmented_path(path), mask_path(path), mask_path(path, ".png"))
        for column, name in zip(PICTURE_COLUMNS, names, strict=True):
            if row[column] is not None:
                write_bytes(path_inside(folder, name), row[column], durable=False)
        lossless |= row["mask_png"] is not None
    return lossless


def _rows(pictures: Sequence[str | Path]) -> Iterator[Row]:
    for path in pictures:
        for batch in read_batches(path, ["image_id", *PICTURE_COLUMNS], ROWS_PER_GROUP, PICTURES):
            yield from batch.to_pylist()


def _summary(
    names: ReleaseNames,
    tables: dict[str, pd.DataFrame],
    excluded: pd.DataFrame,
    faults: pd.DataFrame,
    split: CxlsegSplitConfig,
    shares: list[float],
    lossless: bool,
    unused: int,
) -> CxlsegSummary:
    sets, labels = tables[SPLIT_TABLE], tables[IMAGE_TABLE]
    counts = sets["split"].value_counts()
    return {
        "dataset": names.dataset,
        "release": names.release,
        "kept": len(sets),
        "patients": int(sets["subject_id"].nunique()),
        "studies": int(sets["study_id"].nunique()),
        "excluded": _counted(excluded["reason"]),
        "rejected": _counted(faults["reason"]),
        "split": {
            "unit": split.split,
            "shares": list(split.shares),
            "seed": split.seed,
            "images": {name: int(counts.get(name, 0)) for name in SPLITS},
            "patients_in_two_sets": len(patients_in_two_splits(sets)),
        },
        "labels": {
            name: {str(int(value)): int(count) for value, count in labels[name].value_counts().sort_index().items()}
            for name in CHEXPERT_LABELS
        },
        "mask_share": {"mean": sum(shares) / len(shares), "min": min(shares), "max": max(shares)},
        "mask_png": lossless,
        "reports_without_image": unused,
    }


def _counted(reasons: pd.Series) -> dict[str, int]:
    return {str(reason): int(count) for reason, count in sorted(reasons.value_counts().items())}
