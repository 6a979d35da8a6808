"""Grade and change of a mention, by the words around it."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions


@pytest.mark.parametrize(
    ("sentence", "grade", "change"),
    [
        ("Mild to moderate cardiomegaly.", "moderate", "none"),
        ("Mild atelectasis with cardiomegaly.", "unspecified", "none"),
        ("Severe cardiomegaly is unchanged.", "severe", "unchanged"),
        ("There is mild, stable cardiomegaly.", "mild", "unchanged"),
        ("Moderate, unchanged enlargement of the heart.", "moderate", "unchanged"),
        ("There is stable, mild cardiomegaly.", "mild", "unchanged"),
        ("Cardiomegaly is moderate and stable.", "moderate", "unchanged"),
        ("Cardiomegaly is noted, with mild and unchanged effusions.", "unspecified", "none"),
        ("Effusions are stable, mild cardiomegaly.", "mild", "none"),
        ("Effusion is mild, stable cardiomegaly.", "unspecified", "unchanged"),
    ],
)
def test_a_grade_and_a_change_belong_to_the_words_they_stand_with(sentence, grade, change):
    (found,) = mentions(sentence, lexicon())
    assert (found.grade, found.change) == (grade, change)
