"""Recognition of headings in radiology reports: their positions in the text and the sections that they open.

A heading is recognised by its words and by its layout: it is followed by a colon, stands alone on its line, or is in
capitals and followed by a dash or directly by the text. "Findings are nonspecific" and "FINDINGS COULD REPRESENT" are
parts of sentences; "FINDINGS The lungs" and "Findings:" open a section.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Sections in a table of reports. "unheaded" is text without a heading of its own.
SECTIONS = (
    "indication",
    "technique",
    "comparison",
    "findings",
    "impression",
    "recommendation",
    "preliminary",
    "addendum",
    "unheaded",
)

# Words of headings by kind, lower case. "title", "views", "examination", "notification" and "signature" end the section
# before them. Their text (exam titles, times, names of staff) is dropped, except that of "views" in some reports.
_WORDS = {
    "impression": "impression, impressions, conclusion, conclusions, opinion, final impression, final diagnosis, "
    "interpretation",
    "findings": "findings, finding, radiographic findings, radiological findings, x-ray findings, chest findings",
    "comparison": "comparison, comparisons, comparison study, comparison studies, comparison exam, comparison exams, "
    "comparison examination, comparison examinations, comparison film, comparison films, reference exam, "
    "reference examination, prior study, prior studies, prior exam, prior exams, prior examination",
    "indication": "indication, indications, history, reason, clinical indication, clinical indications, "
    "indication for exam, indication for examination, indication for study, clinical history, patient history, "
    "medical history, past medical history, brief history, relevant history, surgical history, family history, "
    "social history, smoking history, clinical information, clinical info, clinical data, clinical impression, "
    "clinical statement, clinical question, reason for exam, reason for examination, reason for study, "
    "reason for this exam, reason for this examination, reason for the exam, reason for the examination, "
    "admitting diagnosis, underlying medical condition, signs and symptoms",
    "technique": "technique, techniques, procedure, projection, projections, imaging technique, technical factors",
    "recommendation": "recommendation, recommendations, recommendation(s), suggestion, suggestions",
    "examination": "exam, examination, study, date, type of exam, type of examination, exam type, study type, "
    "exam date, study date, date of exam, date of examination, date of study, exam number, accession number, accession",
    "notification": "notification, notifications, communication, critical result, critical results, "
    "result notification",
    "preliminary": "wetread, wet read, wet reading, preliminary report, preliminary read, preliminary reading, "
    "preliminary findings, preliminary impression, preliminary interpretation, provisional findings impression, "
    "provisional findings, pfi",
    "addendum": "addendum, addenda, final addendum, addendum report, addendum to report, addendum to final report",
    "title": "final report",
    "signature": "electronically signed by, signed by, dictated by, transcribed by, interpreted by, reported by, "
    "read by",
}
_PLAIN = ("title", "preliminary", "addendum", "signature")  # never joined to another heading by "and"
KIND_OF_WORDS = {words.strip(): kind for kind, text in _WORDS.items() for words in text.split(",")}
# A heading that names two kinds counts as the kind that comes first here.
_RANK = tuple(_WORDS)
# Words that are also frequent in sentences; as a heading they need a capital and a colon, or a line of their own.
_WEAK = {"study", "date", "exam", "examination", "reason", "history", "procedure", "projection", "projections"} | {
    "opinion", "interpretation", "finding", "suggestion", "suggestions", "communication", "accession",
}  # fmt: skip
# Main headings that are recognised with one wrong letter if they start a line and end with a colon.
_SPELLED = ("findings", "impression", "comparison", "comparisons", "indication", "technique", "conclusion", "addendum")
_SPELLED += ("examination", "recommendation", "recommendations")

# If one of these words follows a word in capitals without a colon, the text is a sentence and not a heading.
_GOES_ON = """
    OF WITH WITHOUT IS ARE WAS WERE BE COULD MAY MIGHT CAN SHOULD WILL WOULD HAVE HAS HAD CONSISTENT COMPATIBLE
    SUGGEST SUGGESTS SUGGESTIVE SUGGESTING REPRESENT REPRESENTS IN ON TO FROM AND OR AS FOR BY AT THAT WHICH
    CONCERNING REGARDING DISCUSSED COMMUNICATED DESCRIBED LIMITED RELATED MOST LIKELY SEEN MADE
