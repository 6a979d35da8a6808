"""Agreement of ordinal grades, such as negative, mild, moderate and severe, from their confusion matrix.

Grades are numbers from 0 (the finding is absent) upwards. In a confusion matrix, a row is a grade of the reference and
a column is a grade of the answer. All measures are computed along the last two axes, so that one call also evaluates
all matrices of a bootstrap.
"""

import numpy as np
from jaxtyping import Float, Int

from cxrfactory.errors import CxrError

BINARY_MEASURES = ("binary_accuracy", "sensitivity", "specificity")  # grade 0 against all others
GRADE_MEASURES = (
    "accuracy",
    "off_by_one",
    "macro_f1",
    "macro_f1_predicted",
    "weighted_f1",
    "kappa",
    "linear_kappa",
    "quadratic_kappa",
)
MEASURES = (*GRADE_MEASURES, *BINARY_MEASURES)


def confusion_matrix(
    reference: Int[np.ndarray, " n"], answers: Int[np.ndarray, " n"], grades: int
) -> Int[np.ndarray, "grades grades"]:
    """Count how often each grade of the reference received each grade as the answer.

    Parameters
    ----------
    reference, answers
        Grades of the same cases, from 0 to ``grades - 1``.
    grades
        Number of grades, at least 2.

    Returns
    -------
    Counts as [reference, answer].

    Raises
    ------
    CxrError
        If the shapes differ, there are fewer than two grades, or a grade is out of range.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 1, 0]])
    """
    reference, answers = np.asarray(reference), np.asarray(answers)
    if reference.shape != answers.shape or reference.ndim != 1:
        raise CxrError(f"grades of shapes {reference.shape} and {answers.shape}; expected one grade a case for both")
    if grades < 2:
        raise CxrError(f"{grades} grades; expected 2 or more")
    for given in (reference, answers):
        if given.size and not (given.min() >= 0 and given.max() < grades):
            raise CxrError(f"grades from {given.min()} to {given.max()}; expected 0 to {grades - 1}")
    pairs = reference.astype(np.int64) * grades + answers
    return np.bincount(pairs, minlength=grades * grades).reshape(grades, grades)


def grade_agreement(confusion: Float[np.ndarray, "*draws grades grades"]) -> dict[str, Float[np.ndarray, "*draws"]]:
    """Compute all measures of agreement of confusion matrices.

    - ``accuracy``: share of cases with equal grades.
    - ``off_by_one``: share of cases whose grades differ by at most one step.
    - ``macro_f1``: mean F1 over the grades that occur, in the reference or among the answers. A grade of the reference
      that was never answered has an F1 of 0.
    - ``macro_f1_predicted``: mean F1 over the grades that were answered at least once.
    - ``weighted_f1``: mean F1 over the grades, weighted by their number of cases in the reference.
    - ``kappa``, ``linear_kappa``, ``quadratic_kappa``: Cohen's kappa (1960), and weighted by the difference of the
      grades or by its square (Cohen, 1968).
    - ``binary_accuracy``, ``sensitivity``, ``specificity``: grade 0 against all others; the reference is the truth.

    Parameters
    ----------
    confusion
        Counts as [reference, answer]; leading axes are kept.

    Returns
    -------
    dict
        One array for each of :data:`MEASURES`, of the shape of the leading axes. A value is NaN where it is undefined:
        all values of a matrix without cases, a kappa where both sides always give the same single grade, and the
        sensitivity (specificity) without positive (negative) cases.

    Raises
    ------
    CxrError
        If the last two axes are not square with two grades or more.

    Examples
    --------
    >>> found = grade_agreement(np.array([[40, 10], [5, 45]]))
    >>> float(found["accuracy"]), float(found["kappa"])
    (0.85, 0.7)
    """
    counts = np.asarray(confusion, np.float64)
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2] or counts.shape[-1] < 2:
        raise CxrError(f"confusion matrix of shape {counts.shape}; expected [..., grades, grades] of 2 grades or more")
    grades = np.arange(counts.shape[-1])
    steps = np.abs(grades[:, None] - grades[None, :])
    total = counts.sum(axis=(-2, -1))
    negative, positive = counts[..., 0, :].sum(axis=-1), counts[..., 1:, :].sum(axis=(-2, -1))
    right_negative, right_positive = counts[..., 0, 0], counts[..., 1:, 1:].sum(axis=(-2, -1))
    return {
        "accuracy": _share((counts * (steps == 0)).sum(axis=(-2, -1)), total),
        "off_by_one": _share((counts * (steps <= 1)).sum(axis=(-2, -1)), total),
        **_f1_means(counts),
        "kappa": _kappa(counts, (steps > 0).astype(np.float64)),
        "linear_kappa": _kappa(counts, steps.astype(np.float64)),
        "quadratic_kappa": _kappa(counts, steps.astype(np.float64) ** 2),
        "binary_accuracy": _share(right_negative + right_positive, total),
        "sensitivity": _share(right_positive, positive),
        "specificity": _share(right_negative, negative),
    }


def _f1_means(counts: np.ndarray) -> dict[str, np.ndarray]:
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    true, answered = counts.sum(axis=-1), counts.sum(axis=-2)
    f1 = np.nan_to_num(_share(2 * right, true + answered))
    return {
        "macro_f1": _share((f1 * (true + answered > 0)).sum(axis=-1), (true + answered > 0).sum(axis=-1)),
        "macro_f1_predicted": _share((f1 * (answered > 0)).sum(axis=-1), (answered > 0).sum(axis=-1)),
        "weighted_f1": _share((f1 * true).sum(axis=-1), true.sum(axis=-1)),
    }


def _kappa(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return 1 - (weighted disagreement) / (disagreement expected of independent grades with the same margins)."""
    total = counts.sum(axis=(-2, -1))
    seen = (counts * weights).sum(axis=(-2, -1)) * total
    expected = np.einsum("...i,ij,...j->...", counts.sum(axis=-1), weights, counts.sum(axis=-2))
    return 1 - _share(seen, expected)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    whole = np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
