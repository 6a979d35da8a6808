"""Split the text of a report's section into sentences, with their places in the text."""

import re
from dataclasses import dataclass

# A sentence ends at a full stop, question or exclamation mark before a blank, the end or a capital ("normal.The"), also
# with closing brackets and quotes behind it.
# A number before the stop is the number of a list item if it opens a sentence, and so ends none.
_END = re.compile(r"[.?!]+(?=[)\]>\"'\u201d\u00bb]*(?:\s|$)|(?<=[a-z][.?!])[A-Z][a-z]|(?<=\D[.?!])\d{1,2}\.\s?[A-Z])")
_ITEM = re.compile(r"[\s(]*\d{1,2}[.):]+\s*")
_ABBREVIATED = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|vs|st|approx|no|fig|e\.g|i\.e|cf|dx|hx|pt|[a-z])|^\s*\d{1,2})$", re.IGNORECASE
)
_LETTER = re.compile(r"[^\W_]")
# Lines without full stops, joined to one text: a bullet, or one of these words in capitals behind a word in lower case.
_LINE = re.compile(
    r"(?<!\w)[*\u2022\u00b7](?=\s)|\b([a-z]{3,}) +(?=(?:No|There|The|Heart|Card[a-z]+|Lungs?|Scoliosis|Kypho[a-z]+|"
    r"Aort[a-z]+|Trache[a-z]+|Mild|Moderate|Severe|Stable|Unchanged|Normal|Low|Hyper[a-z]+|Enlarged|Borderline|Bones|"
    r"Spine|Mediastin[a-z]+|Pleura[a-z]*|Diaphragms?|Costophrenic|Levo[a-z]+|Dextro[a-z]+)\b)"
)
_DASH = re.compile(r"(?<=\s)-(?=\s)")
# A dash between words ends a sentence before a word that opens one; "Heart - Enlarged" is one sentence.
_DASH_BETWEEN = re.compile(
    r"(?<=\s)[-\u2013\u2014](?=\s(?:No|There|Cardiomegaly|Scoliosis|Kyphosis|Kyphoscoliosis|Hyperinflat[a-z]+|"
    r"Levoscoliosis|Dextroscoliosis|The|Lungs?|Heart|Aorta|Trachea|Tortuous|Enlarged\s[a-z])\b)"
)
# Words behind which a sentence goes on, also with a word in capitals ("no significant Cardiomegaly").
_GOES_ON_WORDS = """
    the and with without has have had are was were not nor for from per his her its this that any either neither
    new mild moderate severe mildly moderately severely stable unchanged possible probable likely known chronic
    including evidence significant definite gross obvious acute overt frank evident radiographic appreciable
    visible convincing focal clear marked large small suspicious discrete active interval progressive residual
    associated other further substantial noticeable detectable suggestion sign signs show shows showing suggest
    suggests suggesting demonstrate demonstrates reveal reveals denies but than versus
"""
_GOES_ON = frozenset(_GOES_ON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text.

    Attributes
    ----------
    text
        Its words, without blanks around them and without the number of a list item before them.
    start
        Index of its first character in the text.
    """

    text: str
    start: int


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of a text in order; together they hold every letter of it.

    Parameters
    ----------
    text
        Text of one section, on one line.

    Examples
    --------
    >>> [each.text for each in sentences("1. The heart is enlarged. 2. Lungs clear, nodule of 1.5 cm.")]
    ['The heart is enlarged.', 'Lungs clear, nodule of 1.5 cm.']
    """
    found: list[Sentence] = []
    begin = 0
    for line, end in _lines(text):
        _split(found, text, line, end)
        begin = end
    _split(found, text, begin, len(text))
    return found


def _lines(text: str) -> list[tuple[int, int]]:
    """Return the first and last index of each line but the last, of lines that were joined without a full stop."""
    ends = [match.end() for match in _LINE.finditer(text) if match[1] not in _GOES_ON]
    if " - " in text or "\u2013 " in text or "\u2014 " in text:
        ends = sorted({*ends, *(match.end() for match in _DASH_BETWEEN.finditer(text))})
    if text.startswith("- "):
        ends = sorted({*ends, *(match.end() for match in _DASH.finditer(text))})
    return list(zip([0, *ends], ends, strict=False))


def _split(found: list[Sentence], text: str, begin: int, stop: int) -> None:
    """Add the sentences of ``text[begin:stop]``."""
    for match in _END.finditer(text, begin, stop):
        end = match.end()
        if match[0] == "." and end < stop and _ABBREVIATED.search(text, max(begin, end - 9), end - 1):
            continue
        if match[0] == "?" and (match.start() == begin or text[match.start() - 1] in " ("):  # "? kyphosis"
            continue
        _keep(found, text, begin, end)
        begin = end
    _keep(found, text, begin, stop)


def _keep(found: list[Sentence], text: str, begin: int, end: int) -> None:
    item = _ITEM.match(text, begin, end)
    if item:
        begin = item.end()
    piece = text[begin:end]
    words = piece.strip()
    if _LETTER.search(words):
        found.append(Sentence(words, begin + piece.index(words)))
