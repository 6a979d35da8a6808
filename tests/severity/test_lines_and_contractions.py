"""Lists of lines that were joined to one text, contracted negations, fields with "none", and words of doubt."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.reports import read_report


def polarities(text: str) -> dict[str, str]:
    return {row["finding"]: row["polarity"] for row in read_report({"findings": text}, lexicon())}


@pytest.mark.parametrize(
    "text",
    [
        "No effusion Cardiomegaly Scoliosis",
        "* No effusion * Cardiomegaly, moderate * Scoliosis",
        "- No effusion - Cardiomegaly - Scoliosis",
        "No effusion - Cardiomegaly - Scoliosis",
        "No effusion \u2013 Cardiomegaly \u2014 Scoliosis",
        "\u2022 No effusion \u2022 Cardiomegaly \u2022 Scoliosis",
        "No pneumothorax Heart enlarged Lungs clear Scoliosis",
    ],
)
def test_a_denial_ends_with_its_line(text: str) -> None:
    assert polarities(text) == {"cardiomegaly": "present", "scoliosis": "present"}


@pytest.mark.parametrize("word", ["significant", "definite", "evidence for", "acute", "radiographic"])
def test_a_denial_reaches_a_finding_in_capitals(word: str) -> None:
    assert polarities(f"There is no {word} Cardiomegaly.") == {"cardiomegaly": "absent"}


@pytest.mark.parametrize(
    "text",
    [
        "The heart isn't enlarged.",
        "The heart doesn't appear enlarged.",
        "There isn't any cardiomegaly.",
        "We cannot see cardiomegaly.",
        "Cardiomegaly: none.",
        "Cardiomegaly - none",
        "Cardiomegaly: absent",
        "Cardiomegaly is not definitely seen.",
    ],
)
def test_a_finding_that_is_denied_is_absent(text: str) -> None:
    assert polarities(text) == {"cardiomegaly": "absent"}


@pytest.mark.parametrize(
    "text",
    [
        "Unable to exclude cardiomegaly.",
        "Can't rule out cardiomegaly.",
        "Cardiomegaly is unlikely.",
        "Cardiomegaly is difficult to assess on this AP film.",
        "Recommend PA film to evaluate for cardiomegaly.",
        "Cardiomegaly could not be completely excluded.",
    ],
)
def test_a_finding_that_is_doubted_is_uncertain(text: str) -> None:
    assert polarities(text) == {"cardiomegaly": "uncertain"}


def test_a_kyphosis_that_is_called_normal_is_absent() -> None:
    assert polarities("Thoracic kyphosis is within normal limits.") == {"kyphosis": "absent"}
