import pytest

from cxrfactory.severity.sentences import sentences

SPLIT = {
    "The heart is large. Lungs clear.": ["The heart is large.", "Lungs clear."],
    "1. Cardiomegaly. 2. No effusion.": ["Cardiomegaly.", "No effusion."],
    "Nodule of 1.5 cm. Stable.": ["Nodule of 1.5 cm.", "Stable."],
    "The heart is normal.The lungs are clear.": ["The heart is normal.", "The lungs are clear."],
    "Seen by Dr. Who at 9 a.m. today.": ["Seen by Dr. Who at 9 a.m. today."],
    "Scoliosis? Heart normal!": ["Scoliosis?", "Heart normal!"],
    "Comparison with T5. Aorta tortuous.": ["Comparison with T5.", "Aorta tortuous."],
    "Vessels are normal.>] Lung volumes are low.": ["Vessels are normal.", ">] Lung volumes are low."],
    "Heart - Enlarged": ["Heart - Enlarged"],
    "No full stop": ["No full stop"],
    "CTR 0.55. Lungs clear.": ["CTR 0.55.", "Lungs clear."],
    "Heart large. ? kyphosis. (? scoliosis)": ["Heart large.", "? kyphosis.", "(? scoliosis)"],
    "...": [],
    "": [],
    "   ": [],
}


@pytest.mark.parametrize("text", SPLIT)
def test_sentences(text):
    assert [each.text for each in sentences(text)] == SPLIT[text]


@pytest.mark.parametrize("text", SPLIT)
def test_each_sentence_stands_where_it_says(text):
    for each in sentences(text):
        assert text[each.start : each.start + len(each.text)] == each.text


def test_no_letter_is_lost():
    text = "First (a. b) one. 2. Second, 3.5 mm;third?Fourth.Fifth one.  "
    letters = [sign for sign in text.replace("2.", "", 1) if sign.isalpha()]
    assert [sign for each in sentences(text) for sign in each.text if sign.isalpha()] == letters
