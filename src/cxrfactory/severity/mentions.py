"""Read one sentence: which findings it mentions, whether they are there, how severe, and how they changed."""

import re
from dataclasses import dataclass
from functools import lru_cache

from cxrfactory.severity.lexicon import ABNORMAL, LIMIT, NORMAL, Entry, Lexicon
from cxrfactory.tables.severity import GRADES, POLARITIES

PRESENT, UNCERTAIN, ABSENT, HISTORY = POLARITIES
NEGATIVE, UNSPECIFIED, BORDERLINE = GRADES[:3]
RESOLVED = "resolved"
_WORD = re.compile(r"\d+(?:[.,]\d+)?\s?(?:%|per\s?cent)|\d*\.\d+|0,\d+|[a-z0-9]+|[,;:/&()?]")
_RATIO = re.compile(r"(\d+(?:[.,]\d+)?)\s?(?:%|per\s?cent)|(\d*\.\d+|0,\d+)")
_MORE = re.compile(r"(?:>|\b(?:above|over|exceed(?:s|ing)|(?:greater|more|larger|higher) than))\s*$")
_LIST_REACH = 60  # units that any cue or list reaches; it keeps the run time linear in the sentence's length
_REACH = 16  # units between a structure and its state
_DOUBT_REACH = 7  # units between a word of doubt and the finding
_PAST_REACH = 4
_CACHED = 1 << 15  # different sentences that are remembered; many reports repeat them
_ALSO_PLACE = "central"  # a state of the trachea, and the place of other structures ("central airways")
_RANGE = ("to", "or", "/", "and")  # of a range of grades
_CALLED_NORMAL = frozenset({"normal", "preserved", "maintained", "physiologic", "physiological"})
_LAST_OF_RATIO = frozenset("0123456789%t")  # 0.55, 55 %, 55 percent
_NOTHING = Entry()


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding in a sentence.

    Attributes
    ----------
    finding
        Name of the finding in ``findings.yaml``.
    polarity
        ``present``, ``absent``, ``uncertain`` or ``history``.
    grade
        ``negative`` where absent; else ``borderline``, ``mild``, ``moderate``, ``severe`` or ``unspecified``.
    change
        ``unchanged``, ``increased``, ``decreased``, ``new``, ``resolved``, or ``none`` where nothing is said.
    start, end
        Indices of its first character in the sentence and of the character after its last.
    """

    finding: str
    polarity: str
    grade: str
    change: str
    start: int
    end: int


@dataclass(slots=True)
class _Unit:
    entry: Entry
    word: str
    start: int
    end: int


@dataclass(slots=True)
class _Found:
    finding: str
    kind: str
    structure: int  # indices of units
    state: int


@lru_cache(maxsize=_CACHED)
def mentions(sentence: str, words: Lexicon) -> tuple[Mention, ...]:
    """Return the findings that a sentence mentions, in the order of the text; each finding at most once.

    Where a sentence mentions a finding more than once, ``present`` counts before ``uncertain``, then ``absent``, then
    ``history``, and of these the highest grade.

    Parameters
    ----------
    sentence
        One sentence; see :func:`cxrfactory.severity.sentences.sentences`. Repeated sentences are remembered.
    words
        The phrases to read by.

    Examples
    --------
    >>> from cxrfactory.severity.lexicon import lexicon
    >>> found = mentions("The heart is mildly enlarged, no scoliosis.", lexicon())
    >>> [(each.finding, each.polarity, each.grade) for each in found]
    [('cardiomegaly', 'present', 'mild'), ('scoliosis', 'absent', 'negative')]
    """
    units = _units(sentence.lower(), words)
    if units is None:
        return ()
    best: dict[str, Mention] = {}
    for found in _found(units, words):
        mention = _judged(units, found, words)
        known = best.get(mention.finding)
        if known is None or strength(mention) > strength(known):
            best[mention.finding] = mention
    return tuple(sorted(best.values(), key=lambda each: (each.start, each.end, each.finding)))


def strength(mention: Mention) -> tuple[int, int]:
    """Return what decides between two mentions of a finding; the greater counts."""
    return -POLARITIES.index(mention.polarity), GRADES.index(mention.grade)


def _units(text: str, words: Lexicon) -> list[_Unit] | None:
    """Return the phrases and other words of a sentence, or None if none of them can belong to a finding."""
    phrases = words.phrases
    tokens = _WORD.findall(text)
    if words.openers.isdisjoint(tokens):
        return None
    matches = list(_WORD.finditer(text))
    units, place, useful = [], 0, False
    while place < len(tokens):
        entry, length = _NOTHING, 1
        for rest, known in phrases.get(tokens[place], ()):
            size = len(rest)
            if not size or tuple(tokens[place + 1 : place + 1 + size]) == rest:
                entry, length = known, size + 1
                break
        useful = useful or bool(entry.named or entry.structure)
        if words.limits and entry is _NOTHING and tokens[place][-1:] in _LAST_OF_RATIO:
            entry = _in_numbers(text, matches[place], words)
        units.append(_Unit(entry, tokens[place], matches[place].start(), matches[place + length - 1].end()))
        place += length
    return units if useful else None


def _in_numbers(text: str, token: re.Match[str], words: Lexicon) -> Entry:
    """Return the states that a ratio says ("0.55", "55 %", "above 50 %"); none if the token is no ratio."""
    ratio = _RATIO.fullmatch(token[0])
    if not ratio:
        return _NOTHING
    value = float(ratio[1].replace(",", ".")) / 100 if ratio[1] else float(ratio[2].replace(",", "."))
    if not 0 < value < 1:
        return _NOTHING
    more = _MORE.search(text, max(0, token.start() - 20), token.start())
    abnormal = {each: value > limit or (more is not None and value == limit) for each, limit in words.limits.items()}
    return Entry(states={each: ABNORMAL if abnormal[each] else NORMAL for each in abnormal})


def _found(units: list[_Unit], words: Lexicon) -> list[_Found]:
    found = []
    for place, unit in enumerate(units):
        for finding in unit.entry.named:
            kind = NORMAL if _called_normal(units, place) else ABNORMAL
            found.append(_Found(finding, kind, place, place))
        for statement in unit.entry.structure:
            state = _state_before(units, place, statement)
            if state is None:
                state = _state_after(units, place, statement)
            if state is None:
                state = _shared_normal(units, place, statement)
            if state is not None:
                kind = units[state].entry.states[statement]
                found.append(_Found(words.finding_of[statement], kind, place, state))
    return found


def _state_before(units: list[_Unit], place: int, statement: int) -> int | None:
    """Return the index of a state in front of its structure: "enlarged heart", "flattening of the diaphragm"."""
    article = preposition = False
    for index in range(place - 1, max(-1, place - 1 - _LIST_REACH), -1):
        entry, word = units[index].entry, units[index].word
        if statement in entry.states:
            loose = article and not preposition and entry.states[statement] != ABNORMAL
            return None if loose else index
        if word in ("the", "a"):
            article = True
        elif word in ("of", "in"):
            preposition = True
        elif "comma" in entry.marks and word != ";":
            after = units[index + 1]
            if not (after.entry.states or after.word in ("calcified", "atherosclerotic")):
                return None
        elif not ("filler" in entry.marks or entry.grade or entry.states or "and" in entry.marks):
            return None
    return None


def _called_normal(units: list[_Unit], place: int) -> bool:
    index = place - 1
    while index >= 0 and "filler" in units[index].entry.marks:
        index -= 1
    return index >= 0 and units[index].word in _CALLED_NORMAL


def _shared_normal(units: list[_Unit], place: int, statement: int) -> int | None:
    """Return the index of a "normal" that opens a list with the structure: "normal heart, hila, and lung volumes"."""
    index = place - 1
    while index >= 0 and units[index].word in ("the", _ALSO_PLACE):
        index -= 1
    if index < 0 or not units[index].entry.marks & {"comma", "and"}:
        return None
    for index in range(place - 1, max(-1, place - 1 - _LIST_REACH), -1):
        entry = units[index].entry
        if entry.states.get(statement) == NORMAL:
            before = units[index - 1].entry.marks if index else frozenset({"comma"})
            if "verb" in before and place + 1 < len(units) and "verb" in units[place + 1].entry.marks:
                return None  # "the heart is normal and the aorta is tortuous"
            return index if before & {"verb", "comma", "with"} else None
        stated = entry.states and units[index].word != _ALSO_PLACE
        if entry.marks & {"verb", "stop", "with"} or entry.change or entry.grade or entry.named or stated:
            return None
    return None


def _state_after(units: list[_Unit], place: int, statement: int) -> int | None:
    """Return the index of a state behind its structure: "heart size and mediastinal contours are normal"."""
    said = False
    for index in range(place + 1, min(place + 1 + _REACH, len(units))):
        entry = units[index].entry
        marks = entry.marks
        if statement in entry.states:
            owned = entry.states[statement] == ABNORMAL and "other" in units[index - 1].entry.marks
            if not owned and not _belongs_to_next(units, index):
                return index
            said = True
            continue
        if "stop" in marks or (said and "with" in marks):
            return None
        if said and (entry.structure or entry.named or "other" in marks):
            return None
        stated = entry.states and units[index].word != _ALSO_PLACE
        said = said or bool("verb" in marks or entry.change or stated)
    return None


def _belongs_to_next(units: list[_Unit], index: int) -> bool:
    """Return whether a state or change stands directly before another structure, after a comma, "and" or "with"."""
    first = index
    while first and (units[first - 1].entry.grade or units[first - 1].entry.change):
        first -= 1
    if first and not units[first - 1].entry.marks & {"comma", "and", "with"}:
        return False
    for unit in units[index + 1 : index + 5]:
        if unit.entry.structure or unit.entry.named or "other" in unit.entry.marks:
            return unit.word != "size"
        if not ("filler" in unit.entry.marks or "and" in unit.entry.marks or unit.entry.grade or unit.entry.states):
            return False
    return False


def _judged(units: list[_Unit], found: _Found, words: Lexicon) -> Mention:
    low, high = sorted((found.structure, found.state))
    grade, graded = _grade(units, found, high, words.kin[found.finding])
    change = _change(units, low, high)
    polarity = _polarity(units, found, high)
    if polarity == PRESENT and grade == BORDERLINE:
        polarity = UNCERTAIN
    if polarity == ABSENT:
        grade, graded = NEGATIVE, None
    if change == RESOLVED and polarity == PRESENT:
        polarity = HISTORY
    places = [low, high] if graded is None else sorted((low, high, graded))
    return Mention(found.finding, polarity, grade, change, units[places[0]].start, units[places[-1]].end)


def _polarity(units: list[_Unit], found: _Found, high: int) -> str:
    if found.kind == LIMIT:
        return UNCERTAIN
    if found.kind == NORMAL:
        turned = any(unit.word == "not" for unit in units[max(0, found.state - 2) : found.state])
        return PRESENT if turned else ABSENT
    for cue, said in ((ABSENT, _denied), (HISTORY, _past), (UNCERTAIN, _doubted)):
        if said(units, found.state) or _after(units, high, cue):
            return cue
    return PRESENT


def _denied(units: list[_Unit], place: int) -> bool:
    """Return whether "no", "without" and the like reach the mention: through lists, not through verbs and new facts."""
    alternative = place + 1 < len(units) and bool(units[place + 1].entry.marks & {"comma", "or"})
    for index in range(place - 1, max(-1, place - 1 - _LIST_REACH), -1):
        entry = units[index].entry
        marks = entry.marks
        if ABSENT in entry.before:
            return UNCERTAIN not in entry.before
        if "no_denial" in marks or marks & {"stop", "with"} or UNCERTAIN in entry.before:
            return False
        if "verb" in marks:
            return False
        alternative = alternative or "or" in marks
        if marks & {"comma", "and"}:
            after = units[index + 1].entry
            fresh = bool(after.grade or after.change or "verb" in marks)
            if not alternative and ("comma" in marks or fresh):
                return False
            if fresh and "or" not in marks:
                return False
    return False


def _doubted(units: list[_Unit], place: int) -> bool:
    for index in range(place - 1, max(-1, place - 1 - _DOUBT_REACH), -1):
        entry = units[index].entry
        if UNCERTAIN in entry.before:
            return True
        if entry.marks & {"stop", "with", "comma", "verb"} or ("and" in entry.marks and "or" not in entry.marks):
            return False
    return False


def _past(units: list[_Unit], place: int) -> bool:
    for index in range(place - 1, max(-1, place - 1 - _PAST_REACH), -1):
        entry = units[index].entry
        if HISTORY in entry.before:
            return True
        if not ("filler" in entry.marks or entry.grade or entry.structure):
            return False
    return False


def _after(units: list[_Unit], place: int, cue: str) -> bool:
    for unit in units[place + 1 : place + 6]:
        entry = unit.entry
        if cue in entry.after:
            return True
        if entry.marks & {"stop", "comma", "with", "and", "other"} or entry.named or entry.structure:
            return False
    return False


def _grade(units: list[_Unit], found: _Found, high: int, kin: frozenset[str]) -> tuple[str, int | None]:
    if found.kind == LIMIT:
        return BORDERLINE, None
    if found.kind == NORMAL:
        return NEGATIVE if units[max(0, found.state - 1)].word != "not" else UNSPECIFIED, None
    for index in (_grade_before(units, found, kin), _grade_after(units, high)):
        if index is not None:
            return _ranged(units, index), index
    return UNSPECIFIED, None


def _grade_before(units: list[_Unit], found: _Found, kin: frozenset[str]) -> int | None:
    if units[found.state].entry.change:  # "a marked increase in heart size" grades the increase
        return None
    for index in range(found.state - 1, max(-1, found.state - 1 - _LIST_REACH), -1):
        entry = units[index].entry
        if entry.grade:
            return index
        if "and" in entry.marks:
            joined = units[index - 1].entry if index else _NOTHING
            if joined.states or kin.intersection(joined.named):
                continue
            return None
        if not ("filler" in entry.marks or entry.change or entry.states or entry.named or index == found.structure):
            return None
    return None


def _grade_after(units: list[_Unit], high: int) -> int | None:
    for index in range(high + 1, min(high + 7, len(units))):
        unit = units[index]
        if unit.entry.grade:
            end = index + 1
            if end + 1 < len(units) and units[end].word in _RANGE and units[end + 1].entry.grade:
                end += 2
            following = units[end] if end < len(units) else None
            closed = (
                following is None
                or following.entry.marks & {"comma", "stop"}
                or following.word in ("in", "degree", ")")
            )
            return index if closed else None
        if not (unit.entry.marks & {"filler", "verb", "comma"} or unit.entry.change or unit.word == "("):
            return None
    return None


def _ranged(units: list[_Unit], index: int) -> str:
    """Return the grade of a word; of a range ("mild to moderate") the higher one, or borderline if it begins there."""
    grades = [units[index].entry.grade]
    for joint, other in ((index - 1, index - 2), (index + 1, index + 2)):
        if 0 <= other < len(units) and units[joint].word in _RANGE and units[other].entry.grade:
            grades.append(units[other].entry.grade)
    return BORDERLINE if BORDERLINE in grades else max(grades, key=GRADES.index)


def _change(units: list[_Unit], low: int, high: int) -> str:
    for index in range(low, high + 1):
        if units[index].entry.change:
            return units[index].entry.change
    for index in range(low - 1, max(-1, low - 1 - _LIST_REACH), -1):
        entry = units[index].entry
        if entry.change:
            return entry.change
        if "comma" in entry.marks and index == 1 and units[0].entry.change:
            return units[0].entry.change
        if entry.marks & {"comma", "stop", "with", "and"} or entry.structure or entry.named or "other" in entry.marks:
            break
    for index in range(high + 1, min(high + 1 + _LIST_REACH, len(units))):
        entry = units[index].entry
        if entry.change:
            return "none" if _belongs_to_next(units, index) else entry.change
        if "comma" in entry.marks:
            if index + 1 < len(units) and (units[index + 1].entry.change or units[index + 1].word == "not"):
                continue
            break
        if "stop" in entry.marks:
            following = [unit.entry for unit in units[index + 1 : index + 4]]
            if any(each.structure or each.named or "other" in each.marks for each in following):
                break
            if any(each.change for each in following):
                continue
            break
        if entry.marks & {"with", "other"} or entry.structure or entry.named:
            break
        if "and" in entry.marks and not (index + 1 < len(units) and units[index + 1].entry.change):
            break
    return "none"
