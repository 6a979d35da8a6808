""" "Absent" denies what it opens, and "not absent" denies nothing."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Absent cardiomegaly.", "cardiomegaly absent negative none"),
        ("Absent scoliosis or kyphosis.", "scoliosis absent negative none; kyphosis absent negative none"),
        ("Cardiomegaly is not absent.", "cardiomegaly present unspecified none"),
        ("Cardiomegaly: not absent.", "cardiomegaly present unspecified none"),
        ("Effusion is absent and cardiomegaly is stable.", "cardiomegaly present unspecified unchanged"),
        ("Pneumothorax ruled out and scoliosis noted.", "scoliosis present unspecified none"),
        ("Absent pleural effusion, mild cardiomegaly.", "cardiomegaly present mild none"),
        ("Scoliosis: nil.", "scoliosis absent negative none"),
        ("CM: none.", "cardiomegaly absent negative none"),
        ("Nodule of 2.5 cm: stable, heart normal.", "cardiomegaly absent negative none"),
    ],
)
def test_absent_denies_what_it_opens(sentence, expected):
    found = mentions(sentence, lexicon())
    said = "; ".join(f"{each.finding} {each.polarity} {each.grade} {each.change}" for each in found)
    assert said == expected
