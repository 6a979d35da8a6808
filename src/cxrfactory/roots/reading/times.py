"""Times of the pictures of a plate: from their names, or else from EXIF, or else from the order of their names.

A day or an hour that names count from the start of the experiment (``day07``, ``t=12h``) counts where neither names nor
EXIF give a date.

A source counts for a plate if it gives a time for at least half of its pictures and at least half of these times
differ: names that all hold the day on which an experiment began order nothing. Pictures that the source leaves without
a time take that of EXIF if they have one, and are refused otherwise.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

_GAP = 1.5  # times the median interval
_DAY = r"(?P<Y>(?:19|20)\d\d)(?P<sep>[-_.]?)(?P<M>0[1-9]|1[0-2])(?P=sep)(?P<D>0[1-9]|[12]\d|3[01])"
_SECOND = r"(?:(?:(?P=c)|(?<=[hH]\d\d)[mM])(?P<s>[0-5]\d)s?)?(?:[.,]?\d{3})?"
_CLOCK = rf"(?P<h>[01]\d|2[0-3])(?P<c>[-_.:hH]?)(?P<m>[0-5]\d){_SECOND}"
_HALF_DAY = (
    r"(?P<h>0?[1-9]|1[0-2])(?P<c>[-_.:hH])(?P<m>[0-5]\d)(?:(?P=c)(?P<s>[0-5]\d))?[ _-]?(?P<half>[AaPp])\.?[Mm]"
    r"(?![A-Za-z0-9])"
)
# The most exact pattern comes first. A day or a clock never begins or ends inside a longer number.
_MOMENT = re.compile(rf"(?<!\d){_DAY}(?:[T _.-]|_-_|--|__| at )?{_CLOCK}Z?(?!\d)")
_MOMENT_BY_HALF_DAY = re.compile(rf"(?<!\d){_DAY}(?:[T _.-]|_-_|--|__| at )?{_HALF_DAY}")
_DAY_ALONE = re.compile(rf"(?<!\d){_DAY}(?!\d)")
_UNIX = re.compile(r"(?<!\d)(1[0-9]{9})(?:\d{3})?(?!\d)")  # s or ms; from the year 2001
_DAYS = re.compile(r"(?<![A-Za-z0-9])(?:day|das|dag)[ _=-]?(\d{1,3})(?![0-9])", re.IGNORECASE)
_HOURS = re.compile(r"(?<![A-Za-z0-9.,])(?:t[ _=-]?)?(\d{1,4})[ _]?h(?:rs?|ours?)?(?![A-Za-z0-9])", re.IGNORECASE)
_NOON = re.compile(r"(?<=\d)[ _-]?[AP]\.?M(?![A-Za-z0-9])", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")
_PATTERNS = ("moment", "unix", "day")


@dataclass(frozen=True)
class Timed:
    """One picture in the order of time.

    Attributes
    ----------
    place
        Index in the list that was given.
    minutes
        Time in minutes, from any start.
    source
        ``name``, ``exif`` or ``interval``.
    """

    place: int
    minutes: float
    source: str


@dataclass(frozen=True)
class Order:
    """The pictures of a plate in the order of time, those without a time, and what is to be told and warned of."""

    timed: list[Timed]
    refused: dict[int, str]
    told: tuple[str, ...]
    warned: tuple[str, ...] = ()


def natural_key(name: str) -> tuple:
    """Return a key that sorts names by the numbers in them: ``img_2`` comes before ``img_10``.

    Examples
    --------
    >>> sorted(["img_10.png", "img_2.png"], key=natural_key)
    ['img_2.png', 'img_10.png']
    """
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts)), name


def time_in_name(stem: str, pattern: str = "moment") -> datetime | None:
    """Return the time that a file name without its suffix holds; None without one.

    A moment is year, month, day, hour, minute and, if given, second, with ``-``, ``_``, ``.``, ``T`` or nothing between
    them, or with an hour from 1 to 12 and AM or PM; a day before month and year is not read, because it cannot be told
    from a month. ``unix`` is a number of seconds or milliseconds since 1970, in UTC. ``elapsed`` are days, hours or
    both from the start of the experiment, and the time returned counts from 1970.

    Parameters
    ----------
    stem
        The name.
    pattern
        ``moment``, ``unix``, ``day`` or ``elapsed``.

    Examples
    --------
    >>> time_in_name("plate-3_2020-01-31_08-15-00")
    datetime.datetime(2020, 1, 31, 8, 15)
    """
    if pattern == "unix":
        found = _UNIX.search(stem)
        return datetime(1970, 1, 1) + timedelta(seconds=int(found[1])) if found else None
    if pattern == "elapsed":
        days, hours = _DAYS.search(stem), _HOURS.search(stem)
        if days is None and hours is None:
            return None
        return datetime(1970, 1, 1) + timedelta(days=int(days[1]) if days else 0, hours=int(hours[1]) if hours else 0)
    kinds = (_MOMENT_BY_HALF_DAY, _MOMENT) if pattern == "moment" else (_DAY_ALONE,)
    for found in (found for kind in kinds for found in kind.finditer(stem)):
        parts = found.groupdict()
        clock = [int(parts.get(key) or 0) for key in "hms"]
        if half := parts.get("half"):
            clock[0] = clock[0] % 12 + 12 * (half in "Pp")
        try:
            return datetime(int(parts["Y"]), int(parts["M"]), int(parts["D"]), *clock)
        except ValueError:  # the 31st of June
            continue
    return None


def order_of(stems: Sequence[str], taken: Sequence[datetime | None], interval_minutes: float) -> Order:
    """Put the pictures of a plate in the order of time.

    Parameters
    ----------
    stems
        Names of the pictures without their suffix.
    taken
        Their times by EXIF.
    interval_minutes
        Minutes between pictures where neither names nor EXIF give times. Where the names differ in one number, a number
        that is left out leaves its time out.
    """
    named = next((found for pattern in _PATTERNS if _useful(found := [time_in_name(s, pattern) for s in stems])), None)
    if named is None and not _useful(taken):
        named = [time_in_name(stem, "elapsed") for stem in stems]
        if not _useful(named):
            return _by_interval(stems, interval_minutes)
        taken = [None] * len(stems)  # a date cannot be compared with a count of days
    if named is None:
        named = [None] * len(stems)
    start = min(time for time in (*named, *taken) if time is not None)
    timed, refused = [], {}
    for place, (by_name, by_exif) in enumerate(zip(named, taken, strict=True)):
        if by_name is None and by_exif is None:
            refused[place] = "neither its name nor EXIF gives a time, as for the plate's other pictures; rename it"
            continue
        minutes = ((by_name or by_exif) - start).total_seconds() / 60
        timed.append(Timed(place, minutes, "name" if by_name is not None else "exif"))
    timed.sort(key=lambda each: (each.minutes, natural_key(stems[each.place])))
    counts = Counter(each.source for each in timed)
    told = [f"times of {counts['name']} pictures from names and of {counts['exif']} from EXIF"] * (len(counts) > 1)
    if refused:
        told.append(f"{len(refused)} of {len(stems)} pictures have no time")
    return Order(timed, refused, tuple(told), _kinds_of_names(stems))


def gaps_before(minutes: Sequence[float]) -> list[bool]:
    """Return for each picture, in order, whether the time since the one before is above 1.5 x the median interval."""
    steps = [after - before for before, after in pairwise(minutes)]
    if len(steps) < 2:
        return [False] * len(minutes)
    usual = median(steps)
    return [False, *(step > _GAP * usual for step in steps)]


def _useful(times: Sequence[datetime | None]) -> bool:
    known = [time for time in times if time is not None]
    return 2 * len(known) >= max(len(times), 1) and 2 * len(set(known)) > len(known)


def _by_interval(stems: Sequence[str], interval_minutes: float) -> Order:
    order = sorted(range(len(stems)), key=lambda place: natural_key(stems[place]))
    steps = _steps([stems[place] for place in order])
    timed = [Timed(place, step * interval_minutes, "interval") for place, step in zip(order, steps, strict=True)]
    missing = steps[-1] + 1 - len(steps) if steps else 0
    told = [f"{missing:g} numbers are missing in the names, and their times are left out"] * (missing > 0)
    warned = (
        f"neither names nor EXIF give times; {interval_minutes:g} minutes (roots.interval_minutes) are taken between "
        "pictures, in the order of their names"
    )
    return Order(timed, {}, tuple(told), (warned, *_kinds_of_names(stems)))


def _kinds_of_names(stems: Sequence[str]) -> tuple[str, ...]:
    """Return a warning if the names, without their numbers, are of several kinds that come more than once each."""
    kinds = Counter(_NUMBERS.sub("#", _NOON.sub("", stem)) for stem in stems)
    if len(kinds) < 2 or min(kinds.values()) < 2:
        return ()
    some = ", ".join(sorted(kinds)[:3])
    return (f"names of {len(kinds)} kinds ({some}); if they are of several plates, give each a folder of its own",)


def _steps(stems: list[str]) -> list[float]:
    """Return the places of pictures in their series: by the one number in which all names differ, or else 0, 1, 2, ...

    The numbers may run in steps, such as 10, 20, 30.
    """
    plain = list(range(len(stems)))
    texts = {_NUMBERS.sub("#", stem) for stem in stems}
    numbers = [[int(number) for number in _NUMBERS.findall(stem)] for stem in stems]
    if len(texts) != 1 or len(stems) < 3:
        return plain
    varied = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
    if len(varied) != 1 or len(set(varied[0])) != len(stems):
        return plain
    steps = Counter(after - before for before, after in pairwise(varied[0]))
    usual, times = min(steps.items(), key=lambda item: (-item[1], item[0]))
    if 2 * times < len(stems) - 1 or any(step % usual for step in steps):
        return plain
    return [(number - varied[0][0]) // usual for number in varied[0]]