"""


def _pattern(phrase: str) -> str:
    return r"[ \t]+".join(re.escape(word) for word in phrase.split()).replace(r"wet[ \t]+read", r"wet[ \t-]*read")


def _alternatives(phrases: list[str]) -> str:
    return "|".join(_pattern(phrase) for phrase in sorted(phrases, key=lambda phrase: (-len(phrase), phrase)))


_JOINED = _alternatives([phrase for phrase, kind in KIND_OF_WORDS.items() if kind not in _PLAIN])
_ALONE = _alternatives([phrase for phrase, kind in KIND_OF_WORDS.items() if kind in _PLAIN])
_BETWEEN = r"[ \t]*(?:/|&|\+|,|\band\b)[ \t]*"
_SUFFIX_WORDS = (
    r"version|to|with|of|from|for|the|chest|study|studies|exams?|examinations?|films?|radiographs?|x-?rays?|cxr|ct"
)
_FIRST_LETTERS = "".join(sorted({words[0] for words in KIND_OF_WORDS}))
_NAME = re.compile(
    # The lookahead for the first letters of headings skips most positions without trying all alternatives.
    rf"(?<![\w/-])(?=[{_FIRST_LETTERS}])(?P<name>(?:{_JOINED})(?:{_BETWEEN}(?:{_JOINED}))*|{_ALONE})(?![\w/-])"
    # A bracket, a version number or a few words may come before the colon.
    rf"(?P<suffix>(?:[ \t,]*(?:\([^()\n]{{1,60}}\)|\#?[ \t]?\d{{1,2}}\b|_{{2,}}|(?:{_SUFFIX_WORDS})\b)){{0,5}}"
    r"(?=[ \t]*[:：]))?"
    r"(?P<mark>\**[ \t]*[:：]+\**|\**[ \t]*[-–—]{1,2}(?=[ \t])|[ \t]*[.*]*(?=[ \t]*(?:\n|$)))?",
    re.IGNORECASE,
)
_RULE = re.compile(r"^[ \t]*_{10,}[ \t]*$", re.MULTILINE)
_SPELLING = re.compile(r"^[ \t]*(?P<name>[A-Za-z]{6,16})[ \t]*[:：]", re.MULTILINE)
# A title of the images in capitals before a colon, such as "PA AND LATERAL VIEWS OF THE CHEST:".
_VIEWS = re.compile(
    r"^[ \t]*(?P<name>[A-Z][A-Z0-9 ,/()&_-]{3,70}?)[ \t]*:(?=[ \t]*\S)",
    re.MULTILINE,
)
_VIEWS_WORDS = re.compile(r"\b(?:CHEST|PORTABLE|RADIOGRAPHS?|VIEWS?|PA AND LAT|AP AND LAT|LATERAL)\b")
_REMOVED = re.compile(r"\bX{3,}\b|_+")
_ALONE_AFTER = re.compile(r"[ \t]*(?:\n|$)")
_LOOK_BACK = 200  # characters; this limit keeps the run time linear in the text's length
_BULLET = re.compile(r"[\s*#>•-]*")
# The number of a list item, at the start of a line or after a sentence; the "92." of "ESR of 92. Findings:" is none.
_ITEM = re.compile(r"(?:^|[.?!:;][ \t]+)(?P<number>\d{1,2}[.)][ \t]*)$")
_BLANK_LINE_BEFORE = re.compile(r"\n[ \t]*\n[ \t]*$")
_CAPITALS = re.compile(r"[\s*#>•-]*(?:[A-Z]{2,}[ \t]+){1,3}")
_SENTENCE_END = ".?!;:)_/"


@dataclass(frozen=True)
class Heading:
    """A heading found in a text.

    Attributes
    ----------
    start, end
        Index of the first character of the heading, and of the first character after the heading and its colon.
    kind
        One of :data:`SECTIONS`, or ``examination``, ``notification``, ``signature``, ``title``, ``views`` (a title of
        the images) or ``rule`` (a drawn line).
    """

    start: int
    end: int
    kind: str


def kind_of(label: str) -> str | None:
    """Return the kind of a heading given alone, such as ``"FINDINGS AND IMPRESSION"``; None for other words."""
    match = _NAME.match(label.strip())
    return _kind(match["name"]) if match and not label.strip()[match.end() :].strip() else None


def headings(text: str) -> list[Heading]:
    """Return the headings of a text in their order; headings do not overlap.

    Parameters
    ----------
    text
        Report whose lines end with ``\\n`` and whose other white space is blanks and tabs only.
    """
    found: list[Heading] = []
    for heading in sorted([*_named(text), *_misspelt(text), *_views(text), *_rules(text)], key=_place):
        if not found or heading.start >= found[-1].end:
            found.append(heading)
    return found


def _place(heading: Heading) -> tuple[int, int, bool]:
    # Of two headings at one position the longer one wins; at equal length, a name wins over a title of the images.
    return heading.start, -heading.end, heading.kind == "views"


def _kind(name: str) -> str:
    words = " ".join(re.sub(r"(?i)wet[ \t-]*read", "wet read", name.lower()).split())
    if words in KIND_OF_WORDS:
        return KIND_OF_WORDS[words]
    kinds = {KIND_OF_WORDS[match[0]] for match in re.finditer(_JOINED, words)}
    return min(kinds, key=_RANK.index)


def _named(text: str) -> Iterator[Heading]:
    for match in _NAME.finditer(text):
        start = _start(text, match)
        if start is not None:
            yield Heading(start, match.end(), _kind(match["name"]))


def _start(text: str, match: re.Match[str]) -> int | None:
    """Return the index at which the heading begins; None if the words belong to a sentence."""
    name, mark = match["name"], match["mark"] or ""
    upper, capital, weak = name.isupper(), name[0].isupper(), name.lower() in _WEAK
    colon = ":" in mark or "：" in mark
    earliest = max(0, match.start() - _LOOK_BACK)
    line_start = max(earliest, text.rfind("\n", earliest, match.start()) + 1)
    line = text[line_start : match.start()]
    item = _ITEM.search(line.lstrip())
    if item:  # the words belong to a list item, unless they are in capitals with a colon
        return match.start() - len(item["number"]) if upper and colon else None
    first = bool(_BULLET.fullmatch(line))
    place = line_start if first else match.start()
    fresh = _is_fresh(text, place)
    if colon:
        if first or (upper and _CAPITALS.fullmatch(line)):  # for example "PORTABLE CHEST FINDINGS:"
            return line_start
        if match["suffix"] and not upper:
            return None
        return place if upper or (capital and not weak) or (fresh and (capital or not weak)) else None
    if first and _ALONE_AFTER.match(text, match.end()):  # alone on its line
        return place if upper or fresh else None
    if mark.strip(" \t*."):  # a dash
        return place if first and (upper or (capital and fresh)) else None
    return place if _begins_text(text, match, place, first, fresh) else None


def _is_fresh(text: str, place: int) -> bool:
    """Return whether a position follows a finished sentence or a blank line, or is the start of the text."""
    before = text[max(0, place - _LOOK_BACK) : place]
    return not before.strip() or before.rstrip()[-1] in _SENTENCE_END or bool(_BLANK_LINE_BEFORE.search(before))


def _begins_text(text: str, match: re.Match[str], place: int, first: bool, fresh: bool) -> bool:
    """Return whether words that are followed directly by text are a heading of that text."""
    name = match["name"]
    following = re.match(r"[ \t]+(\S+)", text[match.end() : match.end() + 80])
    if following is None:
        return False
    word = following[1]
    if not name.isupper():  # such as "Findings The lungs", at the start of a line only
        proper = word[0].isupper() and word[1:2].islower()
        return first and fresh and name.istitle() and name.lower() not in _WEAK and proper
    if word.upper() in _GOES_ON.split() and (word.isupper() or word.islower()):
        return False
    if first:  # if the text around is in capitals, the line may continue a sentence
        before = _REMOVED.sub("", text[max(0, place - _LOOK_BACK) : place].rstrip().rsplit("\n", 1)[-1])
        shouted = before.isupper() and len(before.split()) > 2
        return not word.isupper() or ((fresh or not shouted) and name.lower() not in _WEAK)
    return fresh and name.lower() not in _WEAK and bool(re.match(r"\d|[A-Z](?:[a-z]|$)", word))


def _misspelt(text: str) -> Iterator[Heading]:
    for match in _SPELLING.finditer(text):
        word = match["name"].lower()
        right = [known for known in _SPELLED if _one_slip(word, known)]
        if word not in KIND_OF_WORDS and right:
            yield Heading(match.start(), match.end(), KIND_OF_WORDS[right[0]])


def _one_slip(word: str, known: str) -> bool:
    """Return whether two words differ by one deleted, inserted or replaced letter, or by one swap of neighbours."""
    if word == known or abs(len(word) - len(known)) > 1:
        return False
    same = next((n for n, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), min(len(word), len(known)))
    a, b = word[same:], known[same:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (a[1:2] + a[:1] + a[2:] == b and len(a) > 1)


def _views(text: str) -> Iterator[Heading]:
    for match in _VIEWS.finditer(text):
        if _VIEWS_WORDS.search(match["name"]):
            yield Heading(match.start(), match.end(), "views")


def _rules(text: str) -> Iterator[Heading]:
    for match in _RULE.finditer(text):
        yield Heading(match.start(), match.end(), "rule")
