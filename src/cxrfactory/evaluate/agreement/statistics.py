"""Tables of agreement with bootstrap intervals by patient, one row for each system, finding and measure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxrfactory.config.agreement import MEASURED
from cxrfactory.evaluate.agreement.pairing import Pairs
from cxrfactory.evaluate.agreement.published import published
from cxrfactory.metrics.classification import ranked_area
from cxrfactory.metrics.grades import BINARY_MEASURES, GRADE_MEASURES, confusion_matrix, grade_agreement
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
    keys: Row = {"finding": pairs.finding, "measurement": pairs.measurement, "system": pairs.system, "cases": cases}
    rows: list[Row] = []
    for part in _parts(pairs, grades):
        own = keys | {"pairs": len(part.reference), "patients": part.people}
        values, drawn = grade_agreement(part.matrix()), part.drawn(resamples, seed)
        for name in part.measures:
            low, high = percentile_ends(drawn[name]) if drawn else _NONE
            rows.append(own | {"measure": name, "value": float(values[name]), "low": low, "high": high})
    valued = with_values(pairs)
    if len(valued):
        truth, of = (valued["reference"] != 0).to_numpy(), valued["value"].to_numpy()
        patients = _codes(pairs, valued)
        people = int(patients.max()) + 1
        low, high = percentile_ends(drawn_areas(of, truth, patients, resamples, seed)) if people > 1 else _NONE
        own = keys | {"pairs": len(valued), "patients": people}
        rows.append(own | {"measure": AUC, "value": ranked_area(of, truth), "low": low, "high": high})
    for row in rows:
        ours = pairs.system == MEASURED
        row["published"] = published(pairs.finding, str(row["measure"])) if ours else float("nan")
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
    graded = np.logical_and.reduce([(each.rows[["reference", "answer"]] >= 0).all(axis=1) for each in systems])
    parts = [_parts(each, grades, graded) for each in systems]
    rows: list[Row] = []
    for place, system in enumerate(systems[1:], 1):
        keys: Row = {"finding": system.finding, "measurement": system.measurement, "system": system.system}
        for own, other in zip(parts[place], parts[0], strict=True):
            values = grade_agreement(own.matrix()), grade_agreement(other.matrix())
            drawn = own.drawn(resamples, seed), other.drawn(resamples, seed)
            for name in own.measures:
                low, high = percentile_ends(drawn[0][name] - drawn[1][name]) if drawn[0] else _NONE
                rows.append(
                    keys
                    | {"minus": first.system, "pairs": len(own.reference), "patients": own.people, "measure": name}
                    | {"difference": float(values[0][name] - values[1][name]), "low": low, "high": high}
                )
    return rows


def confusion_rows(pairs: Pairs, grades: Sequence[str]) -> list[Row]:
    """Return the confusion matrix with one row for each pair of grades."""
    matrix = _parts(pairs, len(grades))[0].matrix()
    keys: Row = {"finding": pairs.finding, "measurement": pairs.measurement, "system": pairs.system}
    return [
        keys | {"reference": true, "answer": answer, "pairs": int(matrix[row, column])}
        for row, true in enumerate(grades)
        for column, answer in enumerate(grades)
    ]


def roc_rows(pairs: Pairs) -> list[Row]:
    """Return the points of the ROC curve of the value against the binary reference; none without values or a class."""
    valued = with_values(pairs)
    curve = roc_curve(valued["value"].to_numpy(), (valued["reference"] != 0).to_numpy()) if len(valued) else None
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


@dataclass(frozen=True)
class _Part:
    """Cases of the measures of grades, or those of the binary measures, where more cases are known."""

    measures: tuple[str, ...]
    reference: np.ndarray
    answers: np.ndarray
    grades: int
    patients: np.ndarray

    @property
    def people(self) -> int:
        return int(self.patients.max(initial=-1)) + 1

    def matrix(self) -> np.ndarray:
        return confusion_matrix(self.reference, self.answers, self.grades)

    def drawn(self, resamples: int, seed: int) -> dict[str, np.ndarray]:
        """Return every measure of every bootstrap draw of patients; nothing for fewer than two patients."""
        if self.people < 2:
            return {}
        cells = self.grades**2
        places = self.patients * cells + self.reference * self.grades + self.answers
        counts = np.bincount(places, minlength=self.people * cells).reshape(-1, cells)
        sums = drawn_sums(counts.astype(np.float64), resamples, seed)
        return grade_agreement(sums.reshape(-1, self.grades, self.grades))


def _parts(pairs: Pairs, grades: int, graded: np.ndarray | None = None) -> tuple[_Part, _Part]:
    """Return the cases of the measures of grades (by default all graded ones), and those of the binary measures."""
    rows = pairs.graded if graded is None else pairs.rows[graded]
    reference, answers = rows["reference"].to_numpy(), rows["answer"].to_numpy()
    whole = [(pairs.rows[name] != 0).to_numpy().astype(np.int64) for name in ("reference", "answer")]
    return (
        _Part(GRADE_MEASURES, reference, answers, grades, _codes(pairs, rows)),
        _Part(BINARY_MEASURES, *whole, 2, pairs.patients),
    )


def _codes(pairs: Pairs, rows: pd.DataFrame) -> np.ndarray:
    """Return the patients of some of the pairs as indices from 0 without gaps."""
    return np.unique(pairs.patients[rows.index], return_inverse=True)[1].reshape(-1)
