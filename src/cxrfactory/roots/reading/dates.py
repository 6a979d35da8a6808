"""Dates in names whose day or month comes first, or whose year has two digits.

Such a date alone cannot be told from others: 03.05.2024 is a day of May or of March. All names of a plate together tell
more: the order of day, month and year must give a date for each of them, and of the orders that do, the one in which
the pictures lie closest together in time is taken, because a plate is photographed over days or weeks.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

_CLOCK = r"(?P<h>[01]\d|2[0-3])(?P<k>[-_.:hH]?)(?P<m>[0-5]\d)(?:(?:(?P=k)|(?<=[hH]\d\d)[mM])(?P<s>[0-5]\d)s?)?(?!\d)"
_HALF_DAY = (
    r"(?P<h>0?[1-9]|1[0-2])(?P<k>[-_.:hH])(?P<m>[0-5]\d)(?:(?P=k)(?P<s>[0-5]\d))?[ _-]?(?P<half>[AaPp])\.?[Mm]"
    r"(?![A-Za-z0-9])"
)
_BETWEEN = r"(?:[T _.-]|_-_|--|__|, | at )"
_LONG = r"(?<!\d)(?P<a>\d{1,2})(?P<sep>[-_. ])(?P<b>\d{1,2})(?P=sep)(?P<c>(?:19|20)\d\d)(?!\d)"
_SOLID = r"(?<!\d)(?P<a>\d\d)(?P<b>\d\d)(?P<c>(?:19|20)\d\d)(?!\d)"
_SHORT = r"(?<!\d)(?P<a>\d\d)(?P<sep>[-_.]?)(?P<b>\d\d)(?P=sep)(?P<c>\d\d)(?!\d)"
_TWELVE = r"(?<!\d)(?P<a>\d\d)(?P<b>\d\d)(?P<c>\d\d)(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)(?P<s>[0-5]\d)(?!\d)"
# Without a separator, or with a year of two digits, a number is a date only if a clock follows it.
_FORMS = tuple(
    re.compile(form)
    for form in (
        *(date + _BETWEEN + clock for date in (_LONG, _SOLID, _SHORT) for clock in (_HALF_DAY, _CLOCK)),
        _TWELVE,
        _LONG,
    )
)
_YEAR_FIRST = re.compile(r"([-_.])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)")  # behind a year
# Which part of a date (a, b, c) is the year, the month and the day.
_PLACES = {"year, month, day": "abc", "day, month, year": "cba", "month, day, year": "cab"}
_CENTURY = 2000
_LONGEST_DAYS = 100.0  # an order in which the pictures of a plate lie further apart is no rival of another one


@dataclass(frozen=True)
class Dated:
    """The times that dates in names give.

    Attributes
    ----------
    times
        One for each name; None where it has no such date.
    order
        Order of day, month and year, in words.
    clock
        Whether the hour is known too.
    unsure
        Whether another order gives other times that lie within 100 days as well.
    """

    times: list[datetime | None]
    order: str
    clock: bool
    unsure: bool


def dated(stems: Sequence[str]) -> Dated | None:
    """Read dates with the day or the month first, or with a year of two digits.

    Parameters
    ----------
    stems
        Names of the pictures of a plate without their suffix.

    Returns
    -------
    The times; None if fewer than half of the names have such a date, or no order of its parts fits them all.

    Examples
    --------
    >>> dated(["29.05.2024", "30.05.2024", "01.06.2024"]).order
    'day, month, year'
    """
    found = [_parts(stem) for stem in stems]
    known = [parts for parts in found if parts is not None]
    if not known or 2 * len(known) < len(stems):
        return None
    fitting = []
    for order in _PLACES:
        times = [None if parts is None else _moment(parts, order) for parts in found]
        if all((time is None) == (parts is None) for time, parts in zip(times, found, strict=True)):
            fitting.append((order, times))
    if not fitting:
        return None
    order, times = min(fitting, key=lambda pair: _span(pair[1]))  # the first of equal ones
    rivals = [each for _, each in fitting if _span(each) <= _LONGEST_DAYS * 86400]
    unsure = len({tuple(_since_first(each)) for each in [times, *rivals]}) > 1
    return Dated(times, order, all("h" in parts for parts in known), unsure)


def _parts(stem: str) -> dict[str, str] | None:
    """Return the parts of the first date in a name, with a clock if it has one."""
    for form in _FORMS:
        for found in form.finditer(stem):
            parts = {key: text for key, text in found.groupdict().items() if text}
            behind = _YEAR_FIRST.match(stem, found.end("c"))
            if behind is not None and behind[1] != parts.get("sep"):  # of "3_12_2024-05-03" the end is the date
                continue
            return parts
    return None


def _moment(parts: dict[str, str], order: str) -> datetime | None:
    if len(parts["c"]) == 4 and order == "year, month, day":
        return None
    year, month, day = (int(parts[key]) for key in _PLACES[order])
    year += _CENTURY * (year < 100)
    hour, minute, second = (int(parts.get(key, 0)) for key in "hms")
    if "half" in parts:
        hour = hour % 12 + 12 * (parts["half"] in "Pp")
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def _since_first(times: Sequence[datetime | None]) -> Iterator[float | None]:
    first = min(time for time in times if time is not None)
    return (None if time is None else (time - first).total_seconds() for time in times)


def _span(times: Sequence[datetime | None]) -> float:
    return max(seconds for seconds in _since_first(times) if seconds is not None)
