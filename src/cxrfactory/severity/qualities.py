"""How severe a mention is, and how it changed: words of grade and change around it."""

from cxrfactory.severity.adjectives import joins_adjectives, listed_change
from cxrfactory.severity.earlier import grade_reached
from cxrfactory.severity.lexicon import LIMIT, NORMAL
from cxrfactory.severity.units import LIST_REACH, NOTHING, Found, Unit
from cxrfactory.tables.severity import GRADES

NEGATIVE, UNSPECIFIED, BORDERLINE = GRADES[:3]
_AFTER_GRADE = frozenset({"in", "degree", ")", "since", "compared"})
_CHANGE_FOLLOWS = frozenset({"not", "which", "but", "now", "previously", "has", "have"})  # behind a comma
_RANGE = ("to", "or", "/", "and")  # of a range of grades


def grade_of(units: list[Unit], found: Found, high: int, kin: frozenset[str]) -> tuple[str, int | None]:
    """Return the grade of a mention whose last unit is ``high``, and the index of the unit that says it."""
    if found.kind == LIMIT:
        return BORDERLINE, None
    if found.kind == NORMAL:
        return NEGATIVE if units[max(0, found.state - 1)].word != "not" else UNSPECIFIED, None
    reached = grade_reached(units, high)
    if reached is not None and _closed(units, reached + 1):
        return units[reached].entry.grade, reached
    for index in (_grade_before(units, found, kin), _grade_after(units, high)):
        if index is not None:
            return _ranged(units, index), index
    return UNSPECIFIED, None


def _grade_before(units: list[Unit], found: Found, kin: frozenset[str]) -> int | None:
    if units[found.state].entry.change:  # "a marked increase in heart size" grades the increase
        return None
    for index in range(found.state - 1, max(-1, found.state - 1 - LIST_REACH), -1):
        entry = units[index].entry
        if entry.grade:
            return index
        if "and" in entry.marks and joins_adjectives(units, index):
            continue
        if "and" in entry.marks:
            joined = units[index - 1].entry if index else NOTHING
            if joined.states or kin.intersection(joined.named):
                continue
            return None
        if "comma" in entry.marks and joins_adjectives(units, index):  # "mild, diffuse, stable cardiomegaly"
            continue
        if "comma" in entry.marks and index and units[index - 1].entry.grade:  # "mild, stable cardiomegaly"
            after = units[index + 1].entry
            if (after.change or "filler" in after.marks) and not _is_predicate(units, index - 1):
                continue
            return None
        if entry.states and index < found.structure < found.state:  # "mildly enlarged aorta tortuous"
            return None
        if not ("filler" in entry.marks or entry.change or entry.states or entry.named or index == found.structure):
            return None
    return None


def _grade_after(units: list[Unit], high: int) -> int | None:
    for index in range(high + 1, min(high + 7, len(units))):
        unit = units[index]
        if unit.entry.grade:
            end = index + 1
            if end + 1 < len(units) and units[end].word in _RANGE and units[end + 1].entry.grade:
                end += 2
            return index if _closed(units, end) else None
        goes_on = unit.word in ("(", "but") or (
            unit.word == "and" and units[index + 1 : index + 2] and "verb" in units[index + 1].entry.marks
        )
        if not (goes_on or unit.entry.marks & {"filler", "verb", "comma"} or unit.entry.change):
            return None
    return None


def _closed(units: list[Unit], index: int) -> bool:
    """Return whether the clause of a grade ends before a unit, so that the grade is of no other noun."""
    if index >= len(units):
        return True
    following = units[index]
    return (
        bool(following.entry.marks & {"comma", "stop"})
        or following.word in _AFTER_GRADE
        or _ends_with_change(units, index)
    )


def _ends_with_change(units: list[Unit], index: int) -> bool:
    """Return whether a change ends the clause behind a grade: "is moderate and unchanged"."""
    if "and" not in units[index].entry.marks or index + 1 == len(units) or not units[index + 1].entry.change:
        return False
    return index + 2 == len(units) or bool(units[index + 2].entry.marks & {"comma", "stop"})


def _ranged(units: list[Unit], index: int) -> str:
    """Return the grade of a word; of a range ("mild to moderate") the higher one, or borderline if it begins there."""
    grades = [units[index].entry.grade]
    for joint, other in ((index - 1, index - 2), (index + 1, index + 2)):
        if 0 <= other < len(units) and units[joint].word in _RANGE and units[other].entry.grade:
            grades.append(units[other].entry.grade)
    return BORDERLINE if BORDERLINE in grades else max(grades, key=GRADES.index)


def change_of(units: list[Unit], low: int, high: int) -> str:
    """Return how a mention between two units changed, or ``none``."""
    for index in range(low, high + 1):
        if units[index].entry.change:
            return units[index].entry.change
    for index in range(low - 1, max(-1, low - 1 - LIST_REACH), -1):
        entry = units[index].entry
        if entry.change:
            return entry.change
        if "comma" in entry.marks and joins_adjectives(units, index):
            continue
        if "comma" in entry.marks and index == 1 and units[0].entry.change:
            return units[0].entry.change
        if "comma" in entry.marks and units[index + 1].entry.grade and _is_new_phrase(units, index - 1):
            return units[index - 1].entry.change
        if entry.marks & {"comma", "stop", "with", "and"} or entry.structure or entry.named or "other" in entry.marks:
            break
    for index in range(high + 1, min(high + 1 + LIST_REACH, len(units))):
        entry = units[index].entry
        if entry.change:
            return "none" if belongs_to_next(units, index) else entry.change
        listed = "comma" in entry.marks or units[index].word in ("(", "and")
        if listed and (change := listed_change(units, index + 1)):
            return change
        if "comma" in entry.marks:
            if index + 1 < len(units) and (units[index + 1].entry.change or units[index + 1].word in _CHANGE_FOLLOWS):
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


def _is_predicate(units: list[Unit], index: int) -> bool:
    """Return whether a word is said of what stands before it: "the effusion is mild", not "there is mild"."""
    verb = index > 0 and "verb" in units[index - 1].entry.marks
    return verb and not (index > 1 and units[index - 2].word == "there")


def _is_new_phrase(units: list[Unit], index: int) -> bool:
    """Return whether a change opens a phrase, as in "there is stable, mild cardiomegaly"."""
    if index < 2 or not units[index].entry.change:
        return False
    return units[index - 1].word in ("a", "with", "and") or units[index - 2].word == "there"


def belongs_to_next(units: list[Unit], index: int) -> bool:
    """Return whether a state or change stands directly before another structure, after a comma, "and" or "with"."""
    first = index
    while first and (units[first - 1].entry.grade or units[first - 1].entry.change or units[first - 1].word == "now"):
        first -= 1
    if first and not units[first - 1].entry.marks & {"comma", "and", "with"}:
        return False
    for unit in units[index + 1 : index + 5]:
        if unit.entry.structure or unit.entry.named or "other" in unit.entry.marks:
            return unit.word != "size"
        if not ("filler" in unit.entry.marks or "and" in unit.entry.marks or unit.entry.grade or unit.entry.states):
            return False
    return False
