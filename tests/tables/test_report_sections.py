import textwrap
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.tables.report_headings import SECTIONS, headings, kind_of
from cxrfactory.tables.report_sections import (
    JoinedReport,
    join_report,
    merge_sections,
    one_line,
    parse_sections,
    says_something,
)
from tests.tables.report_styles import STYLES

MIMIC = """\
 WET READ: ___ ___ ___ 8:19 AM
  IMPRESSION: possible pneumonia.
 ______________________________________________________________________________
                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)
 
 INDICATION:  ___F with new onset ascites  // eval for infection
 
 TECHNIQUE:  Chest PA and lateral
 
 COMPARISON:  None.
 
 FINDINGS: 
 
 There is no focal consolidation, pleural effusion or pneumothorax.  Bilateral
 nodular opacities most likely represent nipple shadows.
 
 IMPRESSION: 
 
 1. No acute process.
 2. Findings could represent nipple shadows.
 
 RECOMMENDATION(S):  Nipple markers.
 
 NOTIFICATION:  Telephoned to ___ at 9:00.
"""  # noqa: W291, W293

SPOKEN = st.sampled_from(
    [
        "The lungs are clear.",
        "No pleural effusion or pneumothorax. Heart size is normal.",
        "1. Low lung volumes. 2. No acute disease.",
        "Findings are nonspecific, and there is no comparison.",
        "___ year old, history of cough.",
        "XXXX and impression of a mass: 3 cm.",
        "Chest XXXX from last year.",
    ]
)
NAMES = {
    "indication": ["INDICATION", "CLINICAL HISTORY", "REASON FOR EXAM", "HISTORY"],
    "technique": ["TECHNIQUE"],
    "comparison": ["COMPARISON", "COMPARISONS", "COMPARISON STUDY"],
    "findings": ["FINDINGS"],
    "impression": ["IMPRESSION", "CONCLUSION", "FINDINGS AND IMPRESSION", "FINDINGS/IMPRESSION"],
    "recommendation": ["RECOMMENDATIONS", "RECOMMENDATION(S)"],
    "addendum": ["ADDENDUM"],
    "preliminary": ["WET READ"],
}
CASES = [str.upper, str.lower, str.capitalize, str.title, str.swapcase]


