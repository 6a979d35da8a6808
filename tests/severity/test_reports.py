import pytest

from cxrfactory.cohort.reports import Measured, report_text
from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.reports import read_report, read_sections
from cxrfactory.tables.report_sections import parse_sections


def one(**sections):
    (row,) = read_report(sections, lexicon())
    return row


def test_one_row_for_each_finding_in_the_order_of_the_table():
    rows = read_report({"findings": "Scoliosis. Tortuous aorta. The heart is large. Scoliosis again."}, lexicon())
    assert [row["finding"] for row in rows] == ["cardiomegaly", "scoliosis", "tortuous_aorta"]
    assert [row["mentions"] for row in rows] == [1, 2, 1]


def test_the_impression_counts_before_the_findings():
    row = one(findings="The heart is enlarged.", impression="No cardiomegaly.")
    assert (row["polarity"], row["grade"], row["contradiction"]) == ("absent", "negative", "between")
    assert (row["section"], row["sentence"]) == ("impression", 1)
    row = one(findings="No cardiomegaly.", impression="Mild cardiomegaly.")
    assert (row["polarity"], row["grade"], row["contradiction"]) == ("present", "mild", "between")


def test_doubt_in_the_impression_is_no_contradiction():
    row = one(findings="Mild cardiomegaly.", impression="Possible cardiomegaly.")
    assert (row["polarity"], row["contradiction"]) == ("uncertain", "none")


def test_present_counts_within_a_section():
    row = one(findings="Heart size is normal. There is cardiomegaly.")
    assert (row["polarity"], row["contradiction"], row["sentence"]) == ("present", "within", 1)


def test_the_highest_grade_counts_within_a_section():
    assert one(findings="Mild scoliosis. Moderate scoliosis. Scoliosis.")["grade"] == "moderate"


def test_the_other_section_gives_the_grade_and_the_change_that_the_impression_lacks():
    row = one(findings="Heart is moderately enlarged.", impression="Stable cardiomegaly.")
    assert (row["grade"], row["change"], row["section"], row["sentence"]) == ("moderate", "unchanged", "findings", 0)
    row = one(findings="Heart is moderately enlarged.", impression="Possible cardiomegaly.")
    assert (row["polarity"], row["grade"]) == ("uncertain", "unspecified")


def test_history_decides_nothing_if_more_is_said():
    assert one(findings="The heart is enlarged.", impression="History of cardiomegaly.")["polarity"] == "present"
    assert one(impression="History of cardiomegaly.")["polarity"] == "history"


def test_the_place_is_that_of_the_words_in_the_section():
    text = "1. Clear lungs. 2. Mild thoracic scoliosis."
    row = one(findings="Normal.", impression=text)
    assert (row["section"], row["sentence"]) == ("impression", 2)
    assert text[row["start"] : row["end"]] == "Mild thoracic scoliosis"


def test_the_unheaded_text_counts_only_alone():
    assert read_sections({"findings": None, "impression": "", "unheaded": "a"}) == ("unheaded",)
    assert read_sections({"findings": "a", "unheaded": "b", "comparison": "c"}) == ("findings",)
    assert read_sections({"comparison": "c"}) == ()
    assert one(unheaded="Scoliosis.")["section"] == "unheaded"
    assert read_report({"comparison": "Scoliosis.", "indication": "Scoliosis."}, lexicon()) == []


@pytest.mark.parametrize(("ratio", "polarity"), [(0.58, "present"), (0.44, "absent")])
def test_reports_of_virtual_patients_say_what_was_measured(ratio, polarity):
    text = report_text(Measured(ratio, 200.0, 180.0), 0, "CHEST (PA AND LAT)")
    (row,) = read_report(parse_sections(text), lexicon())
    assert (row["finding"], row["polarity"], row["section"]) == ("cardiomegaly", polarity, "impression")


def test_an_addendum_corrects_the_report():
    sections = {
        "findings": "Heart is normal.",
        "impression": "No cardiomegaly.",
        "addendum": "The heart is mildly enlarged.",
    }
    (row,) = read_report(sections, lexicon())
    assert (row["polarity"], row["grade"], row["section"]) == ("present", "mild", "addendum")
    assert (row["sentence"], row["contradiction"]) == (2, "between")
    assert read_sections(sections) == ("findings", "impression", "addendum")
    sections["addendum"] = "Discussed with the ward."
    (row,) = read_report(sections, lexicon())
    assert (row["polarity"], row["section"]) == ("absent", "impression")


def test_what_an_addendum_was_asked_for_is_no_finding():
    text = "INDICATION: Cardiomegaly. FINDINGS: Severe scoliosis is seen."
    (row,) = read_report({"findings": "Clear lungs.", "addendum": text}, lexicon())
    assert (row["finding"], text[row["start"] : row["end"]]) == ("scoliosis", "Severe scoliosis")
