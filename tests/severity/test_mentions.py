"""Sentences of our own: what each says about each finding."""

import gc
from time import process_time

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions

HEART, SPINE, BACK = "cardiomegaly", "scoliosis", "kyphosis"
HYPER, LOW, HIGH, FLAT = "hyperinflation", "low_lung_volumes", "elevated_diaphragm", "flattened_diaphragm"
ANGLE, TRACHEA, ROTATED = "blunted_costophrenic_angle", "tracheal_deviation", "patient_rotation"
TORTUOUS, WIDE = "tortuous_aorta", "enlarged_aorta"

PRESENT = {
    "There is cardiomegaly.": (HEART, "unspecified"),
    "No change in heart size, which is mildly enlarged.": (HEART, "mild"),
    "Scoliosis normal heart size.": (SPINE, "unspecified"),
    "Low lung volumes, normal heart.": (LOW, "unspecified"),
    "Cardiomegaly: no pneumothorax.": (HEART, "unspecified"),
    "Cardiac: mildly enlarged.": (HEART, "mild"),
    "Previously seen cardiomegaly is unchanged.": (HEART, "unspecified"),
    "The prior film showed mild cardiomegaly, which is unchanged.": (HEART, "mild"),
    "Mild cardiac enlargment.": (HEART, "mild"),
    "Heart looks big.": (HEART, "unspecified"),
    "The cardiac shadow is slightly enlarged.": (HEART, "mild"),
    "Enlargement of the heart, of moderate degree.": (HEART, "moderate"),
    "The heart is now markedly enlarged.": (HEART, "severe"),
    "Mild to moderate cardiomegaly.": (HEART, "moderate"),
    "Mild/moderate enlargement of the cardiac silhouette.": (HEART, "moderate"),
    "Cardiomegaly is severe.": (HEART, "severe"),
    "Cardiomegaly, mild.": (HEART, "mild"),
    "Massive cardiomegaly with clear lungs.": (HEART, "severe"),
    "Trace right effusion and cardiomegaly.": (HEART, "unspecified"),
    "Mild oedema, enlarged heart.": (HEART, "unspecified"),
    "Cardiomegaly with mild oedema.": (HEART, "unspecified"),
    "Moderate dextroscoliosis of the thoracic spine.": (SPINE, "moderate"),
    "S-shaped scoliosis.": (SPINE, "unspecified"),
    "Minimal rightward curvature of the upper thoracic spine.": (SPINE, "mild"),
    "The thoracic kyphosis is exaggerated, kyphosis is severe.": (BACK, "severe"),
    "Slightly increased thoracic kyphosis.": (BACK, "mild"),
    "The lungs are markedly hyperinflated.": (HYPER, "severe"),
    "Over-expanded lungs.": (HYPER, "unspecified"),
    "Film taken in poor inspiration.": (LOW, "unspecified"),
    "The lung volumes are mildly decreased.": (LOW, "mild"),
    "Lungs are not well expanded.": (LOW, "unspecified"),
    "The dome of the right hemidiaphragm is moderately elevated.": (HIGH, "moderate"),
    "Eventration of the left hemidiaphragm.": (HIGH, "unspecified"),
    "Both hemidiaphragms are flattened.": (FLAT, "unspecified"),
    "Minor lines; slight blunting of the left costophrenic angle.": (ANGLE, "mild"),
    "Left costophrenic sulcus blunted.": (ANGLE, "unspecified"),
    "The trachea is mildly deviated to the right.": (TRACHEA, "mild"),
    "Tracheal shift to the left.": (TRACHEA, "unspecified"),
    "The patient is slightly rotated.": (ROTATED, "mild"),
    "Exam limited by rotation.": (ROTATED, "unspecified"),
    "The descending aorta is markedly tortuous.": (TORTUOUS, "severe"),
    "Unfolded aorta.": (TORTUOUS, "unspecified"),
    "Mildly dilated ascending aorta.": (WIDE, "mild"),
    "Aortic knob is prominent.": (WIDE, "unspecified"),
    "CTR 0.55.": (HEART, "unspecified"),
    "Cardiothoracic ratio: 62 %.": (HEART, "unspecified"),
    "CTR >50%.": (HEART, "unspecified"),
    "The transverse diameter of the heart is increased.": (HEART, "unspecified"),
    "Cardiomegaly (moderate) with clear lungs.": (HEART, "moderate"),
    "Cardiomegaly (mild effusion).": (HEART, "unspecified"),
    "Scoliosis is again noted, now moderate.": (SPINE, "moderate"),
    "Scoliosis of the spine is moderate to marked.": (SPINE, "severe"),
    "Obliteration of the left costophrenic angle.": (ANGLE, "unspecified"),
    "A goitre displaces the trachea.": (TRACHEA, "unspecified"),
    "Severe kyphotic curvature of the thoracic spine.": (BACK, "severe"),
}
ABSENT = {
    "Thoracic kyphosis is preserved.": BACK,
    "The kyphosis is within normal limits.": BACK,
    "Thoracic kyphosis normal, no fracture.": BACK,
    "Kyphosis is normal and there is no fracture.": BACK,
    "Thoracic curvature is normal.": SPINE,
    "No cardiomegaly.": HEART,
    "Nil cardiomegaly.": HEART,
    "Nor is there cardiomegaly.": HEART,
    "The heart is not, in fact, enlarged.": HEART,
    "Cardiomegaly: no.": HEART,
    "Cardiomegaly (no), lungs clear.": HEART,
    "Tracheal deviation: no, effusion: yes": TRACHEA,
    "Cardiac: Normal size.": HEART,
    "The heart is not enlarged.": HEART,
    "Heart not significantly enlarged.": HEART,
    "No evidence of cardiac enlargement.": HEART,
    "No effusion, infiltrate, or cardiomegaly.": HEART,
    "No effusion, cardiomegaly, or fracture.": HEART,
    "Heart, hila and pleura are normal.": HEART,
    "Heart of normal size.": HEART,
    "The size of the heart is within normal limits.": HEART,
    "Normal cardiac and mediastinal contours.": HEART,
    "Negative for scoliosis.": SPINE,
    "Scoliosis is not seen.": SPINE,
    "Without kyphosis.": BACK,
    "Normal thoracic kyphosis.": BACK,
    "The lungs are not hyperinflated.": HYPER,
    "The lungs are well inflated.": LOW,
    "Normal heart size, hila, and lung volumes.": LOW,
    "The diaphragm is not elevated.": HIGH,
    "No flattening of the diaphragm.": FLAT,
    "The costophrenic angles are sharp.": ANGLE,
    "The trachea is in the midline.": TRACHEA,
    "The patient is not rotated.": ROTATED,
    "Aorta is not tortuous.": TORTUOUS,
    "No aortic aneurysm.": WIDE,
    "The heart does not appear enlarged.": HEART,
    "The cardiothoracic ratio is 0.48.": HEART,
    "CTR = 0,5": HEART,
    "CTR not above 50 percent.": HEART,
    "CTR is within normal limits.": HEART,
    "No abnormality of heart or mediastinum.": HEART,
    "Preserved thoracic kyphosis.": BACK,
    "Costophrenic angles are free.": ANGLE,
    "Trachea central.": TRACHEA,
    "Normal mediastinal contour, vasculature, central airways and lung volumes.": LOW,
    "Cardiac silhouette and central pulmonary vasculature are within normal limits.": HEART,
}
UNCERTAIN = {
    "Possible cardiomegaly.": (HEART, "unspecified"),
    "Probable mild cardiomegaly.": (HEART, "mild"),
    "Cardiomegaly cannot be excluded.": (HEART, "unspecified"),
    "No definite change, suspected scoliosis.": (SPINE, "unspecified"),
    "Questionable blunting of the right costophrenic angle.": (ANGLE, "unspecified"),
    "The heart is borderline in size.": (HEART, "borderline"),
    "Borderline cardiomegaly.": (HEART, "borderline"),
    "Heart size at the upper limit of normal.": (HEART, "borderline"),
    "Heart size is normal to mildly enlarged.": (HEART, "borderline"),
    "Borderline to mild cardiomegaly.": (HEART, "borderline"),
    "Findings may represent an aortic aneurysm.": (WIDE, "unspecified"),
    "Lung volumes are low normal.": (LOW, "borderline"),
    "?cardiomegaly": (HEART, "unspecified"),
    "Scoliosis?": (SPINE, "unspecified"),
    "r/o cardiomegaly": (HEART, "unspecified"),
    "Cardiomegaly can not be ruled out.": (HEART, "unspecified"),
    "Apparent cardiomegaly may be due to AP technique.": (HEART, "unspecified"),
    "CTR at the upper limit of normal.": (HEART, "borderline"),
}
HISTORY = {
    "The previous study showed cardiomegaly.": HEART,
    "History of scoliosis.": SPINE,
    "Previously seen cardiomegaly has resolved.": HEART,
    "The cardiomegaly is no longer seen.": HEART,
}
NOTHING = (
    "",
    "The heart.",
    "Heart size is stable.",
    "No change in the cardiac silhouette.",
    "Congestive heart failure is stable.",
    "Enlarged left atrium.",
    "Left atrial enlargement behind the cardiac shadow.",
    "Calcified aorta.",
    "Nodule behind the heart, enlarged since May.",
    "Rotator cuff repair.",
    "Loss of the normal thoracic kyphosis.",
    "Clear lungs.",
    "CTR 55.",
    "Nodule of 0.6 cm.",
    "Free air below the diaphragm.",
    "Endotracheal tube above the carina.",
    "Hypertension, hyperlucent apex.",
)
CHANGE = {
    "Cardiomegaly with no significant change in effusion.": "none",
    "Cardiomegaly, now improved.": "decreased",
    "Cardiomegaly, previously mild, has progressed to moderate.": "increased",
    "Cardiomegaly, now stable effusion.": "none",
    "Cardiomegaly: no change.": "unchanged",
    "Cardiomegaly with no interval change.": "unchanged",
    "Previously seen cardiomegaly is unchanged.": "unchanged",
    "The prior film showed cardiomegaly, which is unchanged.": "unchanged",
    "Resolving cardiomegaly.": "decreased",
    "The patient has developed cardiomegaly.": "new",
    "No new cardiomegaly.": "none",
    "Stable cardiomegaly.": "unchanged",
    "Stable, mild cardiomegaly.": "unchanged",
    "Mild cardiomegaly, unchanged.": "unchanged",
    "Cardiomegaly is similar to the prior examination.": "unchanged",
    "No significant interval change in the cardiomegaly.": "unchanged",
    "The heart remains enlarged.": "unchanged",
    "The heart is enlarged but unchanged.": "unchanged",
    "Cardiomegaly has increased.": "increased",
    "Worsening cardiomegaly.": "increased",
    "Improved cardiomegaly.": "decreased",
    "New cardiomegaly.": "new",
    "Cardiomegaly has resolved.": "resolved",
    "The cardiomegaly is no longer seen.": "resolved",
    "Cardiomegaly, stable nodule.": "none",
    "Mildly enlarged heart, stable mediastinal contours.": "none",
    "Stable nodule with cardiomegaly.": "none",
}


