"""Times of the pictures of a plate: from their names, or else from EXIF, or else from the order of their names.

A day or an hour that names count from the start of the experiment (``day07``, ``t=12h``) counts where neither names nor
EXIF give a date. Names that hold the day alone give way to EXIF, if EXIF tells the same days. Where names and EXIF
disagree, or a clock seems to have been set between two pictures, that is warned of.

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

from cxrfactory.roots.reading.dates import dated

_GAP = 1.5  # times the median interval
_FAR = 10.0  # the same, between two pictures before and after a clock was set
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
_UNIX_START = datetime(2005, 1, 1)  # a number of ten digits that gives an earlier time is a count of pictures
_LEAST_UNIX_STEP = 10.0  # seconds; numbers of ten digits that are nearer, such as consecutive ones, count pictures
_DAYS = re.compile(r"(?<![A-Za-z0-9])(?:day|das|dag)[ _=-]?(\d{1,3})(?![0-9])", re.IGNORECASE)
_HOURS = re.compile(r"(?<![A-Za-z0-9.,])(?:t[ _=-]?)?(\d{1,4})[ _]?h(?:rs?|ours?)?(?![A-Za-z0-9])", re.IGNORECASE)
_NOON = re.compile(r"(?<=\d)[ _-]?[AP]\.?M(?![A-Za-z0-9])", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")
_LEAST_COUNT = 1000  # a shorter count that runs over is that of a person
_NEAR_TURN = 10  # times the number of pictures; so near to its ends a count that ran over comes
_DISAGREE = 10.0  # minutes between the times of a name and of EXIF, beyond what is usual on the plate
_SAME_DAY = 1.5 * 24 * 60  # minutes; a day alone and a time of EXIF may differ by so much, beyond what is usual
_CLOCK_SET_DAYS = 30.0  # between two pictures of a plate; nobody leaves a plate so long


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
    named, to_the_minute, warned = _by_names(stems)
    told: list[str] = []
    if named is None and not _useful(taken):
        named = [time_in_name(stem, "elapsed") for stem in stems]
        if not _useful(named):
            return _by_interval(stems, interval_minutes)
        taken = [None] * len(stems)  # a date cannot be compared with a count of days
    if named is not None and not to_the_minute and None not in taken and not _apart(named, taken, _SAME_DAY):
        told.append("names hold the days and EXIF the times of these days")
        named = None
    if named is None:
        named, warned = [None] * len(stems), []
    elif apart := _apart(named, taken, _DISAGREE if to_the_minute else _SAME_DAY):
        warned.append(
            f"names and EXIF disagree about the times of {len(apart)} of {len(stems)} pictures, by up to "
            f"{max(apart) / 60:.1f} hours; those of the names are taken"
        )
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
    told += [f"times of {counts['name']} pictures from names and of {counts['exif']} from EXIF"] * (len(counts) > 1)
    if refused:
        told.append(f"{len(refused)} of {len(stems)} pictures have no time")
    warned += _clock_set([(each.minutes, stems[each.place]) for each in timed])
    warned += _count_differs([stems[each.place] for each in timed if each.source == "exif"])
    return Order(timed, refused, tuple(told), (*warned, *_kinds_of_names(stems)))


def _by_names(stems: Sequence[str]) -> tuple[list[datetime | None] | None, bool, list[str]]:
    """Return times by names or None; whether they are more exact than a day; and what is warned of."""
    for pattern in ("moment", "unix"):
        found = [time_in_name(stem, pattern) for stem in stems]
        if _useful(found) and (pattern == "moment" or _by_seconds(found)):
            return found, True, []
    other = dated(stems)
    if other is not None and _useful(other.times):
        told = f"dates in names, such as '{stems[0]}', are read as {other.order}; write the year first if that is wrong"
        return other.times, other.clock, [told] * other.unsure
    found = [time_in_name(stem, "day") for stem in stems]
    return (found, False, []) if _useful(found) else (None, True, [])


def _by_seconds(times: Sequence[datetime | None]) -> bool:
    """Return whether times by numbers of ten digits are those of pictures, and not a count of them."""
    known = sorted(time for time in times if time is not None)
    steps = [(after - before).total_seconds() for before, after in pairwise(known)]
    return known[0] >= _UNIX_START and (not steps or median(steps) >= _LEAST_UNIX_STEP)


def _apart(named: Sequence[datetime | None], taken: Sequence[datetime | None], most: float) -> list[float]:
    """Return how many minutes names and EXIF differ beyond what is usual on the plate, where that is more than so many.

    Clocks of two time zones, or one that is wrong by a constant, do not disagree.
    """
    pairs = [(one - other).total_seconds() / 60 for one, other in zip(named, taken, strict=True) if one and other]
    if len(pairs) < 2:
        return []
    usual = median(pairs)
    return [abs(each - usual) for each in pairs if abs(each - usual) > most]


def _clock_set(timed: Sequence[tuple[float, str]]) -> list[str]:
    """Return a warning if weeks lie between two pictures in the order of time, as where a camera lost its clock."""
    gaps = [(after[0] - before[0], before[1], after[1]) for before, after in pairwise(timed)]
    if not gaps:
        return []
    longest, before, after = max(gaps, key=lambda gap: gap[0])
    days = longest / (24 * 60)
    if days <= _CLOCK_SET_DAYS or longest <= _FAR * median(gap[0] for gap in gaps):
        return []
    return [
        f"{days:.0f} days lie between '{before}' and '{after}'; if a clock was set between them, the order and the "
        "times are wrong, so write the times into the names"
    ]


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


def _count_differs(stems: Sequence[str]) -> list[str]:
    """Return a warning if the count in names does not rise in the order of EXIF, as where a clock was set back."""
    if len(stems) < 2 or _varied(stems) is None:
        return []
    order = _counted(stems)
    wrong = next((place for place, each in enumerate(order) if each != place), None)
    if wrong is None:
        return []
    return [
        f"EXIF and the numbers in the names disagree about the order, first at '{stems[wrong]}'; that of EXIF is "
        "taken, so check that no clock was set in between"
    ]


def _counted(stems: Sequence[str]) -> list[int]:
    """Return the places of names in the order of the numbers in them, also where a camera's count ran over."""
    order = sorted(range(len(stems)), key=lambda place: natural_key(stems[place]))
    turn = _counter_turn([stems[place] for place in order])
    return order[turn:] + order[:turn]


