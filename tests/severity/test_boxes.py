"""What stands at an empty tick box is not said."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Heart size: [ ] normal [x] enlarged", "cardiomegaly present unspecified none"),
        ("Heart size: [X] normal [ ] enlarged", "cardiomegaly absent negative none"),
        ("[ ] Cardiomegaly [x] Scoliosis [ ] Kyphosis", "scoliosis present unspecified none"),
        ("Cardiomegaly: [ ]", ""),
        ("Cardiomegaly: [ ] yes [x] no", "cardiomegaly absent negative none"),
        ("Cardiomegaly yes [x] no [ ]", "cardiomegaly present unspecified none"),
        ("Heart size: ( ) normal (x) mildly enlarged", "cardiomegaly present mild none"),
        ("☐ normal heart ☒ enlarged heart", "cardiomegaly present unspecified none"),
        ("Heart is mildly enlarged [ ].", "cardiomegaly present mild none"),
        ("The heart is [normal] in size.", "cardiomegaly absent negative none"),
    ],
)
def test_only_ticked_options_count(sentence, expected):
    found = mentions(sentence, lexicon())
    said = "; ".join(f"{each.finding} {each.polarity} {each.grade} {each.change}" for each in found)
    assert said == expected


def test_places_of_words_stay():
    text = "Heart size: [ ] normal [x] enlarged"
    (found,) = mentions(text, lexicon())
    assert text[found.start : found.end].startswith("Heart size")
    assert text[: found.end].endswith("enlarged")
