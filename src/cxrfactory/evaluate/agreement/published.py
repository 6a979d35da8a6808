"""Agreement that the RadGenome-Anatomy paper prints for grades measured on projected masks against report grades.

Its macro-F1 leaves out grades that were never predicted, so it stands beside ``macro_f1_predicted``.
"""

_COLUMNS = ("accuracy", "off_by_one", "macro_f1_predicted", "weighted_f1", "quadratic_kappa", "binary_accuracy")
_ROWS = {
    "cardiomegaly": (0.91, 1.00, 0.80, 0.91, 0.89, 0.95),
    "scoliosis": (0.89, 1.00, 0.85, 0.89, 0.76, 0.83),
    "kyphosis": (0.93, 1.00, 0.79, 0.93, 0.90, 0.96),
}
CASES = {"cardiomegaly": 1287, "scoliosis": 809, "kyphosis": 191}


def published(finding: str, measure: str) -> float:
    """Return the paper's number for a finding and a measure of agreement; NaN where it prints none."""
    return dict(zip(_COLUMNS, _ROWS.get(finding, ()), strict=False)).get(measure, float("nan"))