def _by_interval(stems: Sequence[str], interval_minutes: float) -> Order:
    order = _counted(stems)
    turn = _counter_turn(sorted(stems, key=natural_key))
    steps = _steps([stems[place] for place in order])
    timed = [Timed(place, step * interval_minutes, "interval") for place, step in zip(order, steps, strict=True)]
    missing = steps[-1] + 1 - len(steps) if steps else 0
    told = [f"{missing:g} numbers are missing in the names, and their times are left out"] * (missing > 0)
    warned = (
        f"neither names nor EXIF give times; {interval_minutes:g} minutes (roots.interval_minutes) are taken between "
        "pictures, in the order of their names"
    )
    if len(stems) < 2:
        return Order(timed, {}, ())
    turned = f"the count in the names starts anew after '{stems[order[-turn - 1]]}'" if turn else ""
    return Order(timed, {}, tuple(told), (warned, *([turned] if turned else []), *_kinds_of_names(stems)))


def _counter_turn(stems: Sequence[str]) -> int:
    """Return how many of the names, in the order of their numbers, come after a camera's count ran over (9999 to 0001).

    The names differ in one number with leading zeros; its largest values reach nearly the end of the count and its
    smallest ones nearly the start, with a wide gap between.
    """
    numbers = _varied(stems)
    if numbers is None:
        return 0
    end = 10 ** len(numbers[0])
    if any(len(number) != len(numbers[0]) for number in numbers) or end < _LEAST_COUNT:
        return 0
    values = [int(number) for number in numbers]
    gap, place = max((after - before, place) for place, (before, after) in enumerate(pairwise(values), 1))
    near = max(_NEAR_TURN * len(values), 2)
    return place if gap > end / 2 and values[0] <= near and values[-1] >= end - 1 - near else 0


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
    varied = _varied(stems)
    if varied is None or len(stems) < 3:
        return plain
    values = [int(number) for number in varied]
    if values[-1] < values[0]:  # the count ran over; cameras leave 0 out
        over = 10 ** len(varied[0]) - (0 not in values)
        values = [value + over * (value < values[0]) for value in values]
    steps = Counter(after - before for before, after in pairwise(values))
    usual, times = min(steps.items(), key=lambda item: (-item[1], item[0]))
    if 2 * times < len(stems) - 1 or any(step % usual for step in steps):
        return plain
    return [(value - values[0]) // usual for value in values]


def _varied(stems: Sequence[str]) -> list[str] | None:
    """Return the one number in which names differ that are equal but for their numbers; None without it."""
    numbers = [_NUMBERS.findall(stem) for stem in stems]
    if len({_NUMBERS.sub("#", stem) for stem in stems}) != 1:
        return None
    varied = [column for column in zip(*numbers, strict=True) if len({int(number) for number in column}) > 1]
    if len(varied) != 1 or len({int(number) for number in varied[0]}) != len(stems):
        return None
    return list(varied[0])
