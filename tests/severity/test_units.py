"""Units of a sentence: ratios in numbers with signs and words of comparison."""

import pytest

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions
from cxrfactory.severity.units import units_of


def test_a_sentence_without_a_finding_has_no_units():
    assert units_of("the ribs are intact.", lexicon()) is None
    units = units_of("the heart size is normal.", lexicon())
    assert [unit.word for unit in units] == ["the", "heart", "is", "normal"]
    assert (units[1].start, units[1].end) == (4, 14)


@pytest.mark.parametrize(
    ("said", "polarity"),
    [
        ("0.5", "absent"),
        ("= 0.5", "absent"),
        ("> 0.5", "present"),
        ("\u2265 0.5", "present"),
        (">= 50 %", "present"),
        ("at least 0.5", "present"),
        ("greater than or equal to 0.5", "present"),
        ("\u2264 0.5", "absent"),
        ("less than 0.5", "absent"),
        ("is below 50 %", "absent"),
        ("less than 0.55", None),
        ("< 0.6", None),
    ],
)
def test_a_ratio_is_read_with_its_comparison(said, polarity):
    found = mentions(f"CTR {said}.", lexicon())
    assert [(each.polarity, each.change) for each in found] == ([(polarity, "none")] if polarity else [])
