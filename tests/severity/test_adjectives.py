"""Lists of adjectives before and after a finding carry its grade and its change."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Mild, diffuse, stable cardiomegaly.", "cardiomegaly present mild unchanged"),
        ("Mild, stable, diffuse cardiomegaly.", "cardiomegaly present mild unchanged"),
        ("Stable, diffuse, mild cardiomegaly.", "cardiomegaly present mild unchanged"),
        ("Mild, diffuse, and stable cardiomegaly.", "cardiomegaly present mild unchanged"),
        ("Mild and stable cardiomegaly.", "cardiomegaly present mild unchanged"),
        ("Mild effusion and stable cardiomegaly.", "cardiomegaly present unspecified unchanged"),
        ("Severe, progressive, diffuse hyperinflation.", "hyperinflation present severe increased"),
        ("Cardiomegaly, mild, diffuse, stable.", "cardiomegaly present mild unchanged"),
        ("Scoliosis (mild, diffuse, stable).", "scoliosis present mild unchanged"),
        ("Scoliosis is mild, diffuse, and stable.", "scoliosis present mild unchanged"),
        ("No severe, diffuse scoliosis.", "scoliosis absent negative none"),
        ("No effusion, mild, stable cardiomegaly.", "cardiomegaly present mild unchanged"),
        ("The effusion is mild, stable, cardiomegaly unchanged.", "cardiomegaly present unspecified unchanged"),
        ("Mild, stable atelectasis and cardiomegaly.", "cardiomegaly present unspecified none"),
        ("Cardiomegaly, stable effusion.", "cardiomegaly present unspecified none"),
        ("Cardiomegaly has improved but remains moderate.", "cardiomegaly present moderate decreased"),
        ("Cardiomegaly but mild edema.", "cardiomegaly present unspecified none"),
    ],
)
def test_lists_of_adjectives_give_grade_and_change(sentence, expected):
    found = mentions(sentence, lexicon())
    said = "; ".join(f"{each.finding} {each.polarity} {each.grade} {each.change}" for each in found)
    assert said == expected
