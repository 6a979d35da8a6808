"""Tables of agreement with bootstrap intervals by patient, one row for each system, finding and measure."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cxrfactory.config.agreement import MEASURED
from cxrfactory.evaluate.agreement.pairing import Pairs
from cxrfactory.evaluate.agreement.published import published
from cxrfactory.metrics.classification import ranked_area
from cxrfactory.metrics.grades import MEASURES, confusion_matrix, grade_agreement
from cxrfactory.metrics.groups import drawn_sums
from cxrfactory.metrics.intervals import percentile_ends
from cxrfactory.metrics.roc import drawn_areas, roc_curve
from cxrfactory.tables.rows import Row

AUC = "auc"
OWN, SHARED = "own", "shared"  # all cases of a system, or the cases that all systems have graded
COLUMNS = [
    *("finding", "measurement", "system", "cases", "pairs", "patients", "measure", "value", "low", "high"),
    "published",
]
_NONE = (float("nan"), float("nan"))


def agreement_rows(pairs: Pairs, grades: int, resamples: int, seed: int, cases: str = OWN) -> list[Row]:
    """Compute every measure of one system and finding, with its interval (95 %) over patients.

    Parameters
    ----------
    pairs
        Pairs of grades.
    grades
        Number of grades.
    resamples, seed
        Number and seed of the bootstrap draws.
    cases
        ``own`` or ``shared``, for the table.
    """
    patients = pairs.patients
    people = int(patients.max(initial=-1)) + 1
    keys: Row = {"finding": pairs.finding, "measurement": pairs.measurement, "system": pairs.system, "cases": cases}
    keys |= {"pairs": len(pairs.rows), "patients": people}
    values = {name: float(value) for name, value in grade_agreement(_matrix(pairs, grades)).items()}
    ends = dict.fromkeys(MEASURES, _NONE)
    if people > 1:
        ends = {name: percentile_ends(each) for name, each in _drawn(pairs, patients, grades, resamples, seed).items()}
    valued = with_values(pairs)
    if len(valued):
        truth, of = (valued["reference"] > 0).to_numpy(), valued["value"].to_numpy()
        values[AUC], ends[AUC] = ranked_area(of, truth), _NONE
        codes = np.unique(patients[valued.index], return_inverse=True)[1]
        if codes.max() > 0:
            ends[AUC] = percentile_ends(drawn_areas(of, truth, codes, resamples, seed))
    rows: list[Row] = []
    for name, value in values.items():
        low, high = ends[name]
        said = published(pairs.finding, name) if pairs.system == MEASURED else float("nan")
        rows.append(keys | {"measure": name, "value": value, "low": low, "high": high, "published": said})
    return rows


def difference_rows(systems: Sequence[Pairs], grades: int, resamples: int, seed: int) -> list[Row]:
    """Compute what each further system has more or less than the first, on the cases that all have graded.

    Parameters
    ----------
    systems
        Pairs of :func:`cxrfactory.evaluate.agreement.pairing.shared`; the first one is the measured table.
    grades, resamples, seed
        As in :func:`agreement_rows`; all systems use the same draws of patients.

    Returns
    -------
    One row for each further system and measure: its value minus that of the first system, and the interval (95 %).
    """
    first = systems[0]
    patients = first.patients
    people = int(patients.max(initial=-1)) + 1
    values = [grade_agreement(_matrix(each, grades)) for each in systems]
    drawn = [_drawn(each, patients, grades, resamples, seed) for each in systems] if people > 1 else None
    rows: list[Row] = []
    for place, system in enumerate(systems[1:], 1):
        for name in MEASURES:
            low, high = percentile_ends(drawn[place][name] - drawn[0][name]) if drawn else _NONE
            rows.append(
                {"finding": system.finding, "measurement": system.measurement, "system": system.system,
                 "minus": first.system, "pairs": len(first.rows), "patients": people, "measure": name,
                 "difference": float(values[place][name] - values[0][name]), "low": low, "high": high}
            )  # fmt: skip
    return rows


def confusion_rows(pairs: Pairs, grades: Sequence[str]) -> list[Row]:
    """Return the confusion matrix with one row for each pair of grades."""
    matrix = _matrix(pairs, len(grades))
    keys: Row = {"finding": pairs.finding, "measurement": pairs.measurement, "system": pairs.system}
    return [
        keys | {"reference": true, "answer": answer, "pairs": int(matrix[row, column])}
        for row, true in enumerate(grades)
        for column, answer in enumerate(grades)
    ]


def roc_rows(pairs: Pairs) -> list[Row]:
    """Return the points of the ROC curve of the value against the binary reference; none without values or a class."""
    valued = with_values(pairs)
    curve = roc_curve(valued["value"].to_numpy(), (valued["reference"] > 0).to_numpy()) if len(valued) else None
    if curve is None:
        return []
    keys: Row = {"finding": pairs.finding, "measurement": pairs.measurement, "system": pairs.system}
    points = zip(curve.thresholds, curve.sensitivity, curve.false_positive_rate, strict=True)
    return [
        keys | {"threshold": float(at), "sensitivity": float(right), "false_positive_rate": float(wrong)}
        for at, right, wrong in points
    ]


def with_values(pairs: Pairs) -> pd.DataFrame:
    """Return the pairs whose system gave a value."""
    return pairs.rows[pairs.rows["value"].notna()]


def _matrix(pairs: Pairs, grades: int) -> np.ndarray:
    return confusion_matrix(pairs.rows["reference"].to_numpy(), pairs.rows["answer"].to_numpy(), grades)


def _drawn(pairs: Pairs, patients: np.ndarray, grades: int, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Return every measure of every bootstrap draw of patients."""
    cell = pairs.rows["reference"].to_numpy() * grades + pairs.rows["answer"].to_numpy()
    cells = grades * grades
    counts = np.bincount(patients * cells + cell, minlength=(int(patients.max()) + 1) * cells)
    sums = drawn_sums(counts.reshape(-1, cells).astype(np.float64), resamples, seed)
    return grade_agreement(sums.reshape(-1, grades, grades))
