"""Read one sentence: which findings it mentions, whether they are there, how severe, and how they changed."""

from dataclasses import dataclass
from functools import lru_cache

from cxrfactory.severity.adjectives import denies_list, joins_adjectives
from cxrfactory.severity.boxes import without_unticked
from cxrfactory.severity.earlier import current_state, is_current, tells_now
from cxrfactory.severity.lexicon import ABNORMAL, LIMIT, NORMAL, Lexicon
from cxrfactory.severity.qualities import BORDERLINE, NEGATIVE, belongs_to_next, change_of, grade_of
from cxrfactory.severity.states import behind_bracket, limit_behind, other_sides
from cxrfactory.severity.units import LIST_REACH, Found, Unit, units_of
from cxrfactory.tables.severity import GRADES, POLARITIES

PRESENT, UNCERTAIN, ABSENT, HISTORY = POLARITIES
NEW, RESOLVED = "new", "resolved"
_GOES_ON = frozenset({"unchanged", "increased", "decreased"})  # what was seen earlier and did so is still there
_REACH = 16  # units between a structure and its state
_DOUBT_REACH = 7  # units between a word of doubt and the finding
_PAST_REACH = 4
_CACHED = 1 << 15  # different sentences that are remembered; many reports repeat them
_ALSO_PLACE = "central"  # a state of the trachea, and the place of other structures ("central airways")
_ALSO_NORMAL = frozenset({"within", "wnl", "unremarkable"})
_GO_ON = frozenset({"in", "and", "for", "with"})  # behind "is normal"
_COPULAS = frozenset({"is", "are", "was", "were"})
_NO = frozenset({"no", "nil", "negative", "false", "n"})  # behind a finding's name, as in a form
_CALLED_NORMAL = frozenset({"normal", "preserved", "maintained", "physiologic", "physiological"})


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
    text = without_unticked(sentence.lower())
    units = units_of(text, words)
    if units is None:
        return ()
    dated = tells_now(text)
    best: dict[str, Mention] = {}
    now: set[str] = set()  # findings whose present state is told apart from an earlier one
    for found in _found(units, words, dated):
        mention = _judged(units, found, words)
        known = best.get(found.finding)
        current, dates = dated and is_current(units, found), found.finding in now
        if known is None or current > dates or (current == dates and strength(mention) > strength(known)):
            best[found.finding] = mention
        if current:
            now.add(found.finding)
    return tuple(sorted(best.values(), key=lambda each: (each.start, each.end, each.finding)))


def strength(mention: Mention) -> tuple[int, int]:
    """Return what decides between two mentions of a finding; the greater counts."""
    return -POLARITIES.index(mention.polarity), GRADES.index(mention.grade)


def _found(units: list[Unit], words: Lexicon, dated: bool) -> list[Found]:
    found = []
    for place, unit in enumerate(units):
        for finding in unit.entry.named:
            kind = NORMAL if _called_normal(units, place) else ABNORMAL
            found.append(Found(finding, kind, place, place))
        for statement in unit.entry.structure:
            state = _state_before(units, place, statement)
            if state is None:
                state = _state_after(units, place, statement)
            if state is None:
                state = _shared_normal(units, place, statement)
            if state is not None:
                if dated:
                    state = current_state(units, place, state, statement)
                state = limit_behind(units, state, statement)
                kind = units[state].entry.states[statement]
                found.append(Found(words.finding_of[statement], kind, place, state))
                for other in other_sides(units, state, statement):
                    kind = units[other].entry.states[statement]
                    found.append(Found(words.finding_of[statement], kind, place, other))
    return found


def _state_before(units: list[Unit], place: int, statement: int) -> int | None:
    """Return the index of a state in front of its structure: "enlarged heart", "flattening of the diaphragm"."""
    article = preposition = False
    for index in range(place - 1, max(-1, place - 1 - LIST_REACH), -1):
        entry, word = units[index].entry, units[index].word
        if statement in entry.states:
            loose = article and not preposition and entry.states[statement] != ABNORMAL
            return None if loose or _said_of_structure(units, index) else index
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


