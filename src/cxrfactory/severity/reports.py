"""Read one report: what its sections say about each finding, and which of them counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxrfactory.severity.lexicon import Lexicon
from cxrfactory.severity.mentions import ABSENT, HISTORY, PRESENT, Mention, mentions, strength
from cxrfactory.severity.qualities import UNSPECIFIED
from cxrfactory.severity.sentences import sentences
from cxrfactory.tables.report_sections import parse_sections

# Sections in the order in which they are read; the later one decides. The unheaded text counts if there is neither, and
# an addendum comes after all of them, because it corrects the report.
SECTIONS = ("findings", "impression")
OTHERWISE = ("unheaded",)
ADDENDUM = "addendum"


@dataclass(frozen=True, slots=True)
class Place:
    """A mention and its place: the section, the sentence's index in the report, its first character in the section."""

    mention: Mention
    section: str
    sentence: int
    offset: int


def read_report(sections: Mapping[str, str | None], words: Lexicon) -> list[dict[str, Any]]:
    """Return one row for each finding that a report mentions, in the order of the table of findings.

    Parameters
    ----------
    sections
        Text of each section on one line; a section may be missing or None.
    words
        The phrases to read by.

    Returns
    -------
    list of dict
        Rows of :data:`cxrfactory.tables.severity.SEVERITY` without ``study_id``.

    Notes
    -----
    Within a section, ``present`` counts before ``uncertain``, ``absent`` and ``history``, and of these the highest
    grade. The impression counts before the findings, because it is the reader's conclusion, and an addendum before
    both, because it corrects them; a section that names the finding only as history decides nothing if another says
    more. If the section that counts gives no grade, or no change, another section's counts, provided that both agree on
    the polarity.

    Examples
    --------
    >>> from cxrfactory.severity.lexicon import lexicon
    >>> report = {"findings": "Heart size is moderately enlarged.", "impression": "Stable cardiomegaly."}
    >>> [(row["grade"], row["change"], row["section"]) for row in read_report(report, lexicon())]
    [('moderate', 'unchanged', 'findings')]
    """
    by_finding: dict[str, list[Place]] = {}
    for place in _places(sections, words):
        by_finding.setdefault(place.mention.finding, []).append(place)
    return [_row(by_finding[name]) for name in words.titles if name in by_finding]


def read_sections(sections: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the names of the sections of a report that are read, in their order."""
    body = tuple(name for name in SECTIONS if sections.get(name)) or tuple(
        name for name in OTHERWISE if sections.get(name)
    )
    return (*body, ADDENDUM) if sections.get(ADDENDUM) else body


def _places(sections: Mapping[str, str | None], words: Lexicon) -> list[Place]:
    found, number = [], 0
    for name in read_sections(sections):
        text = str(sections[name])
        for start, piece in _amended(text) if name == ADDENDUM else ((0, text),):
            for sentence in sentences(piece):
                for mention in mentions(sentence.text, words):
                    found.append(Place(mention, name, number, start + sentence.start))
                number += 1
    return found


def _amended(text: str) -> list[tuple[int, str]]:
    """Return the parts of an addendum that state findings, with their places; it may hold headings of its own."""
    parts = parse_sections(text)
    pieces = [parts[name] for name in (*SECTIONS, *OTHERWISE) if name in parts]
    return sorted((text.find(piece), piece) for piece in pieces if piece in text)


def _row(places: list[Place]) -> dict[str, Any]:
    strongest: dict[str, Place] = {}  # of each section, in reading order
    for place in places:
        known = strongest.get(place.section)
        if known is None or strength(place.mention) > strength(known.mention):
            strongest[place.section] = place
    said = [place for place in strongest.values() if place.mention.polarity != HISTORY] or list(strongest.values())
    decides = said[-1]
    polarity = decides.mention.polarity
    alike = [place for place in reversed(said) if place.mention.polarity == polarity]
    shown = next((place for place in alike if place.mention.grade != UNSPECIFIED), decides)
    same = [shown, *(place for place in places if place.mention.polarity == polarity)]
    mention = shown.mention
    return {
        "finding": mention.finding,
        "polarity": polarity,
        "grade": mention.grade,
        "change": next((place.mention.change for place in same if place.mention.change != "none"), "none"),
        "contradiction": _contradiction(places, said),
        "mentions": len(places),
        "section": shown.section,
        "sentence": shown.sentence,
        "start": shown.offset + mention.start,
        "end": shown.offset + mention.end,
    }


def _contradiction(places: list[Place], said: list[Place]) -> str:
    if {PRESENT, ABSENT} <= {place.mention.polarity for place in said}:
        return "between"
    by_section: dict[str, set[str]] = {}
    for place in places:
        by_section.setdefault(place.section, set()).add(place.mention.polarity)
    return "within" if any({PRESENT, ABSENT} <= polarities for polarities in by_section.values()) else "none"