def test_report_of_mimic_cxr():
    found = parse_sections(MIMIC)
    assert found == {
        "indication": "___F with new onset ascites // eval for infection",
        "technique": "Chest PA and lateral",
        "comparison": "None.",
        "findings": "There is no focal consolidation, pleural effusion or pneumothorax. Bilateral nodular opacities "
        "most likely represent nipple shadows.",
        "impression": "1. No acute process. 2. Findings could represent nipple shadows.",
        "recommendation": "Nipple markers.",
        "preliminary": "___ ___ ___ 8:19 AM IMPRESSION: possible pneumonia.",
    }
    joined = join_report(found)
    assert joined.source == "findings+impression"
    assert joined.text == f"{found['findings']} {found['impression']}"


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_order_case_and_spacing_of_headings_gives_the_same_sections(data):
    kinds = data.draw(st.permutations(sorted(NAMES)))[: data.draw(st.integers(1, len(NAMES)))]
    truth, text = {}, data.draw(st.sampled_from(["", "FINAL REPORT\n\n", "\n \n"]))
    for kind in kinds:
        truth[kind] = data.draw(SPOKEN)
        name = data.draw(st.sampled_from(CASES))(data.draw(st.sampled_from(NAMES[kind])))
        name = name.replace(" ", data.draw(st.sampled_from([" ", "  ", "\t"])))
        indent = data.draw(st.sampled_from(["", " ", "\t", "    "]))
        colon = data.draw(st.sampled_from([":", " :", ":  ", ":\n\n ", ":\r\n", "::"]))
        spoken = textwrap.fill(truth[kind], data.draw(st.sampled_from([30, 80])), subsequent_indent=indent)
        spoken = spoken.replace(" ", data.draw(st.sampled_from([" ", "  ", "\xa0"])))
        text += indent + name + colon + spoken + data.draw(st.sampled_from(["\n", "\n\n", " \n \n", "\r\n"]))
    assert parse_sections(text) == truth


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(STYLES)), st.permutations(["indication", "comparison", "findings", "impression"]), st.data()
)
def test_every_style_of_writing_gives_the_same_sections(style, order, data):
    truth = {kind: data.draw(SPOKEN.filter(lambda text: ":" not in text)) for kind in order}
    assert parse_sections(STYLES[style](list(truth.items()))) == truth


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="FINDGSfindgs :.\n\r\t_-*1ABab/é\u200b\u2028", max_size=80))
def test_any_text_is_taken(text):
    found = parse_sections(text)
    assert set(found) <= set(SECTIONS)
    assert all(value and value == " ".join(value.split()) for value in found.values())
    places = headings(text)
    assert all(one.end <= two.start for one, two in pairwise(places))


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        # A heading's words within a sentence are none.
        ("FINDINGS: Clear. Findings are nonspecific.", {"findings": "Clear. Findings are nonspecific."}),
        (
            "IMPRESSION: Adenopathy. FINDINGS COULD REPRESENT SARCOIDOSIS.",
            {"impression": "Adenopathy. FINDINGS COULD REPRESENT SARCOIDOSIS."},
        ),
        ("INDICATION: HISTORY OF TOBACCO USE", {"indication": "HISTORY OF TOBACCO USE"}),
        ("IMPRESSION: No change from\ncomparison.", {"impression": "No change from comparison."}),
        (
            "IMPRESSION:\n1. Nodule.\n2. Recommendation: CT.",
            {"impression": "1. Nodule. 2. Recommendation: CT."},
        ),
        ("INDICATION: ESR of 92. Findings: Clear.", {"indication": "ESR of 92.", "findings": "Clear."}),
        # Headings without a colon.
        ("FINDINGS The lungs.\nIMPRESSION Normal.", {"findings": "The lungs.", "impression": "Normal."}),
        ("Findings The lungs are clear.", {"findings": "The lungs are clear."}),
        ("Findings\nclear\n\nImpression\nnormal", {"findings": "clear", "impression": "normal"}),
        ("TECHNIQUE PA INDICATION cough\nFINDINGS clear", {"technique": "PA INDICATION cough", "findings": "clear"}),
        ("FINDINGS - clear\nImpression: - normal", {"findings": "clear", "impression": "- normal"}),
        ("CLEAR LUNGS AND\nFINDINGS OF COPD\nIMPRESSION: COPD", {"impression": "COPD"}),
        # Words around a heading's.
        ("PORTABLE CHEST FINDINGS: clear", {"findings": "clear"}),
        ("FINDINGS (PORTABLE CHEST): clear", {"findings": "clear"}),
        ("COMPARISON TO ___: None.\nIMPRESSION: clear", {"comparison": "None.", "impression": "clear"}),
        ("**FINDINGS:** clear", {"findings": "clear"}),
        ("1. FINDINGS: clear\n2. IMPRESSION: normal", {"findings": "clear", "impression": "normal"}),
        ("ADDENDUM #2: later.\nIMPRESSION: normal", {"addendum": "later.", "impression": "normal"}),
        # Headings that name two sections.
        ("FINDINGS & IMPRESSION: clear", {"impression": "clear"}),
        ("IMPRESSION AND RECOMMENDATION: clear", {"impression": "clear"}),
        (
            "<p>FINDINGS:&nbsp;Heart &lt; normal &amp; <b>clear</b>.<br/>IMPRESSION:<br>CTR &gt; 0.5, <5 mm",
            {"findings": "Heart < normal & clear.", "impression": "CTR > 0.5, <5 mm"},
        ),
        ("TECHNIQUE/COMPARISON: PA. None.", {"comparison": "PA. None."}),
        # One slip of the typist, at the start of a line.
        ("IMPRESSOIN: clear", {"impression": "clear"}),
        ("findigns: clear\nmpression: normal", {"findings": "clear", "impression": "normal"}),
        ("FINDINGS: Depression: known.", {"findings": "Depression: known."}),
        # Repeated sections; exact repetitions are dropped.
        ("IMPRESSION: a.\nFINDINGS: b.\nIMPRESSION: c.\nIMPRESSION: a.", {"findings": "b.", "impression": "a. c."}),
        # A title of films is the findings where nothing else is, and a part of them within them.
        ("PA AND LATERAL CHEST: Clear.\nCOMPARISON: None", {"comparison": "None", "findings": "Clear."}),
        ("CHEST: Clear.\nIMPRESSION: Normal", {"impression": "Normal"}),
        ("FINDINGS: none\nCHEST: Clear.\nLEFT KNEE: Sound.", {"findings": "none CHEST: Clear. LEFT KNEE: Sound."}),
        # No heading for the body.
        (
            "FINAL REPORT\n INDICATION:  Fall.\n\n COMPARISON:  ___.\n \n As compared to ___, no change.",
            {"indication": "Fall.", "comparison": "___.", "unheaded": "As compared to ___, no change."},
        ),
        ("FINAL REPORT\nNo pneumonia.", {"unheaded": "No pneumonia."}),
        ("COMPARISON: No change since last week.", {"comparison": "No change since last week."}),
        # Dropped: titles, notifications, signatures.
        ("EXAM: CHEST 2V\nDATE: today\nFINDINGS: clear\nDictated by: someone", {"findings": "clear"}),
        # Addendum with headings of its own, before the report.
        (
            "ADDENDUM\nIMPRESSION: not so.\n__________________\nFINAL REPORT\nIMPRESSION: so.",
            {"impression": "so.", "addendum": "IMPRESSION: not so."},
        ),
        ("FINDINGS:\nIMPRESSION: normal", {"impression": "normal"}),
        ("", {}),
        ("FINAL REPORT\n ___ \n", {}),
    ],
)  # fmt: skip
def test_parse(text, sections):
    assert parse_sections(text) == sections


