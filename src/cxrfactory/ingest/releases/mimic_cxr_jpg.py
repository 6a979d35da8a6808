"""MIMIC-CXR-JPG 2.0 (PhysioNet): an image is frontal if ``ViewPosition`` is PA or AP."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable
    from cxrfactory.tables.joins import Join

LAYOUT = ReleaseLayout(
    name="mimic-cxr-jpg",
    published_name="MIMIC-CXR-JPG",
    id_column="dicom_id",
    slots=(
        TableSlot("metadata", with_gz("mimic-cxr-2.0.0-metadata.csv.gz", "mimic-cxr-2.1.0-metadata.csv.gz")),
        TableSlot(
            "labels",
            with_gz("mimic-cxr-2.0.0-chexpert.csv.gz", "mimic-cxr-2.1.0-chexpert.csv.gz"),
            lists_images=False,
        ),
    ),
    view_rule="ViewPosition is PA or AP",
    shards=100,
    paper_counts={"rows": 377110, "included": 243334},
    has_procedure_text=True,
)

_PROCEDURE, _VIEW_CODE = "PerformedProcedureStepDescription", "ViewCodeSequence_CodeMeaning"


def rows(
    tables: "Mapping[str, SourceTable]", view_from_procedure: bool = False, words: "Vocabulary | None" = None
) -> "DataFrame":
    """Convert the metadata table, and the label table if present, to manifest rows.

    Parameters
    ----------
    tables
        ``metadata``, and optionally ``labels`` for the findings.
    view_from_procedure
        If ViewPosition is missing, use the view of the view code, or else the only view in the text of the procedure
        (``CHEST (PORTABLE AP)``). A row stays excluded if the text names several views, such as PA and lateral, or
        none.
    words
        The view words; by default those of the package.
    """
    from cxrfactory.ingest.rows import draft, select_views
    from cxrfactory.ingest.tabular import with_position
    from cxrfactory.tables.joins import plain_ids, without_letter

    table = tables["metadata"]
    columns = ["dicom_id", "subject_id", "study_id", "ViewPosition"]
    frame = with_position(table.read([*columns, _PROCEDURE, _VIEW_CODE] if view_from_procedure else columns), table)
    views = select_views(frame["ViewPosition"], "ViewPosition", words=words)
    if view_from_procedure:
        views = _ask_procedure(views, frame, words)
    subject, study = (plain_ids(frame[name]).map(without_letter) for name in ("subject_id", "study_id"))
    findings, joins = _findings(tables, study)
    found = draft(
        frame,
        frame["dicom_id"],
        "files/p" + subject.str[:2] + "/p" + subject + "/s" + study + "/" + frame["dicom_id"] + ".jpg",
        patient_id=subject,
        study_id=study,
        view=views["view"],
        findings=findings,
        exclusion_reason=views["exclusion_reason"],
    )
    found.attrs["joins"] = joins
    return found


def locate(root: "Path", paths: "Series") -> "Series":
    """Find images below ``files``, or below the root itself if the groups ``p10`` to ``p19`` were unpacked there."""
    if (root / "files").is_dir() or not any((root / f"p{group}").is_dir() for group in range(10, 20)):
        return paths
    return paths.str.removeprefix("files/")


def _ask_procedure(views: "DataFrame", frame: "DataFrame", words: "Vocabulary | None") -> "DataFrame":
    """Fill in missing views from the view code, then from the text of the procedure; given views do not change."""
    from cxrfactory.ingest.rows import VIEWS, is_missing, select_views

    missing = is_missing(frame["ViewPosition"])
    asked = frame[missing]
    codes = select_views(asked[_VIEW_CODE], _VIEW_CODE, words=words)
    answer = codes["view"]
    text = asked[_PROCEDURE].str.upper()
    named = {name: text.str.contains(rf"\b{name}\b", regex=True) for name in ("PA", "AP")}
    chest = text.str.contains(r"\bCHEST\b", regex=True)
    other = text.str.contains(r"\bLAT(?:ERAL)?\b|\bOBL|\bDECUB|\bABD|\bRIBS?\b|\bSPINE", regex=True)
    # A text that names two views describes the whole examination, so it does not determine the view of this image.
    for name, rival in (("PA", "AP"), ("AP", "PA")):
        alone = answer.isna() & chest & named[name] & ~named[rival] & ~other
        answer = answer.mask(alone, name)
    decided = answer[answer.notna()]
    views = views.copy()
    source = "ViewPosition is missing; the view code or procedure text"
    chosen = select_views(decided, source, {view: view for view in VIEWS})
    views.loc[decided.index, ["view", "exclusion_reason"]] = chosen
    undecided = answer.index[answer.isna()]
    views.loc[undecided, "exclusion_reason"] = "ViewPosition is missing and the procedure names no single view"
    return views


def _findings(tables: "Mapping[str, SourceTable]", study: "Series") -> "tuple[Series | None, list[Join]]":
    from cxrfactory.errors import CxrError
    from cxrfactory.ingest.flags import fold_flags
    from cxrfactory.ingest.rows import printable
    from cxrfactory.tables.joins import joined, plain_ids

    if "labels" not in tables:
        return None, []
    table = tables["labels"]
    names = [name for name in table.columns() if name not in ("subject_id", "study_id")]
    if not names:
        raise CxrError(f"{table.path}: no column names a finding; expected the label table of the release")
    labels = table.read(["study_id", *names])
    if (twice := plain_ids(labels["study_id"]).duplicated()).any():
        study_id = printable(labels["study_id"][twice].iloc[0])
        raise CxrError(f"{table.path}: study_id '{study_id}' occurs twice; expected one row a study")
    folded = fold_flags(labels, names, str(table.path)).set_axis(labels["study_id"])
    found, join = joined(study, folded, "labels", table.name)
    return found, [join]
