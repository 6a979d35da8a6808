"""A report's text to its sections, and the sections to the one text of a dataset. Pure text, no files."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cxrfactory.tables.report_headings import SECTIONS, Heading, headings

# What stands for a word that was taken out: MIMIC-CXR ___ (older releases [** **]), Indiana University XXXX.
_PLACEHOLDER = re.compile(r"_+|\bX{3,}\b|\[\*\*[^\]\n]{0,100}\*\*\]")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_OTHER_BREAKS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Nothing but a space to the eye: no-break and other blanks; marks without width are dropped.
_OTHER_BLANKS = re.compile(r"[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\x1f]")
_NO_WIDTH = re.compile(r"[\u200b-\u200d\u2060\ufeff]")
# A preliminary reading or an addendum has headings of its own, up to a drawn line or the next title.
_CLOSED = ("preliminary", "addendum")
_MARKS = ("rule", "title")
_BEFORE_BODY = ("indication", "technique", "comparison", "examination")


@dataclass(frozen=True)
class JoinedReport:
    """The text that a dataset shows for a report, and the sections that it is made of (``findings+impression``)."""

    text: str
    source: str


def one_line(text: str) -> str:
    """Return the text with every run of white space turned to one blank."""
    return " ".join(_NO_WIDTH.sub("", text).split())


def says_something(text: str | None) -> bool:
    """Whether a text holds a letter or digit beside what stands for removed words (``___``, ``XXXX``)."""
    return text is not None and any(sign.isalnum() for sign in _PLACEHOLDER.sub("", text))


def parse_sections(text: str) -> dict[str, str]:
    """Split a report at its headings.

    Parameters
    ----------
    text
        The report as the release has it.

    Returns
    -------
    dict of str to str
        Sections that hold a word, by name (:data:`~cxrfactory.tables.report_headings.SECTIONS`), each on one line.
        A section that stands twice is joined in order, without exact repetitions. Headings of findings and
        impression together count as impression, as in MIMIC-CXR's own parser. Exam titles, notifications,
        signatures and what stands before the first heading are left out.

    Notes
    -----
    Where neither findings nor impression stand, the text under a title of films ("PA AND LATERAL CHEST:") is
    the findings; failing that, paragraphs that follow the first paragraph of another section are ``unheaded``,
    and so is the whole of a report without headings. A preliminary reading or addendum takes what follows it,
    headings and all, up to a drawn line or ``FINAL REPORT``; where neither follows, up to the next heading.
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
    """Gather pieces of text by section, each on one line; repetitions and pieces without any sign are dropped.

    Parameters
    ----------
    pieces
        Kind and text, in the report's order; kinds outside ``SECTIONS`` are left out.
    """
    gathered: dict[str, dict[str, None]] = {}
    for kind, piece in pieces:
        line = one_line(piece)
        if kind in SECTIONS and line:
            gathered.setdefault(kind, {})[line] = None
    return {kind: " ".join(gathered[kind]) for kind in SECTIONS if gathered.get(kind)}


def join_report(sections: Mapping[str, str | None]) -> JoinedReport | None:
    """Findings and impression as one text; where neither says anything, the unheaded text, else the comparison.

    The rule of CXLSeg (section IV): "findings" and "impression" together, "comparison" where nothing else
    stands. A report's text under no heading, which such a comparison would swallow, comes before it here.

    Returns
    -------
    JoinedReport or None
        None where none of these sections holds a word; a removed word (``___``, ``XXXX``) is none.
    """
    for names in (("findings", "impression"), ("unheaded",), ("comparison",)):
        given = [name for name in names if says_something(sections.get(name))]
        if given:
            return JoinedReport(" ".join(str(sections[name]) for name in given), "+".join(given))
    return None


def _plain(text: str) -> str:
    text = _OTHER_BREAKS.sub("\n", _NO_WIDTH.sub("", text))
    return _OTHER_BLANKS.sub(" ", text)


def _gaps(text: str, marks: list[Heading]) -> Iterable[tuple[int, int]]:
    return zip([0, *(mark.end for mark in marks)], [*(mark.start for mark in marks), len(text)], strict=True)


def _pieces(text: str, marks: list[Heading]) -> Iterable[tuple[str, str]]:
    closing = [len(marks)] * len(marks)  # of each heading the next line or title, if any
    for number in range(len(marks) - 2, -1, -1):
        closing[number] = number + 1 if marks[number + 1].kind in _MARKS else closing[number + 1]
    place = 0
    while place < len(marks):
        mark, following = marks[place], place + 1
        if mark.kind in _CLOSED and closing[place] < len(marks):
            following = closing[place]
        elif mark.kind == "findings":  # a title of films within the findings is a part of them
            while following < len(marks) and marks[following].kind == "views":
                following += 1
        yield mark.kind, text[mark.end : marks[following].start if following < len(marks) else len(text)]
        place = following


def _body_apart(kind: str, piece: str) -> list[tuple[str, str]]:
    if kind not in _BEFORE_BODY:
        return [(kind, piece)]
    first, *others = _BLANK_LINE.split(piece.strip())
    return [(kind, first), ("unheaded", "\n".join(others))]