def _said_of_structure(units: list[Unit], state: int) -> bool:
    """Return whether a state stands directly behind another structure: "heart mildly enlarged aorta unfolded"."""
    index = state - 1
    while index >= 0 and (units[index].entry.grade or units[index].word in _COPULAS):
        index -= 1
    return index >= 0 and any(each in units[state].entry.states for each in units[index].entry.structure)


def _called_normal(units: list[Unit], place: int) -> bool:
    """Return whether what a finding names is called normal: "normal kyphosis", "kyphosis is within normal limits"."""
    index = place - 1
    while index >= 0 and "filler" in units[index].entry.marks:
        index -= 1
    if index >= 0 and units[index].word in _CALLED_NORMAL:
        return True
    after = place + 1
    said = after < len(units) and units[after].word in _COPULAS
    after += said
    if after >= len(units):
        return False
    unit = units[after]
    if unit.word not in _CALLED_NORMAL and not (said and unit.word in _ALSO_NORMAL and unit.entry.states):
        return False
    following = units[after + 1] if after + 1 < len(units) else None
    return following is None or bool(following.entry.marks & {"comma", "stop"}) or (said and following.word in _GO_ON)


def _shared_normal(units: list[Unit], place: int, statement: int) -> int | None:
    """Return the index of a "normal" that opens a list with the structure: "normal heart, hila, and lung volumes"."""
    index = place - 1
    while index >= 0 and units[index].word in ("the", _ALSO_PLACE):
        index -= 1
    if index < 0 or not units[index].entry.marks & {"comma", "and"}:
        return None
    for index in range(place - 1, max(-1, place - 1 - LIST_REACH), -1):
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


def _state_after(units: list[Unit], place: int, statement: int) -> int | None:
    """Return the index of a state behind its structure: "heart size and mediastinal contours are normal"."""
    said = False
    begin, bracketed = behind_bracket(units, place + 1, statement)
    if bracketed is not None:
        return bracketed
    for index in range(begin, min(begin + _REACH, len(units))):
        entry = units[index].entry
        marks = entry.marks
        if statement in entry.states:
            owned = entry.states[statement] == ABNORMAL and "other" in units[index - 1].entry.marks
            if not owned and not belongs_to_next(units, index):
                return index
            said = True
            continue
        if "stop" in marks and index == place + 2 and units[index].word == "which":
            continue  # "heart size, which is enlarged"
        if said and "with" in marks and ABSENT in entry.before:  # "tortuous without aneurysmal dilatation"
            after = next(
                (each for each in range(index + 1, min(index + 4, len(units))) if units[each].entry.states), None
            )
            return after if after is not None and statement in units[after].entry.states else None
        if "stop" in marks or (said and "with" in marks):
            return None
        if said and (entry.structure or entry.named or "other" in marks):
            return None
        stated = entry.states and units[index].word != _ALSO_PLACE
        said = said or bool("verb" in marks or entry.change or stated)
    return None


def _judged(units: list[Unit], found: Found, words: Lexicon) -> Mention:
    low, high = sorted((found.structure, found.state))
    grade, graded = grade_of(units, found, high, words.kin[found.finding])
    change = change_of(units, low, high)
    polarity = _polarity(units, found, high)
    if polarity == PRESENT and grade == BORDERLINE:
        polarity = UNCERTAIN
    if polarity == ABSENT:
        grade, graded, change = NEGATIVE, None, "none" if change == NEW else change  # "no new cardiomegaly"
    if polarity == HISTORY and change in _GOES_ON:
        polarity = PRESENT
    if change == RESOLVED and polarity == PRESENT:
        polarity = HISTORY
    places = [low, high] if graded is None else sorted((low, high, graded))
    return Mention(found.finding, polarity, grade, change, units[places[0]].start, units[places[-1]].end)


def _polarity(units: list[Unit], found: Found, high: int) -> str:
    if found.kind == LIMIT:
        return UNCERTAIN
    if found.kind == NORMAL:
        turned = any(unit.word == "not" for unit in units[max(0, found.state - 2) : found.state])
        return PRESENT if turned else ABSENT
    if _answered_no(units, high) or (found.structure < found.state and _neither(units, found.structure)):
        return ABSENT
    if _denied(units, found.state, found.structure) or _after(units, high, ABSENT):
        return ABSENT
    for cue, said in ((HISTORY, _past), (UNCERTAIN, _doubted)):
        if said(units, found.state) or _after(units, high, cue):
            return cue
    return PRESENT