def test_many_headings_in_one_line_take_time_in_proportion():
    for unit in ("ADDENDUM: ", "findings ", "Findings: [**", "1. X "):
        found = parse_sections(unit * ((1 << 18) // len(unit)) + "\nIMPRESSION: normal.")
        assert found["impression"].endswith("normal.")


@pytest.mark.parametrize(
    ("sections", "joined"),
    [
        ({"findings": "a", "impression": "b", "comparison": "c"}, JoinedReport("a b", "findings+impression")),
        ({"findings": "a", "comparison": "c"}, JoinedReport("a", "findings")),
        ({"findings": "___.", "impression": "b"}, JoinedReport("b", "impression")),
        ({"impression": None, "comparison": "c", "unheaded": "u"}, JoinedReport("u", "unheaded")),
        ({"comparison": "c", "technique": "t", "preliminary": "p"}, JoinedReport("c", "comparison")),
        ({"comparison": "None."}, None),
        ({"comparison": "No prior chest radiographs available for comparison."}, None),
        ({"comparison": "N/A", "technique": "t"}, None),
        ({"comparison": "No change since ___."}, JoinedReport("No change since ___.", "comparison")),
        ({"comparison": "None. The heart is large."}, JoinedReport("None. The heart is large.", "comparison")),
        ({"comparison": "XXXX, XXXX.", "indication": "i", "addendum": "a"}, None),
        ({}, None),
    ],
)
def test_join(sections, joined):
    assert join_report(sections) == joined


@pytest.mark.parametrize(
    ("text", "says"),
    [("___", False), ("XXXX.", False), ("[**2101-1-1**]", False), ("1", True), ("x", True), (None, False)],
)
def test_removed_words_say_nothing(text, says):
    assert says_something(text) is says


def test_pieces_of_unknown_kinds_are_left_out():
    assert merge_sections([("views", "a"), ("findings", " b\n c "), ("findings", "b c")]) == {"findings": "b c"}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("FINDINGS", "findings"),
        ("Impression:", "impression"),
        ("findings are", None),
        ("", None),
        ("EXAM", "examination"),
    ],
)
def test_kind_of_a_label(label, kind):
    assert kind_of(label) == kind


def test_marks_of_html_are_no_words():
    assert one_line("Heart&#160;size<br>is <b>large</b>.<p class=x>Lungs <10 cm &bad") == (
        "Heart size is large. Lungs <10 cm &bad"
    )
