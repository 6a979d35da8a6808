"""Reports and CheXpert labels of virtual patients, derived from measurements on their true masks.

No radiologist wrote these reports: every report states in each section that it is synthetic. Its numbers are true for
the picture, so they can be used to test the extraction of information from reports.
"""

from dataclasses import dataclass

import numpy as np

from cxrfactory.cohort.findings import Findings
from cxrfactory.cohort.patient import Radiograph
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio

ENLARGED = 0.5  # a heart is called enlarged above this cardiothoracic ratio
DOUBT = 0.01  # the label is uncertain if the ratio differs from ENLARGED by at most this value

# Indices of the patients whose report is missing or incomplete, as some are in the real release.
WITHOUT_REPORT, COMPARISON_ALONE, WITHOUT_TEXT = 3, 5, 6

LABEL_COLUMNS = (
    "subject_id", "study_id", "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum",
    "Fracture", "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia",
    "Pneumothorax", "Support Devices",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Measurements on the true masks of a virtual patient's frontal picture.

    Attributes
    ----------
    ratio
        Cardiothoracic ratio of the true masks.
    right_cm2, left_cm2
        Areas of the right and of the left lung in the picture, in square centimetres.
    """

    ratio: float
    right_cm2: float
    left_cm2: float


def measure(taken: Radiograph) -> Measured:
    """Measure the cardiothoracic ratio and the lung areas on the true masks of a frontal picture."""
    right, left = taken.truth["right_lung"], taken.truth["left_lung"]
    areas = (float(mask.sum()) * taken.pixel_mm**2 / 100 for mask in (right, left))
    return Measured(cardiothoracic_ratio(np.logical_or(right, left), taken.truth["heart"]), *areas)


def report_text(measured: Measured, place: int, procedure: str, findings: Findings | None = None) -> str | None:
    """Return the report of one study, or None for the patient whose report is missing.

    Parameters
    ----------
    measured
        Measurements on the study's frontal picture.
    place
        Index of the patient in the release, from 0. It determines which patients have no report or an incomplete one.
    procedure
        Name of the examination, e.g. ``CHEST (PA AND LAT)``.
    findings
        Virtual findings of the lungs. With None, the report does not mention findings.
    """
    if place == WITHOUT_REPORT:
        return None
    head = [
        "                                 FINAL REPORT",
        f" EXAMINATION:  SYNTHETIC, {procedure}",
        "",
        " INDICATION:  Synthetic report of a virtual patient; nobody was examined.",
        "",
    ]
    if place == WITHOUT_TEXT:
        return "\n".join([*head, " FINDINGS:", "", " IMPRESSION:", ""])
    comparison = [" COMPARISON:  Synthetic report: no earlier virtual study.", ""]
    if place == COMPARISON_ALONE:
        return "\n".join([*head, *comparison])
    heart = "enlarged" if measured.ratio > ENLARGED else "not enlarged"
    return "\n".join(
        [
            *head,
            *comparison,
            " FINDINGS:",
            "",
            " Synthetic text, measured on the masks of a virtual patient. The cardiothoracic ratio",
            f" is {measured.ratio:.2f}. The right lung covers {measured.right_cm2:.0f} square cm of the picture,",
            f" the left lung {measured.left_cm2:.0f} square cm.",
            *([f" Virtual findings: {findings.sentences()}"] if findings else []),
            "",
            " IMPRESSION:",
            "",
            f" Synthetic: the heart is {heart}.",
            "",
        ]
    )


def label_row(measured: Measured, subject: int, study: int, findings: Findings | None = None) -> dict:
    """Return the row of the CheXpert label table: heart and virtual findings as in the report, and no other label."""
    row = {"subject_id": subject, "study_id": study} | (findings.labels() if findings else {})
    if abs(measured.ratio - ENLARGED) <= DOUBT:
        return row | {"Cardiomegaly": "-1.0"}
    enlarged = measured.ratio > ENLARGED
    row |= {"Cardiomegaly": f"{float(enlarged)}"}
    return row if enlarged or (findings and findings.sides) else row | {"No Finding": "1.0"}
