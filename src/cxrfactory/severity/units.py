"""The words of one sentence as units: phrases of the tables, ratios in numbers, and other words."""

import re
from dataclasses import dataclass

from cxrfactory.severity.lexicon import ABNORMAL, NORMAL, Entry, Lexicon

NOTHING = Entry()
LIST_REACH = 60  # units that any cue or list reaches; it keeps the run time linear in the sentence's length
_WORD = re.compile(r"\d+(?:[.,]\d+)?\s?(?:%|per\s?cent)|\d*\.\d+|0,\d+|[a-z0-9]+|[,;:/&()?]")
_RATIO = re.compile(r"(\d+(?:[.,]\d+)?)\s?(?:%|per\s?cent)|(\d*\.\d+|0,\d+)")
_OR_EQUAL = r"(?:\s+or equal to)?"
_MORE = re.compile(
    r"(?:[>\u2265\u2267]|[>=]=|=>|\b(?:above|over|at least|exceed(?:s|ing)?|"
    rf"(?:greater|more|larger|higher) than{_OR_EQUAL}))\s*$"
)
_LESS = re.compile(
    rf"(?:[<\u2264\u2266]|<=|=<|\b(?:below|under|at most|up to|(?:less|smaller|lower) than{_OR_EQUAL}))\s*$"
)
_COMPARED = re.compile(r"than\s*$")
_MEASURE = "cm"
_LAST_OF_RATIO = frozenset("0123456789%t")  # 0.55, 55 %, 55 percent


@dataclass(slots=True)
class Unit:
    """A phrase or word, what it may mean, and the indices of its first character and of the one after its last."""

    entry: Entry
    word: str
    start: int
    end: int


@dataclass(slots=True)
class Found:
    """A finding in a sentence: its name, the kind of its state, and the indices of the units that say so."""

    finding: str
    kind: str
    structure: int
    state: int


def units_of(text: str, words: Lexicon) -> list[Unit] | None:
    """Return the phrases and other words of a sentence, or None if none of them can belong to a finding."""
    phrases = words.phrases
    tokens = _WORD.findall(text)
    if words.openers.isdisjoint(tokens):
        return None
    matches = list(_WORD.finditer(text))
    units, place, useful = [], 0, False
    while place < len(tokens):
        entry, length = NOTHING, 1
        for size, known in phrases.get(tokens[place], ()):
            rest = tuple(tokens[place + 1 : place + 1 + size]) if size else ()
            if rest in known:
                entry, length = known[rest], size + 1
                break
        if entry.named and tokens[place] == _MEASURE and place and tokens[place - 1][-1].isdigit():
            entry, length = NOTHING, 1  # "5 cm: ..." is a length, "CM: none" an enlarged heart
        useful = useful or bool(entry.named or entry.structure)
        if words.limits and entry is NOTHING and tokens[place][-1:] in _LAST_OF_RATIO:
            entry = _in_numbers(text, matches[place], words)
            if units and units[-1].entry.change and _COMPARED.search(text, 0, matches[place].start()):
                units[-1].entry = NOTHING  # "less than 0.5" compares with a number, not with an earlier film
        units.append(Unit(entry, tokens[place], matches[place].start(), matches[place + length - 1].end()))
        place += length
    return units if useful else None


def _in_numbers(text: str, token: re.Match[str], words: Lexicon) -> Entry:
    """Return the states that a ratio says ("0.55", "55 %", "above 50 %"); none if the token is no ratio."""
    ratio = _RATIO.fullmatch(token[0])
    if not ratio:
        return NOTHING
    value = float(ratio[1].replace(",", ".")) / 100 if ratio[1] else float(ratio[2].replace(",", "."))
    if not 0 < value < 1:
        return NOTHING
    before = text[max(0, token.start() - 28) : token.start()]
    if _LESS.search(before):  # "less than 0.55" may be normal or not
        return Entry(states={each: NORMAL for each, limit in words.limits.items() if value <= limit})
    more = _MORE.search(before) is not None
    abnormal = {each: value > limit or (more and value == limit) for each, limit in words.limits.items()}
    return Entry(states={each: ABNORMAL if abnormal[each] else NORMAL for each in abnormal})
