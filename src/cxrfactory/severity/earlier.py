"""Tell what a sentence says of now from what it says of an earlier examination: "was enlarged, is now normal"."""

from cxrfactory.severity.units import Found, Unit

_NOW = frozenset({"now", "currently", "today", "presently"})
_EARLIER = frozenset({"previously", "formerly", "before"})
_REACH = 16  # units between an earlier and the present state
_NEAR = 4  # units between "now" and the state that it dates


def tells_now(text: str) -> bool:
    """Return whether a sentence may hold a word such as "now"; a quick look that spares the others."""
    return any(word in text for word in _NOW)


def is_current(units: list[Unit], found: Found) -> bool:
    """Return whether a word such as "now" dates a mention: within it, directly before it, or directly behind it."""
    low, high = sorted((found.structure, found.state))
    return any(unit.word in _NOW for unit in units[max(0, low - 1) : high + 2])


def current_state(units: list[Unit], place: int, state: int, statement: int) -> int:
    """Return the index of the state that a structure has now; that of ``state`` where no later one is told.

    Parameters
    ----------
    units
        Units of the sentence.
    place, state
        Indices of the structure and of its first state.
    statement
        Number of the statement.
    """
    since = None
    for index in range(max(place, state) + 1, min(max(place, state) + 1 + _REACH, len(units))):
        entry = units[index].entry
        if units[index].word in _NOW:
            since = index
        elif statement in entry.states:
            if since is not None and index - since <= _NEAR:
                return index
            if index + 1 < len(units) and units[index + 1].word in _NOW:
                return index
        elif entry.structure or entry.named or "other" in entry.marks:
            break
    return state


def grade_reached(units: list[Unit], high: int) -> int | None:
    """Return the index of the grade that a finding has come to: "is now mild", "progressed from mild to moderate".

    Parameters
    ----------
    units
        Units of the sentence.
    high
        Index of the mention's last unit.
    """
    changed = earlier = reached = False
    for index in range(high + 1, min(high + 1 + _REACH, len(units))):
        unit = units[index]
        entry = unit.entry
        if entry.grade:
            if reached:
                return index
            if not earlier:
                return None
            earlier = False
        elif unit.word in _NOW or (unit.word == "to" and changed):
            reached = True
        elif unit.word in _EARLIER or (unit.word == "from" and changed):
            earlier = True
        elif entry.change:
            changed = True
        elif not (entry.marks & {"filler", "verb"} or unit.word == ","):
            return None
    return None
