"""Lists of adjectives around a finding: "mild, diffuse, stable cardiomegaly", "scoliosis, mild, diffuse, stable"."""

from cxrfactory.severity.units import Entry, Unit

_ENDS = frozenset({")", "in", "since", "compared", "from", "when"})  # behind a list of adjectives, besides stops
_DENIES = frozenset({"no", "without"})


def is_adjective(entry: Entry) -> bool:
    """Return whether a phrase is a grade, a change or another adjective of a finding."""
    return bool(entry.grade or entry.change or "adjective" in entry.marks)


def joins_adjectives(units: list[Unit], comma: int) -> bool:
    """Return whether a comma or "and" stands in a list of adjectives of what follows, and not of what stands before it.

    Parameters
    ----------
    units
        Units of the sentence.
    comma
        Index of the comma or "and".

    Examples
    --------
    >>> from cxrfactory.severity.lexicon import lexicon
    >>> from cxrfactory.severity.units import units_of
    >>> texts = ("mild, diffuse cardiomegaly", "the effusion is mild, diffuse hyperinflation")
    >>> [joins_adjectives(units, next(i for i, u in enumerate(units) if u.word == ","))
    ...  for units in (units_of(text, lexicon()) for text in texts)]
    [True, False]
    """
    if not 0 < comma < len(units) - 1 or not _joins(units[comma]):
        return False
    before = comma - 1 - (units[comma - 1].word == ",")
    after = comma + 1 + ("and" in units[comma + 1].entry.marks)
    if before < 0 or after >= len(units):
        return False
    if not (is_adjective(units[before].entry) and is_adjective(units[after].entry)):
        return False
    first = list_begin(units, comma)
    said = first > 0 and "verb" in units[first - 1].entry.marks
    return not said or (first > 1 and units[first - 2].word == "there")


def _joins(unit: Unit) -> bool:
    return unit.word in (",", "and", "&")


def list_begin(units: list[Unit], comma: int) -> int:
    """Return the index of the first adjective of the list that a comma or "and" stands in."""
    first = comma
    while first and (is_adjective(units[first - 1].entry) or _joins(units[first - 1])):
        first -= 1
    while first < comma and _joins(units[first]):
        first += 1
    return first


def denies_list(units: list[Unit], comma: int) -> bool:
    """Return whether "no" or "without" opens the list that a comma stands in: "no severe, diffuse scoliosis"."""
    first = list_begin(units, comma)
    return bool(first and units[first - 1].word in _DENIES and not units[first].entry.change)


def listed_change(units: list[Unit], begin: int) -> str:
    """Return the change in a list of adjectives that ends a clause, or "": "mild, diffuse, stable", "mild, and stable".

    Parameters
    ----------
    units
        Units of the sentence.
    begin
        Index of the list's first unit.
    """
    change, index = "", begin
    while index < len(units):
        entry = units[index].entry
        if is_adjective(entry):
            change = change or entry.change
        elif not _joins(units[index]):
            break
        index += 1
    closed = index >= len(units) or "stop" in units[index].entry.marks or units[index].word in _ENDS
    return change if closed else ""
