import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.studies.source_classifier import FOLDS, patient_folds, told_apart


def drawn(apart, seed=0, sizes=(60, 30)):
    rng = np.random.default_rng(seed)
    codes = np.concatenate([rng.normal(apart * number, 1, (size, 8)) for number, size in enumerate(sizes)])
    sources = [f"s{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return codes, sources, [f"p{number}" for number in range(len(codes))]


def test_sources_that_lie_apart_are_told_and_others_are_not():
    assert told_apart(*drawn(6.0)).mean() > 0.97
    codes, sources, patients = drawn(0.0, sizes=(300, 300))
    assert told_apart(codes, sources, patients).mean() == pytest.approx(0.5, abs=0.08)


def test_the_rarer_source_weighs_as_much():
    codes, sources, patients = drawn(0.6, sizes=(400, 40))
    right = told_apart(codes, sources, patients)
    recalls = [right[np.array(sources) == name].mean() for name in ("s0", "s1")]
    assert min(recalls) > 0.6


def test_a_patient_of_many_images_is_never_learned_from():
    """Codes that name the patient, and nothing else, tell nothing of the source across patients."""
    rng = np.random.default_rng(0)
    patients = [f"p{number}" for number in range(40) for _ in range(5)]
    own = rng.normal(0, 1, (40, 12)).repeat(5, axis=0)
    sources = [f"s{int(each[1:]) % 2}" for each in patients]
    assert told_apart(own, sources, patients).mean() < 0.65


def test_units_do_not_matter():
    codes, sources, patients = drawn(1.0)
    np.testing.assert_array_equal(told_apart(codes, sources, patients), told_apart(1000 * codes + 5, sources, patients))


def test_every_source_is_in_every_fold():
    sources, patients = ["a"] * 10 + ["b"] * 5, [f"p{number}" for number in range(15)]
    folds = np.array(patient_folds(sources, patients, 0))
    assert np.bincount(folds[:10]).tolist() == [2] * FOLDS
    assert sorted(folds[10:]) == list(range(FOLDS))
    with pytest.raises(CxrError, match="source b has 4 patients; a cross-validation needs 5 or more"):
        patient_folds(sources[:14], patients[:14], 0)


def test_one_source_is_refused():
    with pytest.raises(CxrError, match="all images are of source a; a classifier of the source needs two or more"):
        told_apart(np.zeros((5, 2)), ["a"] * 5, list("pqrst"))
