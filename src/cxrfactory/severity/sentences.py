"""Split the text of a report's section into sentences, with their places in the text."""

import re
from dataclasses import dataclass

# A sentence ends at a full stop, question or exclamation mark before a blank, the end or a capital ("normal.The").
# A number before the stop is the number of a list item if it opens a sentence, and so ends none.
_END = re.compile(r"[.?!]+(?=\s|$|(?<=[a-z][.?!])[A-Z][a-z]|(?<=\D[.?!])\d{1,2}\.\s?[A-Z])")
_ITEM = re.compile(r"[\s(]*\d{1,2}[.):]+\s*")
_ABBREVIATED = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|vs|st|approx|no|fig|e\.g|i\.e|cf|dx|hx|pt|[a-z])|^\s*\d{1,2})$", re.IGNORECASE
)
_LETTER = re.compile(r"[^\W_]")


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
    found, begin = [], 0
    for match in _END.finditer(text):
        end = match.end()
        if match[0] == "." and end < len(text) and _ABBREVIATED.search(text, max(begin, end - 9), end - 1):
            continue
        if match[0] == "?" and (match.start() == begin or text[match.start() - 1] in " ("):  # "? kyphosis"
            continue
        _keep(found, text, begin, end)
        begin = end
    _keep(found, text, begin, len(text))
    return found


def _keep(found: list[Sentence], text: str, begin: int, end: int) -> None:
    item = _ITEM.match(text, begin, end)
    if item:
        begin = item.end()
    piece = text[begin:end]
    words = piece.strip()
    if _LETTER.search(words):
        found.append(Sentence(words, begin + piece.index(words)))
