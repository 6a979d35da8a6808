"""The findings that CheXpert's labeller names, and the values of its labels."""

import pandas as pd

# The CheXpert labeller's, in the order of the published tables: 1 positive, 0 negative, -1 uncertain, empty: not said.
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


def labels_of_findings(findings: pd.Series) -> pd.DataFrame:
    """Label columns from a manifest's findings, for releases whose findings bear CheXpert's names.

    A manifest keeps positives alone: they become 1.0, all else is null, never 0.0 ("not said" and "said to be absent"
    cannot be told apart). A release's own label table, where it has one, says more.

    Parameters
    ----------
    findings
        Joined with ``|``; null where unknown.
    """
    said = [set(cell.split("|")) if isinstance(cell, str) else set() for cell in findings]
    columns = {name: [1.0 if name in one else None for one in said] for name in CHEXPERT_LABELS}
    return pd.DataFrame(columns, index=findings.index, dtype="float64")