def _answered_no(units: list[Unit], high: int) -> bool:
    """Return whether "no" or "nil" alone follows a mention, as in a form: "Tracheal deviation: no"."""
    index = high + 1
    if index < len(units) and units[index].word in (":", "("):
        index += 1
    if index >= len(units) or units[index].word not in _NO or units[index].entry.change:
        return False
    return index + 1 == len(units) or units[index + 1].word in (",", ";", ")")


def _neither(units: list[Unit], structure: int) -> bool:
    """Return whether "neither" or "nor" stands before a structure: "neither the heart nor the aorta is enlarged"."""
    for unit in reversed(units[max(0, structure - LIST_REACH) : structure]):
        if unit.word in ("neither", "nor"):
            return True
        passed = unit.entry.structure or unit.word in _COPULAS
        if not (passed or unit.entry.marks & {"filler", "and", "other"}):
            return False
    return False


def _denied(units: list[Unit], place: int, structure: int) -> bool:
    """Return whether "no", "without" and the like reach the mention: through lists, not through verbs and new facts."""
    following = units[place + 1] if place + 1 < len(units) else None
    alternative = following is not None and following.word != ":" and bool(following.entry.marks & {"comma", "or"})
    opens = _noun_before(units, place, structure)
    for index in range(place - 1, max(-1, place - 1 - LIST_REACH), -1):
        entry = units[index].entry
        marks = entry.marks
        if ABSENT in entry.before and (ABSENT not in entry.after or _opens(units, index)):
            return UNCERTAIN not in entry.before
        if "no_denial" in marks or marks & {"stop", "with"} or UNCERTAIN in entry.before:
            return False
        if index == opens:
            return False
        if "verb" in marks:
            return False
        alternative = alternative or "or" in marks
        if "comma" in marks and joins_adjectives(units, index) and denies_list(units, index):
            continue
        if marks & {"comma", "and"}:
            after = units[index + 1].entry
            fresh = bool(after.grade or after.change or "verb" in marks)
            if not alternative and ("comma" in marks or fresh):
                return False
            if fresh and "or" not in marks:
                return False
    return False


def _opens(units: list[Unit], index: int) -> bool:
    """Return whether a unit opens a phrase: "absent cardiomegaly", but not "effusion is absent and cardiomegaly"."""
    return index == 0 or bool(units[index - 1].entry.marks & {"comma", "stop", "with", "and"})


def _noun_before(units: list[Unit], state: int, structure: int) -> int | None:
    """Return the index of another noun directly before a new statement in text without stops, or None.

    "No pneumothorax heart enlarged" and "no effusion severe scoliosis" deny the first noun alone; "no effusion
    scoliosis" may be a list.
    """
    first = structure if structure < state else state
    graded = first > 0 and bool(units[first - 1].entry.grade)
    if structure >= state and not graded:
        return None
    index = first - 1
    while index >= 0 and (units[index].entry.grade or units[index].word == "the"):
        index -= 1
    if index < 0:
        return None
    entry = units[index].entry
    return index if "other" in entry.marks or entry.named or entry.structure else None


def _doubted(units: list[Unit], place: int) -> bool:
    for index in range(place - 1, max(-1, place - 1 - _DOUBT_REACH), -1):
        entry = units[index].entry
        if UNCERTAIN in entry.before:
            return True
        if entry.marks & {"stop", "with", "comma", "verb"} or ("and" in entry.marks and "or" not in entry.marks):
            return False
    return False


def _past(units: list[Unit], place: int) -> bool:
    for index in range(place - 1, max(-1, place - 1 - _PAST_REACH), -1):
        entry = units[index].entry
        if HISTORY in entry.before:
            return True
        if not ("filler" in entry.marks or entry.grade or entry.structure):
            return False
    return False


def _after(units: list[Unit], place: int, cue: str) -> bool:
    for unit in units[place + 1 : place + 6]:
        entry = unit.entry
        if cue in entry.after:
            return True
        if entry.marks & {"stop", "comma", "with", "and", "other"} or entry.named or entry.structure:
            return False
    return False