def said(sentence, finding):
    (found,) = [each for each in mentions(sentence, lexicon()) if each.finding == finding]
    return found


@pytest.mark.parametrize("sentence", PRESENT)
def test_present(sentence):
    finding, grade = PRESENT[sentence]
    found = said(sentence, finding)
    assert (found.polarity, found.grade) == ("present", grade)


def test_the_normal_of_one_structure_is_not_that_of_the_next():
    found = mentions("The heart is normal in size and the aorta is tortuous.", lexicon())
    assert [each.finding for each in found] == [HEART, TORTUOUS]


@pytest.mark.parametrize("sentence", ABSENT)
def test_absent(sentence):
    found = said(sentence, ABSENT[sentence])
    assert (found.polarity, found.grade) == ("absent", "negative")


@pytest.mark.parametrize("sentence", UNCERTAIN)
def test_uncertain(sentence):
    finding, grade = UNCERTAIN[sentence]
    found = said(sentence, finding)
    assert (found.polarity, found.grade) == ("uncertain", grade)


@pytest.mark.parametrize("sentence", HISTORY)
def test_history(sentence):
    assert said(sentence, HISTORY[sentence]).polarity == "history"


@pytest.mark.parametrize("sentence", NOTHING)
def test_nothing_measurable_is_said(sentence):
    assert mentions(sentence, lexicon()) == ()


