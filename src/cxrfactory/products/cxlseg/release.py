"""One release as CXLSeg: pictures at the release's own paths, the four tables, the accounts.

Format: CXLSeg 1.0.0 (PhysioNet), ``<path of the image>.jpg`` and ``<path of the image>-mask.jpg``, tables keyed by
``dicom_id, subject_id, study_id``. Memory holds the tables and one group of pictures, whatever the release's size.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.products.accounts import SUMMARY, sum_up
from cxrfactory.products.cxlseg.inputs import release_labels, select_images
from cxrfactory.products.cxlseg.shard import PICTURES, ROWS_PER_GROUP
from cxrfactory.tables.atomic import flush, write_bytes, write_text
from cxrfactory.tables.cxlseg import (
    CHEXPERT_LABELS,
    TABLES,
    mask_path,
    patients_in_two_splits,
    segmented_path,
    write_tables,
)
from cxrfactory.tables.parquet import read_batches, read_table
from cxrfactory.tables.paths import is_plain_name, path_inside
from cxrfactory.tables.schemas import REJECTED
from cxrfactory.tables.splits import SHARES, SPLITS, split_by_image, split_by_patient

PICTURE_COLUMNS = ("image", "mask", "mask_png")

log = get_logger(__name__)


@dataclass(frozen=True)
class SplitRule:
    """How the images of a release are split.

    Attributes
    ----------
    unit
        ``patient``, or ``image`` as in the published table, where one patient may stand in two sets.
    shares
        Parts of train, validate and test.
    seed
        Another seed, another split.
    """

    unit: str = "patient"
    shares: tuple[int, ...] = SHARES
    seed: int = 0

    def __post_init__(self) -> None:
        if self.unit not in ("patient", "image"):
            raise CxrError(f"split '{self.unit}'; expected patient or image")


def package_cxlseg(
    manifest: str | Path,
    reports: str | Path,
    rejected_reports: str | Path,
    pictures: Sequence[str | Path],
    rejected: Sequence[str | Path],
    output: str | Path,
    part: str | Path,
    dataset: str,
    release: str,
    split: SplitRule,
    labels: str | Path | None = None,
) -> dict[str, Any]:
    """Write one release's pictures and tables, and its part of the accounts.

    Parameters
    ----------
    manifest, reports, rejected_reports
        As :func:`cxrfactory.products.cxlseg.inputs.select_images`.
    pictures, rejected
        Shards of :func:`cxrfactory.products.cxlseg.shard.cxlseg_shard`.
    output
        Folder of the product to make; one of an earlier run is replaced, anything else is not.
    part
        Folder outside it for ``summary.json``, ``rejected.csv`` and ``excluded.csv``.
    dataset, release
        Name in the config, published name.
    split
        How the images are split.
    labels
        Table of CheXpert labels, see :func:`cxrfactory.products.cxlseg.inputs.release_labels`.

    Returns
    -------
    The summary written to ``part/summary.json``.

    Raises
    ------
    CxrError
        If an input is unreadable, an image with a report is neither in the shards nor rejected (or both), no image is
        left, or a patient would stand in two sets of a split by patient.
    """
    output, part = Path(output), Path(part)
    if not is_plain_name(release):
        raise CxrError(f"release name '{release}'; expected letters, digits, '.', '_', '-' only: it names files")
    if not pictures:
        raise CxrError(f"{dataset}: no shards of pictures given; run cxlseg-shard first")
    _check_replaceable(output)
    selected, excluded = select_images(manifest, reports, rejected_reports)
    faults = pd.concat([read_table(path, REJECTED) for path in rejected] or [pd.DataFrame(columns=REJECTED.names)])
    faults = faults.sort_values("image_id", ignore_index=True)
    kept, shares = _ids(pictures)
    _check_complete(dataset, selected, kept, faults)
    rows = selected[selected["image_id"].isin(set(kept))].reset_index(drop=True)
    tables = make_tables(rows, release_labels(rows, labels), split)
    if split.unit == "patient" and (twice := patients_in_two_splits(tables["CXLSeg-split"])):
        raise CxrError(f"{dataset}: patient '{twice[0]}' stands in two sets; expected each in one")

    output.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        lossless = _write_pictures(pictures, dict(zip(rows["image_id"], rows["path"], strict=True)), building)
        write_tables(tables, building)
        building.chmod(0o755)
        flush()
        shutil.rmtree(output, ignore_errors=True)
        os.replace(building, output)
    finally:
        shutil.rmtree(building, ignore_errors=True)

    summary = _summary(dataset, release, tables, excluded, faults, split, shares)
    summary["mask_png"] = lossless
    write_text(part / "rejected.csv", _csv(dataset, faults, ["image_id", "stage", "reason"]))
    write_text(part / "excluded.csv", _csv(dataset, excluded, ["image_id", "reason"]))
    write_text(part / SUMMARY, json.dumps(summary, indent=2, allow_nan=False) + "\n")
    sum_up(part, output, [path for path in output.rglob("*") if path.is_file()])
    log.info("%s: %d images kept, %d excluded, %d rejected; wrote %s", dataset, len(rows), len(excluded), len(faults),
             output)  # fmt: skip
    return summary


def make_tables(rows: pd.DataFrame, labels: pd.DataFrame, split: SplitRule) -> dict[str, pd.DataFrame]:
    """The four tables.

    Parameters
    ----------
    rows
        As selected: ``image_id``, ``path``, ``patient_id``, ``study_id``, ``view``, ``report``.
    labels
        CheXpert labels with the same index.
    split
        How to split.

    Raises
    ------
    CxrError
        If an image without a patient is to be split by patient.
    """
    keys = rows[["image_id", "patient_id", "study_id"]].set_axis(["dicom_id", "subject_id", "study_id"], axis=1)
    if split.unit == "patient":
        sets = split_by_patient(rows["patient_id"], split.shares, split.seed)
    else:
        sets = split_by_image(rows["image_id"], split.shares, split.seed)
    columns = {
        "CXLSeg-metadata": {"ViewPosition": rows["view"], "Reports": rows["report"]},
        "CXLSeg-segmented": {"DicomPath": rows["path"].map(segmented_path)} | {name: labels[name] for name in labels},
        "CXLSeg-split": {"split": sets},
        "CXLSeg-mask": {"DicomPath": rows["path"].map(mask_path)},
    }
    return {name: keys.assign(**columns[name])[schema.names] for name, schema in TABLES.items()}


def _ids(pictures: Sequence[str | Path]) -> tuple[list[str], list[float]]:
    """Ids of the shards' images, and the masks' shares of the picture."""
    frames = [read_table(path, columns=["image_id", "mask_share"]) for path in pictures]
    frame = pd.concat(frames, ignore_index=True).sort_values("image_id", ignore_index=True)
    if (twice := frame["image_id"].duplicated()).any():
        raise CxrError(f"shards of pictures: image '{frame['image_id'][twice].iloc[0]}' stands twice")
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


def _check_replaceable(output: Path) -> None:
    holds_files = output.is_dir() and any(path.is_file() for path in output.rglob("*"))
    if output.is_file() or (holds_files and not (output / "CXLSeg-split.parquet").is_file()):
        raise CxrError(f"{output}: exists and is no such product of an earlier run; give another folder")


def _write_pictures(pictures: Sequence[str | Path], paths: dict[str, str], folder: Path) -> bool:
    """Write the files; returns whether masks without loss are among them."""
    lossless = False
    for row in progress(_rows(pictures), "pictures", len(paths)):
        path = paths[row["image_id"]]
        names = (segmented_path(path), mask_path(path), mask_path(path, ".png"))
        for column, name in zip(PICTURE_COLUMNS, names, strict=True):
            if row[column] is not None:
                write_bytes(path_inside(folder, name), row[column], durable=False)
        lossless |= row["mask_png"] is not None
    return lossless


def _rows(pictures: Sequence[str | Path]) -> Iterator[dict[str, Any]]:
    for path in pictures:
        for batch in read_batches(path, ["image_id", *PICTURE_COLUMNS], ROWS_PER_GROUP, PICTURES):
            yield from batch.to_pylist()


def _summary(
    dataset: str,
    release: str,
    tables: dict[str, pd.DataFrame],
    excluded: pd.DataFrame,
    faults: pd.DataFrame,
    split: SplitRule,
    shares: list[float],
) -> dict[str, Any]:
    sets, labels = tables["CXLSeg-split"], tables["CXLSeg-segmented"]
    counts = sets["split"].value_counts()
    return {
        "dataset": dataset,
        "release": release,
        "kept": len(sets),
        "patients": int(sets["subject_id"].nunique()),
        "studies": int(sets["study_id"].nunique()),
        "excluded": _counted(excluded["reason"]),
        "rejected": _counted(faults["reason"]),
        "split": {
            "unit": split.unit,
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
    }


def _counted(reasons: pd.Series) -> dict[str, int]:
    return {str(reason): int(count) for reason, count in sorted(reasons.value_counts().items())}


def _csv(dataset: str, frame: pd.DataFrame, names: list[str]) -> str:
    rows = frame[names].copy()
    rows.insert(0, "dataset", dataset)
    return rows.to_csv(index=False, lineterminator="\n")
