"""Where a structure's state stands besides "the heart is enlarged": in brackets, behind "but", and of either side."""

from collections.abc import Iterator

from cxrfactory.severity.adjectives import is_adjective
from cxrfactory.severity.lexicon import LIMIT
from cxrfactory.severity.units import Unit

_BRACKET_REACH = 12  # units within brackets
_BUT = frozenset({"but", "although", "though", "however"})
_BUT_REACH = 5  # units from "but" to the state
_SIDES = frozenset({"right", "left", "rt", "lt", "r", "l"})
_SIDE_REACH = 10  # units from the state of one side to that of the other
_PASSED = {False: frozenset({"comma", "and", "stop", "filler"}), True: frozenset({"filler"})}
_LINKS = frozenset({"is", "are", "was", "were", ":", "costophrenic", "appears"})


def behind_bracket(units: list[Unit], begin: int, statement: int) -> tuple[int, int | None]:
    """Return where to look for a state behind a structure, and the state's index if brackets hold it alone.

    Brackets with anything besides the state, as in "heart (AP view) is enlarged", are passed over.

    Parameters
    ----------
    units
        Units of the sentence.
    begin
        Index behind the structure.
    statement
        Number of the statement.
    """
    if begin >= len(units) or units[begin].word != "(":
        return begin, None
    last = next((at for at in range(begin + 1, min(begin + _BRACKET_REACH, len(units))) if units[at].word == ")"), None)
    if last is None:
        return begin, None
    inner = units[begin + 1 : last]
    if inner and all(_of_state(unit, statement) for unit in inner):
        state = next((at for at in range(begin + 1, last) if statement in units[at].entry.states), None)
        if state is not None:
            return begin, state
    return last + 1, None


def _of_state(unit: Unit, statement: int) -> bool:
    entry = unit.entry
    return bool(
        statement in entry.states
        or is_adjective(entry)
        or entry.marks & {"filler", "and"}
        or unit.word in ("no", "not", ",", "is", "without")
    )


def limit_behind(units: list[Unit], state: int, statement: int) -> int:
    """Return the state at the limit that follows behind "but": "not enlarged but borderline"; else ``state``."""
    at = state + 1
    at += at < len(units) and units[at].word == "in"
    at += at < len(units) and units[at].word == "size"
    at += at < len(units) and units[at].word == ","
    if at >= len(units) or units[at].word not in _BUT:
        return state
    for index in range(at + 1, min(at + 1 + _BUT_REACH, len(units))):
        entry = units[index].entry
        if entry.states.get(statement) == LIMIT:
            return index
        if entry.structure or entry.named or entry.states or "other" in entry.marks or units[index].word == "not":
            break
    return state


def other_sides(units: list[Unit], state: int, statement: int) -> Iterator[int]:
    """Yield states of the other side behind one of this: "costophrenic angles: right sharp, left blunted".

    Parameters
    ----------
    units
        Units of the sentence.
    state
        Index of the state that is known.
    statement
        Number of the statement.
    """
    side = False
    for index in range(state + 1, min(state + 1 + _SIDE_REACH, len(units))):
        entry = units[index].entry
        if side and statement in entry.states:
            yield index
            side = False
        elif units[index].word in _SIDES:
            side = True
        elif not _between_sides(units[index], side):
            return


def _between_sides(unit: Unit, side: bool) -> bool:
    """Return whether a unit may stand between two states; ``side`` tells whether the other side has been named."""
    entry = unit.entry
    if entry.structure or entry.named or "other" in entry.marks or entry.states:
        return False
    return bool(entry.marks & _PASSED[side]) or (side and (is_adjective(entry) or unit.word in _LINKS))
