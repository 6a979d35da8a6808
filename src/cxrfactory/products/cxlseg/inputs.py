"""Select the images of a release for CXLSeg, and read their CheXpert labels."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.products.cxlseg.tables import segmented_path
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS, LABEL_VALUES, labels_of_findings
from cxrfactory.tables.joins import Join, partners, plain_ids
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.reports import REJECTED_REPORTS, REPORTS

log = get_logger(__name__)

NO_STUDY = "the release names no study, so that no report can be found"
NO_REPORT = "the study has no report"

_MANIFEST = ["image_id", "path", "patient_id", "study_id", "view", "findings", "included", "exclusion_reason"]


@dataclass(frozen=True)
class ReportTables:
    """A release's images and reports: Parquet of the schemas ``MANIFEST``, ``REPORTS`` and ``REJECTED_REPORTS``."""

    manifest: str | Path
    reports: str | Path
    rejected_reports: str | Path


@dataclass(frozen=True)
class CxlsegInputs:
    """Stage outputs of one release.

    ``pictures`` and ``rejected`` are shards of :func:`cxrfactory.products.cxlseg.shard.cxlseg_shard`. ``labels`` is a
    table that :func:`release_labels` can read.
    """

    tables: ReportTables
    pictures: Sequence[str | Path]
    rejected: Sequence[str | Path] = ()
    labels: str | Path | None = None


def select_images(tables: ReportTables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join a manifest with the reports of its studies.

    Returns
    -------
    selected
        ``image_id``, ``path``, ``patient_id``, ``study_id``, ``view``, ``findings`` and ``report`` of the images that
        are included and have a report, sorted by ``image_id``.
    excluded
        ``image_id`` and ``reason`` of all others.

    Raises
    ------
    CxrError
        If a table is missing or lacks a column, an id or study occurs twice, or two images would have the same file.
    """
    manifest, reports = tables.manifest, tables.reports
    frame = read_table(manifest, columns=_MANIFEST).sort_values("image_id", ignore_index=True).astype(object)
    texts = read_table(reports, REPORTS)[["study_id", "report", "exclusion_reason"]]
    for where, ids in ((manifest, frame["image_id"]), (reports, texts["study_id"])):
        if (twice := ids.duplicated()).any():
            raise CxrError(f"{where}: '{ids[twice].iloc[0]}' occurs twice; expected each once")
    texts = texts.set_index("study_id").astype(object)
    faults = read_table(tables.rejected_reports, REJECTED_REPORTS)[["study_id", "reason"]].dropna()
    faults = faults.drop_duplicates("study_id").set_index("study_id")["reason"]

    study, join = _study_of_reports(frame["study_id"], texts.index.to_series(), Path(reports).name)
    if join.few:
        join.log(log, Path(manifest).stem)
    reason = frame["exclusion_reason"].where(~frame["included"].astype(bool), None)
    reason = _fill(reason, study.isna(), NO_STUDY)
    reason = _fill(reason, study.map(texts["exclusion_reason"]).notna(), study.map(texts["exclusion_reason"]))
    absent = ~study.isin(texts.index)
    reason = _fill(reason, absent & study.isin(faults.index), "report rejected: " + study.map(faults).astype("string"))
    reason = _fill(reason, absent, NO_REPORT)
    frame["report"] = study.map(texts["report"])
    excluded = pd.DataFrame({"image_id": frame["image_id"], "reason": reason})[reason.notna()]
    selected = frame[reason.isna()].drop(columns=["included", "exclusion_reason"])
    _refuse_one_file_for_two(manifest, selected)
    none = selected.notna()
    return selected.where(none, None).reset_index(drop=True), excluded.reset_index(drop=True)


def reports_without_image(tables: ReportTables) -> int:
    """Return the number of reports whose study no image of the manifest has, kept or not."""
    images = read_table(tables.manifest, columns=["study_id"])["study_id"].astype(object)
    texts = read_table(tables.reports, REPORTS, columns=["study_id"])["study_id"].astype(object)
    return partners(images, texts, "reports", Path(tables.reports).name)[1].unused


def _study_of_reports(study: pd.Series, texts: pd.Series, table: str) -> tuple[pd.Series, Join]:
    """Return the studies of images as the reports spell them, and how many have a report."""
    places, join = partners(study, texts, "reports", table)
    spelled = study.copy()
    spelled[places >= 0] = texts.to_numpy(dtype=object)[places[places >= 0]]
    return spelled, join


def _fill(reason: pd.Series, where: pd.Series, value: "str | pd.Series") -> pd.Series:
    """Set a reason for the rows that have none yet, so that the first reason is kept."""
    return reason.mask(reason.isna() & where, value)


def _refuse_one_file_for_two(manifest: str | Path, selected: pd.DataFrame) -> None:
    paths = selected["path"].map(segmented_path)
    if (twice := paths.duplicated()).any():
        raise CxrError(
            f"{manifest}: images '{paths[twice].iloc[0]}' and another of {int(twice.sum()) + 1} would be one file; "
            "expected paths that differ in more than their ending"
        )


def release_labels(selected: pd.DataFrame, table: str | Path | None) -> pd.DataFrame:
    """Return the 14 CheXpert labels of the selected images: 1 positive, 0 negative, -1 uncertain, NaN not mentioned.

    Parameters
    ----------
    selected
        Table of :func:`select_images`.
    table
        CSV, plain or gzip, with ``study_id`` (or ``image_id``, ``dicom_id``) and columns named like labels. Labels
        without a column are NaN. Without a table, the manifest's findings are used, which give positives only.

    Returns
    -------
    DataFrame of float64
        One row for each image, with the index of ``selected``.

    Raises
    ------
    CxrError
        If the table is unreadable, has no id or label column, has an id twice, or holds another value.
    """
    if table is None:
        return labels_of_findings(selected["findings"])
    found = _read_labels(Path(table))
    key = "study_id" if found.index.name == "study_id" else "image_id"
    places, join = partners(selected[key].astype(object), found.index.to_series(), "labels", Path(table).name)
    join.log(log, key)
    labels = found.reset_index(drop=True).reindex(places).set_axis(selected.index)
    return labels.reindex(columns=list(CHEXPERT_LABELS)).astype("float64")


def _read_labels(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a CSV of CheXpert labels")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError, EOFError, zlib.error) as error:  # pandas' own errors are ValueErrors
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise CxrError(f"{path}: rows hold more cells than there are columns; expected one cell a column")
    keys = [name for name in ("study_id", "image_id", "dicom_id") if name in frame.columns]
    names = [name for name in CHEXPERT_LABELS if name in frame.columns]
    if not keys or not names:
        raise CxrError(
            f"{path}: columns {list(frame.columns)[:20]}; expected study_id, image_id or dicom_id, and labels such as "
            f"'{CHEXPERT_LABELS[0]}'"
        )
    key = "image_id" if "image_id" in keys else keys[-1] if keys[-1] == "dicom_id" else "study_id"
    if (twice := plain_ids(frame[key]).duplicated()).any():
        raise CxrError(f"{path}: {key} '{frame[key][twice].iloc[0]}' occurs twice; expected one row each")
    known = {"": np.nan} | {text: value for value in LABEL_VALUES for text in (f"{value:.1f}", f"{value:.0f}")}
    for name in names:
        if (odd := ~frame[name].isin(known)).any():
            row = int(odd.to_numpy().argmax())
            raise CxrError(f"{path}: row {row + 1}, column '{name}': a value beside 1, 0, -1 and empty")
    values = frame[names].apply(lambda column: column.map(known)).astype("float64")
    return values.set_index(frame[key].rename(key))