@pytest.mark.parametrize("sentence", CHANGE)
def test_change(sentence):
    assert said(sentence, HEART).change == CHANGE[sentence]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("No pneumothorax, mild cardiomegaly.", [(HEART, "present", "mild")]),
        ("No effusion is seen and the heart is enlarged.", [(HEART, "present", "unspecified")]),
        ("There is no pneumothorax the lungs are hyperinflated.", [(HYPER, "present", "unspecified")]),
        ("Kyphoscoliosis, severe.", [(BACK, "present", "severe"), (SPINE, "present", "severe")]),
        (
            "Normal heart size, moderately tortuous and ectatic aorta.",
            [(HEART, "absent", "negative"), (WIDE, "present", "moderate"), (TORTUOUS, "present", "moderate")],
        ),
        (
            "Severe scoliosis and patient rotation.",
            [(SPINE, "present", "severe"), (ROTATED, "present", "unspecified")],
        ),
        (
            "Lungs are hyperinflated without cardiomegaly.",
            [(HYPER, "present", "unspecified"), (HEART, "absent", "negative")],
        ),
        (
            "Cardiomegaly probably due to low lung volumes.",
            [(HEART, "present", "unspecified"), (LOW, "present", "unspecified")],
        ),
    ],
)
def test_each_finding_keeps_its_own_words(sentence, expected):
    found = [(each.finding, each.polarity, each.grade) for each in mentions(sentence, lexicon())]
    assert sorted(found) == sorted(expected)


