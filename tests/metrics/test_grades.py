"""Agreement of grades: exact values, an independent library, and a population whose kappa is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.grades import MEASURES, confusion_matrix, grade_agreement

TABLE = np.array([[88, 10, 2], [14, 40, 6], [18, 10, 12]])


def agreement(confusion):
    return {name: float(value) for name, value in grade_agreement(np.asarray(confusion)).items()}


def test_values_by_hand():
    found = agreement([[3, 1, 0, 0], [0, 2, 0, 1], [0, 1, 0, 0], [0, 0, 0, 2]])
    assert found["accuracy"] == pytest.approx(7 / 10)
    assert found["off_by_one"] == pytest.approx(9 / 10)
    f1 = [6 / 7, 4 / 7, 0, 4 / 5]
    assert found["macro_f1"] == pytest.approx(sum(f1) / 4)
    assert found["macro_f1_predicted"] == pytest.approx((f1[0] + f1[1] + f1[3]) / 3)
    assert found["weighted_f1"] == pytest.approx((4 * f1[0] + 3 * f1[1] + 1 * f1[2] + 2 * f1[3]) / 10)
    assert found["binary_accuracy"] == pytest.approx(9 / 10)
    assert found["sensitivity"] == 1
    assert found["specificity"] == pytest.approx(3 / 4)


def test_kappa_of_a_published_table():
    """Fleiss, Levin and Paik (2003), table 18.1: kappa 0.68 of 100 cases in three categories."""
    table = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    assert agreement(table)["kappa"] == pytest.approx(0.68, abs=0.005)


def test_equal_grades_agree_wholly_and_swapped_sides_have_the_same_kappa():
    assert agreement(np.diag([3, 2, 4])) == pytest.approx(dict.fromkeys(MEASURES, 1.0))
    for name in ("accuracy", "off_by_one", "macro_f1", "kappa", "linear_kappa", "quadratic_kappa", "binary_accuracy"):
        assert agreement(TABLE)[name] == pytest.approx(agreement(TABLE.T)[name])


def test_what_is_undefined_is_nan():
    assert all(np.isnan(value) for value in agreement(np.zeros((3, 3))).values())
    only = agreement([[5, 0], [0, 0]])
    assert only["accuracy"] == only["specificity"] == 1
    assert np.isnan([only["kappa"], only["quadratic_kappa"], only["sensitivity"]]).all()


def test_many_matrices_at_once_equal_one_by_one():
    matrices = np.random.default_rng(0).integers(0, 5, (6, 4, 4))
    together = grade_agreement(matrices)
    for place, matrix in enumerate(matrices):
        assert {name: float(values[place]) for name, values in together.items()} == pytest.approx(
            agreement(matrix), nan_ok=True
        )


@pytest.mark.parametrize(
    ("reference", "answers", "grades", "said"),
    [
        ([0, 1], [0], 2, "expected one grade a case"),
        ([0, 4], [0, 1], 4, "grades from 0 to 4; expected 0 to 3"),
        ([0, -1], [0, 1], 4, "grades from -1 to 0"),
        ([0], [0], 1, "1 grades; expected 2"),
    ],
)
def test_grades_that_do_not_fit_are_refused(reference, answers, grades, said):
    with pytest.raises(CxrError, match=said):
        confusion_matrix(np.array(reference), np.array(answers), grades)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(CxrError, match=r"expected \[\.\.\., grades, grades\]"):
        grade_agreement(np.zeros((2, 3)))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_every_measure_equals_scikit_learn(pairs):
    metrics = pytest.importorskip("sklearn.metrics")
    true, answers = np.array(pairs).T
    matrix = confusion_matrix(true, answers, 4)
    assert (matrix == metrics.confusion_matrix(true, answers, labels=range(4))).all()
    found = agreement(matrix)
    expected = {
        "accuracy": metrics.accuracy_score(true, answers),
        "macro_f1": metrics.f1_score(true, answers, average="macro", zero_division=0),
        "macro_f1_predicted": metrics.f1_score(
            true, answers, average="macro", labels=np.unique(answers), zero_division=0
        ),
        "weighted_f1": metrics.f1_score(true, answers, average="weighted", zero_division=0),
        "binary_accuracy": metrics.accuracy_score(true > 0, answers > 0),
    }
    if (true > 0).any():
        expected["sensitivity"] = metrics.recall_score(true > 0, answers > 0)
    if (true == 0).any():
        expected["specificity"] = metrics.recall_score(true == 0, answers == 0)
    if len(np.unique(pairs)) > 1:
        for name, weights in (("kappa", None), ("linear_kappa", "linear"), ("quadratic_kappa", "quadratic")):
            expected[name] = metrics.cohen_kappa_score(true, answers, labels=range(4), weights=weights)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0.2, 3))
def test_a_large_sample_reproduces_the_kappa_of_its_population(seed, spread):
    """Answers are the true grade with noise; the kappas of 40,000 cases lie within 0.02 of those of the noise."""
    rng = np.random.default_rng(seed)
    grades = np.arange(4)
    noise = np.exp(-((grades[:, None] - grades[None, :]) ** 2) / (2 * spread**2))
    population = rng.dirichlet([4, 2, 2, 2])[:, None] * noise / noise.sum(axis=1, keepdims=True)
    drawn = rng.choice(16, 40_000, p=population.ravel())
    sample, known = agreement(confusion_matrix(drawn // 4, drawn % 4, 4)), agreement(population)
    for name in ("kappa", "linear_kappa", "quadratic_kappa", "accuracy", "off_by_one", "binary_accuracy"):
        assert sample[name] == pytest.approx(known[name], abs=0.02)
