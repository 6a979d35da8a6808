"""Write virtual patients as a MIMIC-CXR-JPG release with lateral films, missing views, broken files and reports."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.cohort.findings import add_findings
from cxrfactory.cohort.patient import Person, project_person, take_radiograph
from cxrfactory.cohort.pictures import encode_jpeg, mask_row, to_8bit, truth_row
from cxrfactory.cohort.reports import LABEL_COLUMNS, Measured, label_row, measure, report_text
from cxrfactory.cohort.source import SourceChest
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.keys import seed_of

RELEASE = "mimic-cxr-jpg"
METADATA = "mimic-cxr-2.0.0-metadata.csv.gz"
LABELS = "mimic-cxr-2.0.0-chexpert.csv.gz"
COLUMNS = [
    "dicom_id",
    "subject_id",
    "study_id",
    "PerformedProcedureStepDescription",
    "ViewPosition",
    "Rows",
    "Columns",
    "StudyDate",
    "StudyTime",
    "ProcedureCodeSequence_CodeMeaning",
    "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
]

BROKEN = ("empty", "truncated", "not an image")
UNNAMED_VIEWS = 3  # number of patients who have a second frontal film without ViewPosition
_LATERAL_EVERY = (True, True, False)  # two of three patients have a lateral film


def write_mimic(
    root: Path, source: SourceChest, person: Person, place: int, size: int, seed: int, findings: float = 0.0
) -> dict:
    """Write one patient of the release.

    Parameters
    ----------
    root
        Folder of the release.
    source, person
        Source chest and virtual patient.
    place
        Index of the patient in the release, from 0. It determines lateral films, broken files and missing views.
    size
        Scale of the pictures; 1024 gives films of about 1150 x 1400 px.
    seed
        Seed of the cohort.
    findings
        Probability of each virtual finding. Findings appear only on frontal films. If it is 0, no finding is drawn, and
        reports and labels do not mention the four classes.

    Returns
    -------
    dict
        Rows of the release's table (``metadata``), of its table of labels (``study_labels``), and of the frontal and
        the lateral truth tables (``truth`` and ``lateral``).
    """
    rng = np.random.default_rng(seed_of(f"patient {person.number}", RELEASE, seed))
    subject = 10_000_000 + _number(person, seed, "subject") % 9_999_999
    study = 50_000_000 + _number(person, seed, "study") % 9_999_999
    folder = root / "files" / f"p{str(subject)[:2]}" / f"p{subject}" / f"s{study}"
    when = int(rng.integers(2110, 2200)) * 10000 + 100 * int(rng.integers(1, 13)) + int(rng.integers(1, 29))
    erect = bool(rng.random() < 0.75)
    metadata, truth, sides = [], [], []

    def add(film: str, view: str | None, code: str, procedure: str, height: int, width: int, data: bytes) -> str:
        dicom_id = _dicom_id(person, seed, film)
        write_bytes(folder / f"{dicom_id}.jpg", data, durable=False)
        metadata.append(
            dict(
                zip(
                    COLUMNS,
                    [dicom_id, subject, study, procedure, view, height, width, when, 81500 + 100 * place + 0.125,
                     procedure, code, "Erect" if erect else "Recumbent"],
                    strict=True,
                )
            )
        )  # fmt: skip
        return dicom_id

    lateral = _LATERAL_EVERY[place % len(_LATERAL_EVERY)]
    view = "PA" if erect else "AP"
    procedure = "CHEST (PA AND LAT)" if lateral else "CHEST (PORTABLE AP)" if view == "AP" else "CHEST (SINGLE VIEW)"
    code = "postero-anterior" if view == "PA" else "antero-posterior"
    projection, found = project_person(source, person, "PA"), None
    if findings:
        projection, found = add_findings(source, person, projection, findings, seed)
    films = [("first", view)] + ([("unnamed", None)] if place < UNNAMED_VIEWS else [])
    measured: Measured | None = None
    for film, named in films:
        height, width = _film_size(rng, size)
        taken = take_radiograph(projection, person, "PA", height, width, seed, f"{RELEASE} {film}")
        data = encode_jpeg(to_8bit(taken.grey))
        dicom_id = add(film, named, code, procedure, height, width, data)
        truth.append(truth_row(dicom_id, RELEASE, str(subject), taken))
        measured = measured or measure(taken)
    if place < len(BROKEN):
        add("broken", view, code, procedure, height, width, _broken(BROKEN[place], data))
    if lateral:
        height, width = _film_size(rng, size)
        side = project_person(source, person, "LL")
        taken = take_radiograph(side, person, "LL", height, width, seed, RELEASE)
        named = "LATERAL" if place % 2 else "LL"
        dicom_id = add("lateral", named, "lateral", procedure, height, width, encode_jpeg(to_8bit(taken.grey)))
        sides.append(mask_row(dicom_id, RELEASE, str(subject), taken))
    assert measured is not None
    text = report_text(measured, place, procedure, found)
    if text is not None:
        write_bytes(folder.with_suffix(".txt"), text.encode())
    labels = [] if text is None else [label_row(measured, subject, study, found)]
    return {"metadata": metadata, "study_labels": labels, "truth": truth, "lateral": sides}


def write_mimic_tables(root: Path, rows: list[dict], labels: list[dict]) -> None:
    """Write the metadata and label tables of the release as gzip files without a time stamp."""
    _write_csv(root / METADATA, pd.DataFrame(rows, columns=COLUMNS).sort_values(["subject_id", "study_id", "dicom_id"]))
    _write_csv(root / LABELS, pd.DataFrame(labels, columns=LABEL_COLUMNS).sort_values(["subject_id", "study_id"]))


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    write_bytes(path, gzip.compress(frame.to_csv(index=False, lineterminator="\n").encode(), mtime=0))


def _film_size(rng: np.random.Generator, size: int) -> tuple[int, int]:
    """Draw a height and width in px, scaled from films such as 3056 x 2544, 2022 x 1736 or 2539 x 3050."""
    long, short = size * float(rng.uniform(1.30, 1.40)), size * float(rng.uniform(1.08, 1.20))
    upright = rng.random() < 0.65
    height, width = (long, short) if upright else (short, long)
    return round(height), round(width)


def _broken(kind: str, jpeg: bytes) -> bytes:
    if kind == "empty":
        return b""
    if kind == "truncated":
        return jpeg[: len(jpeg) // 3]
    return b"<html><body>503 Service Unavailable</body></html>\n"


def _number(person: Person, seed: int, what: str) -> int:
    return seed_of(f"patient {person.number}", f"{RELEASE} {what}", seed)


def _dicom_id(person: Person, seed: int, film: str) -> str:
    digest = hashlib.blake2b(f"{RELEASE} {seed} {person.number} {film}".encode(), digest_size=20).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))
