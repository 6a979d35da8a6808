"""A state is found in brackets, behind "but", of either side, and behind "without"."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Heart (no enlargement).", "cardiomegaly absent negative none"),
        ("Heart (mildly enlarged).", "cardiomegaly present mild none"),
        ("Heart (AP view) is enlarged.", "cardiomegaly present unspecified none"),
        ("Heart size (previously enlarged) is normal.", "cardiomegaly absent negative none"),
        ("The heart is not enlarged but borderline.", "cardiomegaly uncertain borderline none"),
        ("Heart size is normal, but at the upper limits.", "cardiomegaly uncertain borderline none"),
        ("Heart is normal but the aorta is borderline.", "cardiomegaly absent negative none"),
        ("Costophrenic angles: right sharp, left mildly blunted.", "blunted_costophrenic_angle present mild none"),
        ("Right costophrenic angle sharp and left not blunted.", "blunted_costophrenic_angle absent negative none"),
        (
            "The aorta is unfolded without aneurysm.",
            "tortuous_aorta present unspecified none; enlarged_aorta absent negative none",
        ),
    ],
)
def test_states_are_found_where_they_stand(sentence, expected):
    found = mentions(sentence, lexicon())
    said = "; ".join(f"{each.finding} {each.polarity} {each.grade} {each.change}" for each in found)
    assert said == expected