def test_the_place_covers_structure_state_and_grade():
    sentence = "Clear lungs, the HEART is mildly enlarged today."
    found = said(sentence, HEART)
    assert sentence[found.start : found.end] == "HEART is mildly enlarged"


def test_case_and_hyphens_do_not_matter():
    for sentence in ("MILD-TO-MODERATE CARDIOMEGALY", "mild to moderate cardiomegaly"):
        assert said(sentence, HEART).grade == "moderate"


@pytest.mark.parametrize("finding", lexicon().titles)
def test_every_finding_of_the_table_has_a_sentence_here(finding):
    assert finding in {name for name, _ in PRESENT.values()}
    assert finding in set(ABSENT.values())


@pytest.mark.parametrize("words", ["no heart, ", "heart, ", "mild of ", "cardiomegaly and ", "is stable "])
def test_the_time_grows_with_the_length_and_not_faster(words):
    def seconds(count):
        gc.disable()  # a collection walks the objects of all tests
        begin = process_time()
        mentions(words * count + "cardiomegaly", lexicon())
        taken = process_time() - begin
        gc.enable()
        return taken

    seconds(10)
    assert seconds(8_000) < 40 * max(seconds(800), 0.005)  # in proportion: 10 times; with the square: 100 times


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Neither the heart nor the aorta is enlarged.", [(HEART, "absent"), (WIDE, "absent")]),
        ("The lungs are not hyperinflated, nor is the heart enlarged.", [(HYPER, "absent"), (HEART, "absent")]),
        ("Cardiomegaly: No, Scoliosis: Mild", [(HEART, "absent"), (SPINE, "present")]),
        ("no pneumothorax heart enlarged", [(HEART, "present")]),
        ("no effusion severe scoliosis", [(SPINE, "present")]),
        ("no effusion scoliosis", [(SPINE, "absent")]),
        ("no pulmonary edema, heart enlargement or effusion", [(HEART, "absent")]),
        ("heart mildly enlarged aorta unfolded", [(HEART, "present"), (TORTUOUS, "present")]),
        ("heart is enlarged aorta tortuous", [(HEART, "present"), (TORTUOUS, "present")]),
        ("Silhouette of the heart shows mild tortuosity of the aorta.", [(TORTUOUS, "present")]),
    ],
)
def test_denials_of_several_structures_and_statements_without_stops(sentence, expected):
    found = mentions(sentence, lexicon())
    assert sorted((each.finding, each.polarity) for each in found) == sorted(expected)


def test_without_stops_each_grade_keeps_its_structure():
    found = mentions("heart is mildly enlarged aorta tortuous", lexicon())
    assert {each.finding: each.grade for each in found} == {HEART: "mild", TORTUOUS: "unspecified"}
