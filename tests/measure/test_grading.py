import pytest

from cxrfactory.config import MeasureConfig
from cxrfactory.geometry.measurement import DEFINITIONS
from cxrfactory.measure.grading import GRADES, graded, scale_of

SETTINGS = MeasureConfig(ctr_cuts=[0.5, 0.55, 0.6], ctr_margin=0.02)


@pytest.mark.parametrize(
    ("value", "grade", "near"),
    [
        (0.2, "negative", False),
        (0.48, "negative", True),  # the margin belongs to the neighbourhood of a cut
        (0.479, "negative", False),
        (0.5, "mild", True),  # a cut-point has the higher grade
        (0.525, "mild", False),
        (0.55, "moderate", True),
        (0.6, "severe", True),
        (0.9, "severe", False),
    ],
)
def test_grades_and_their_neighbourhood_follow_the_cuts(value, grade, near):
    assert graded(value, scale_of("ctr_rows", SETTINGS)) == (grade, near)


def test_every_measurement_of_the_heart_and_spine_has_the_scale_of_its_kind():
    scales = {name: scale_of(name, MeasureConfig()) for name in DEFINITIONS}
    with_grades = {name: scale.cuts[0] for name, scale in scales.items() if scale is not None}
    kinds = {"ctr": 0.5, "cobb": 10.0, "scd": 5.0, "kyphosis": 40.0}
    assert with_grades == {name: kinds[name.split("_")[0]] for name in DEFINITIONS if name.split("_")[0] in kinds}
    assert {name.split("_")[0] for name in with_grades} == set(kinds)


def test_no_value_and_no_scale_have_no_grade():
    assert graded(float("nan"), scale_of("ctr_rows", SETTINGS)) == (None, None)
    assert graded(12.0, scale_of("heart_width", SETTINGS)) == (None, None)


def test_grades_ascend():
    scale = scale_of("kyphosis", MeasureConfig())
    found = [scale.grade(value) for value in range(0, 100, 5)]
    assert [GRADES.index(each) for each in found] == sorted(GRADES.index(each) for each in found)
    assert set(found) == set(GRADES)


@pytest.mark.parametrize("cuts", [[0.5, 0.5, 0.6], [0.6, 0.5, 0.7], [0.5, 0.6, float("inf")], [0.5, 0.6]])
def test_cuts_that_do_not_ascend_are_refused(cuts):
    with pytest.raises(ValueError, match="ctr_cuts"):
        MeasureConfig(ctr_cuts=cuts)
