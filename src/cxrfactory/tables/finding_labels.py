"""The findings of the CheXpert labeller, and the values of its labels."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Findings of the CheXpert labeller in the order of the published tables. Values of a label: 1 positive, 0 negative,
# -1 uncertain, empty not mentioned.
CHEXPERT_LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
LABEL_VALUES = (-1.0, 0.0, 1.0)


def labels_of_findings(findings: "pd.Series") -> "pd.DataFrame":
    """Return label columns from a manifest's findings, for releases whose findings have CheXpert's names.

    A manifest holds positive findings only. They become 1.0, and all other labels are null. Labels are never 0.0,
    because a manifest does not distinguish "not mentioned" from "reported as absent". If a release has its own label
    table, that table holds more information.

    Parameters
    ----------
    findings
        Findings of each image, joined with ``|``; null if unknown.

    Returns
    -------
    float64 frame with one column per label and the index of ``findings``.
    """
    said = [set(cell.split("|")) if isinstance(cell, str) else set() for cell in findings]
    columns = {name: [1.0 if name in one else None for one in said] for name in CHEXPERT_LABELS}
    import pandas as pd  # late: the browser opens products without it

    return pd.DataFrame(columns, index=findings.index, dtype="float64")
