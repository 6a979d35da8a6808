"""What is told of now counts before what is told of an earlier examination."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions


@pytest.mark.parametrize(
    ("sentence", "polarity", "grade"),
    [
        ("CTR was 0.45, now 0.55.", "present", "unspecified"),
        ("CTR previously 0.55, now 0.49.", "absent", "negative"),
        ("Prior CTR 0.55; CTR today 0.49.", "absent", "negative"),
        ("CTR 0.52 (previously 0.48).", "present", "unspecified"),
        ("The heart, previously enlarged, is now normal in size.", "absent", "negative"),
        ("The heart was enlarged on the prior exam and is normal today.", "absent", "negative"),
        ("Compared with 2019, when the heart was enlarged, the heart is now normal.", "absent", "negative"),
        ("The heart was normal and is now mildly enlarged.", "present", "mild"),
        ("Previously borderline heart is now moderately enlarged.", "present", "moderate"),
        ("Previously moderate cardiomegaly is now mild.", "present", "mild"),
        ("Cardiomegaly, previously severe, is now mild.", "present", "mild"),
        ("Mild cardiomegaly has progressed to moderate.", "present", "moderate"),
        ("Cardiomegaly has increased from moderate to severe.", "present", "severe"),
        ("Cardiomegaly has decreased from severe to mild.", "present", "mild"),
        ("Severe cardiomegaly has improved to moderate.", "present", "moderate"),
        ("Mild cardiomegaly, now moderate effusion.", "present", "mild"),
        ("Mild cardiomegaly, now with moderate effusion.", "present", "mild"),
        ("The heart is enlarged and the lungs are now normal.", "present", "unspecified"),
        ("Cardiomegaly, unchanged, mild to moderate.", "present", "moderate"),
    ],
)
def test_the_present_state_counts(sentence, polarity, grade):
    (found,) = [each for each in mentions(sentence, lexicon()) if each.finding == "cardiomegaly"]
    assert (found.polarity, found.grade) == (polarity, grade)
