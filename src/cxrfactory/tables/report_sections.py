"""Splitting of a report's text into sections, and joining of sections to the text of a dataset."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cxrfactory.tables.report_headings import SECTIONS, Heading, headings

# Placeholders of removed words: ___ in MIMIC-CXR ([** **] in older releases), XXXX in Indiana University's reports.
_PLACEHOLDER = re.compile(r"_+|\bX{3,}\b|\[\*\*[^\]\n]{0,100}\*\*\]")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_OTHER_BREAKS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# White space that looks like a blank (no-break and other spaces) becomes a blank; characters without width are dropped.
_OTHER_BLANKS = re.compile(r"[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\x1f]")
_NO_WIDTH = re.compile(r"[\u200b-\u200d\u2060\ufeff]")
# A comparison that says only that there is none ("None.", "No prior studies available.").
_NO_COMPARISON = re.compile(
    r"\W*(?:there (?:is|are) )?(?:none|nil|no|n ?/ ?a|not|unavailable)(?:\W+(?:prior|priors|previous|earlier|old|other|"
    r"relevant|recent|comparison|comparisons|chest|study|studies|exams?|examinations?|films?|radiographs?|images?|imaging|"
    r"x|rays?|reports?|is|are|was|were|available|applicable|provided|given|found|known|for|at|this|the|time|currently))*\W*",
    re.IGNORECASE,
)
# Marks that systems leave in a text: entities such as &nbsp;, and tags; <br/> and tags of blocks break a line.
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_BREAKING_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|table|h[1-6])\b[^<>]{0,200}>", re.IGNORECASE)
_OTHER_TAG = re.compile(
    r"</?(?:b|i|u|em|strong|span|font|td|th|tbody|sup|sub|html|body|pre)\b[^<>]{0,200}>", re.IGNORECASE
)
# A preliminary reading or an addendum includes its own headings, up to a drawn line or the next title.
_CLOSED = ("preliminary", "addendum")
_MARKS = ("rule", "title")
_BEFORE_BODY = ("indication", "technique", "comparison", "examination")


@dataclass(frozen=True)
class JoinedReport:
    """The text of a report in a dataset, and the names of its sections, such as ``findings+impression``."""

    text: str
    source: str


def one_line(text: str) -> str:
    """Return the text on one line, with every run of white space replaced by one blank, without marks of HTML."""
    return " ".join(_NO_WIDTH.sub("", _without_marks(text)).split())


def says_something(text: str | None) -> bool:
    """Return whether a text holds a letter or digit apart from placeholders of removed words (``___``, ``XXXX``)."""
    return text is not None and any(sign.isalnum() for sign in _PLACEHOLDER.sub("", text))


def parse_sections(text: str) -> dict[str, str]:
    """Split a report at its headings.

    Parameters
    ----------
    text
        Text of the report in the release.

    Returns
    -------
    dict of str to str
        Sections with text, by name (:data:`~cxrfactory.tables.report_headings.SECTIONS`), each on one line. The parts
        of a section that occurs more than once are joined in order, without exact repetitions. A heading that names
        both findings and impression counts as impression, as in MIMIC-CXR's own parser. Exam titles, notifications,
        signatures and the text before the first heading are left out.

    Notes
    -----
    If a report has neither findings nor impression, the text under a title of the images ("PA AND LATERAL CHEST:")
    becomes the findings. If there is no such title, the paragraphs after the first paragraph of an indication,
    technique, comparison or examination become ``unheaded``. The text of a report without headings is ``unheaded``.

    A preliminary reading or an addendum includes all text and headings after it, up to a drawn line or
    ``FINAL REPORT``. If neither follows, it ends at the next heading.
    """
    text = _plain(text)
    marks = headings(text)
    if not any(mark.kind not in _MARKS for mark in marks):
        body = " ".join(text[start:end] for start, end in _gaps(text, marks))
        return {"unheaded": one_line(body)} if says_something(body) else {}
    pieces = list(_pieces(text, marks))
    held = {kind for kind, piece in pieces if says_something(piece)}
    if not held & {"findings", "impression"}:
        if "views" in held:
            pieces = [("findings" if kind == "views" else kind, piece) for kind, piece in pieces]
        else:
            pieces = [part for kind, piece in pieces for part in _body_apart(kind, piece)]
    return merge_sections(pieces)


def merge_sections(pieces: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join pieces of text by section, each on one line; repetitions and empty pieces are dropped.

    Parameters
    ----------
    pieces
        Pairs of kind and text in the order of the report; kinds outside ``SECTIONS`` are left out.
    """
    gathered: dict[str, dict[str, None]] = {}
    for kind, piece in pieces:
        line = one_line(piece)
        if kind in SECTIONS and line:
            gathered.setdefault(kind, {})[line] = None
    return {kind: " ".join(gathered[kind]) for kind in SECTIONS if gathered.get(kind)}


def join_report(sections: Mapping[str, str | None]) -> JoinedReport | None:
    """Return findings and impression as one text or, if both are empty, the unheaded text or else the comparison.

    The rule of CXLSeg (section IV) is "findings" and "impression" together, and "comparison" if there is nothing else.
    Here text without a heading takes precedence over the comparison, because under CXLSeg's rule it would be a part of
    the comparison. A comparison that says only that there is none ("None.", "No prior studies.") is no text.

    Parameters
    ----------
    sections
        Text of each section; a section may be missing or None.

    Returns
    -------
    JoinedReport or None
        None if none of these sections holds a word; placeholders of removed words (``___``, ``XXXX``) do not count.
    """
    for names in (("findings", "impression"), ("unheaded",), ("comparison",)):
        given = [name for name in names if says_something(sections.get(name))]
        if given == ["comparison"] and _NO_COMPARISON.fullmatch(str(sections["comparison"])):
            return None
        if given:
            return JoinedReport(" ".join(str(sections[name]) for name in given), "+".join(given))
    return None


def _without_marks(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if "<" not in text:
        return text
    return _OTHER_TAG.sub("", _BREAKING_TAG.sub("\n", text))


def _plain(text: str) -> str:
    text = _OTHER_BREAKS.sub("\n", _NO_WIDTH.sub("", _without_marks(text)))
    return _OTHER_BLANKS.sub(" ", text)


def _gaps(text: str, marks: list[Heading]) -> Iterable[tuple[int, int]]:
    return zip([0, *(mark.end for mark in marks)], [*(mark.start for mark in marks), len(text)], strict=True)


def _pieces(text: str, marks: list[Heading]) -> Iterable[tuple[str, str]]:
    closing = [len(marks)] * len(marks)  # per heading, index of the next drawn line or title
    for number in range(len(marks) - 2, -1, -1):
        closing[number] = number + 1 if marks[number + 1].kind in _MARKS else closing[number + 1]
    place = 0
    while place < len(marks):
        mark, following = marks[place], place + 1
        if mark.kind in _CLOSED and closing[place] < len(marks):
            following = closing[place]
        elif mark.kind == "findings":  # a title of the images within the findings is a part of them
            while following < len(marks) and marks[following].kind == "views":
                following += 1
        yield mark.kind, text[mark.end : marks[following].start if following < len(marks) else len(text)]
        place = following


def _body_apart(kind: str, piece: str) -> list[tuple[str, str]]:
    if kind not in _BEFORE_BODY:
        return [(kind, piece)]
    first, *others = _BLANK_LINE.split(piece.strip())
    return [(kind, first), ("unheaded", "\n".join(others))]
