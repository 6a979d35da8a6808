"""Which places of an examination are cines, and which are other sequences: maps, perfusion, late enhancement, tagging.

An examination holds many sequences beside its cines, often at the same places and acquired later. Words of the headers
tell most of them; others have one image a beat, one time of the cycle, or other settings than the cines.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.cine import Cine
from cxrfactory.hearts.reading.cycle import ONE_BEAT
from cxrfactory.hearts.reading.dicom_headers import PHASES, FrameHeader

_WORDS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("inline results", r"\binline"),
        ("T1 or T2 maps", r"\b(sh)?molli|\bsasha\b|\bt[12](w|s|star|map\w*|mapping)?\b"),
        ("perfusion", r"\bperf|\bfirst pass\b"),
        ("late enhancement", r"\blge\b|\bpsir|\bmde\b|\bdelayed|\blate (gad|enh)|\benhancement\b|\bviability\b"),
        ("tagging", r"\bc?spamm\b|\btag(s|ged|ging)?\b"),
        ("flow", r"\b[q4d]*flow\b(?! comp)|\bvenc|\bphase contrast\b|\bv\d{2,3}(in|thr\w*|ap|rl|fh)\b|\bpca\b"),
        ("stress", r"\bstress\b|\bdobutamin|\bexercise\b"),
        ("scouts", r"\bscouts?\b|\blocali[sz]er|\bsurvey\b"),
    )
)
REAL_TIME = "several heartbeats without the time of each after its R wave, as real-time cines have"
_NOT_TIMED = "images without a time after the R wave, beside others that have it,"
_BEAT_SHARE, _USUAL_CYCLE_MS = 0.5, 800.0
_ONE_TIME_SHARE, _CINE_SHARE = 0.05, 0.3  # of the cycle; images of a cine reach further
_SEVERAL_BEATS, _LONGEST_USUAL_MS = 1.5, 1350.0  # of a stated cycle, or of one of 45 beats a minute
_SAME_NORMAL, _SAME_PLACE_MM = np.cos(np.radians(2.0)), 2.0
_FEWEST_SLICES = 3  # of a stack
_FEW_IMAGES = 0.5  # share of the usual number; a cine has more
_OTHER_FLIP, _OTHER_ECHO = 2.5, 1.8  # ratio to the usual


def kind_of(frames: Sequence[FrameHeader]) -> str:
    """Return what the images of one place are if they are no cine, in the plural; empty for a cine.

    Examples
    --------
    >>> kind_of(frames)  # doctest: +SKIP
    'T1 or T2 maps'
    """
    if frames[0].prepared == PHASES:
        return PHASES
    text = re.sub(r"[_\W]+", " ", f"{frames[0].description} {frames[0].sequence}".lower())
    by_words = next((kind for kind, words in _WORDS if words.search(text)), "")
    return by_words or _by_contrast(frames) or frames[0].prepared or _by_times(frames)


def only_cines(cines: Sequence[Cine], name: str) -> tuple[list[Cine], list[str]]:
    """Leave aside other sequences, and notes that name them.

    If nothing that moves is a cine by its kind, all places are kept with a note: words may mislead, and one time of
    the cycle may be all there is.

    Parameters
    ----------
    cines
        All places of an examination.
    name
        Name of the folder, for messages.

    Raises
    ------
    ImageError
        If all that moves are images through several heartbeats without a time after the R wave, or phases are all
        there is.
    """
    plain = [cine for cine in cines if not cine.kind]
    if not any(len(cine.moments) > 1 for cine in plain):
        if ungated := [cine for cine in cines if cine.kind == REAL_TIME]:
            raise ImageError(f"{name}: {len(ungated)} places of {REAL_TIME}; {ONE_BEAT}")
        return _as_they_are(cines, name)
    ungated = [cine for cine in plain if cine.ungated]
    if 2 * len(ungated) <= sum(len(cine.moments) > 1 for cine in plain):
        cines = [replace(cine, kind=_NOT_TIMED) if not cine.kind and cine.ungated else cine for cine in cines]
        plain = [cine for cine in cines if not cine.kind]
    odd, like = _unlike_the_rest(plain)
    shown = [_shown_by_others(cine, like) for cine in odd]
    contested = [cine for cine, by_others in zip(odd, shown, strict=True) if by_others]
    left = [(cine, cine.kind) for cine in cines if cine.kind]
    left += [(cine, "other sequences at the places of cines") for cine in contested]
    kept = [cine for cine in plain if not any(cine is one for one in contested)]
    others = [cine for cine, by_others in zip(odd, shown, strict=True) if not by_others and len(cine.moments) > 1]
    return kept, [*_notes(left), *_other_settings(others)]


def _as_they_are(cines: Sequence[Cine], name: str) -> tuple[list[Cine], list[str]]:
    """Return all places but those of phases, with a note that names their kinds."""
    kept = [cine for cine in cines if cine.kind != PHASES]
    if not kept:
        raise ImageError(f"{name}: {len(cines)} places of {PHASES} and no others; expected cine MR of a heart")
    kinds = sorted({cine.kind for cine in kept} - {""})
    notes = [f"no series is a cine by its header; {' and '.join(kinds)} are read as they are"] if kinds else []
    return kept, [*_notes([(cine, cine.kind) for cine in cines if cine.kind == PHASES]), *notes]


def _by_contrast(frames: Sequence[FrameHeader]) -> str:
    echoes = {each.echo_ms for each in frames if each.echo_ms is not None}
    inversions = {each.inversion_ms for each in frames if each.inversion_ms is not None}
    return "images of several echo or inversion times" if max(len(echoes), len(inversions)) > 1 else ""


def _by_times(frames: Sequence[FrameHeader]) -> str:
    times = [each.time_ms for each in frames if each.time_ms is not None]
    clocks = [each.acquisition_ms for each in frames if each.acquisition_ms is not None]
    stated = next((each.cycle_ms for each in frames if each.cycle_ms), None)
    cycle = stated or _USUAL_CYCLE_MS
    if len(times) == len(frames) > 1 and max(times) > 0 and np.ptp(times) <= _ONE_TIME_SHARE * cycle:
        return "images of one time of the cycle"
    timed, clocked = (len(each) == len(frames) == len(set(each)) > 2 for each in (times, clocks))
    longest = _SEVERAL_BEATS * (stated or _LONGEST_USUAL_MS)
    if timed and (np.ptp(times) > _CINE_SHARE * cycle or not clocked):
        if _step(times) > _BEAT_SHARE * cycle:
            return "images of one a beat"
        # Beats of a stated length are told apart; without it, nobody knows where the next one begins.
        return REAL_TIME if stated is None and np.ptp(times) + _step(times) > longest else ""
    if not clocked:
        return ""
    if _step(clocks) > _BEAT_SHARE * cycle:
        return "images of one a beat"
    return REAL_TIME if not timed and np.ptp(clocks) + _step(clocks) > longest else ""


def _step(moments: Sequence[float]) -> float:
    return float(np.median(np.diff(np.sort(moments))))


def _unlike_the_rest(cines: Sequence[Cine]) -> tuple[list[Cine], list[Cine]]:
    """Return the images unlike most cines of the examination (few, derived, of other settings), and the others."""
    moving = [cine for cine in cines if len(cine.moments) > 1]
    images = float(np.median([len(cine.moments) for cine in moving]))
    flip, echo = _usual([cine.flip_degrees for cine in moving]), _usual([cine.echo_ms for cine in moving])
    families = Counter(cine.family for cine in moving if cine.family)
    family = max(families, key=lambda one: (families[one], one), default="")

    def unlike(cine: Cine) -> bool:
        few = len(cine.moments) < _FEW_IMAGES * images
        others = (_apart(cine.flip_degrees, flip) > _OTHER_FLIP, _apart(cine.echo_ms, echo) > _OTHER_ECHO)
        return few or cine.derived or any(others) or (bool(cine.family) and cine.family != family)

    odd: list[Cine] = []
    like: list[Cine] = []
    for cine in cines:
        (odd if unlike(cine) else like).append(cine)
    return odd, like


def _shown_by_others(cine: Cine, others: Sequence[Cine]) -> bool:
    """Return whether another of the images lies in the plane, or a stack of them reaches to both its sides.

    A place of few images may be a slice that was stopped, so that a stack beside it does not count.
    """
    parallel = [one for one in others if abs(float(cine.normal @ one.normal)) >= _SAME_NORMAL]
    along = [float((one.middle_mm - cine.middle_mm) @ one.normal) for one in parallel]
    if any(abs(each) < _SAME_PLACE_MM for each in along):
        return True
    whole = len(parallel) >= _FEWEST_SLICES and min(along) < 0 < max(along)
    return whole and len(cine.moments) >= _FEW_IMAGES * float(np.median([len(one.moments) for one in parallel]))


def _usual(values: list[float | None]) -> float | None:
    known = [value for value in values if value]
    return float(np.median(known)) if known else None


def _apart(value: float | None, usual: float | None) -> float:
    """Return the ratio of two settings, 1 or more; 1 where one is not stated."""
    return max(value / usual, usual / value) if value and usual else 1.0


def _other_settings(cines: Sequence[Cine]) -> list[str]:
    if not cines:
        return []
    named = ", ".join(map(str, sorted({cine.acquired[0] for cine in cines})))
    return [
        f"{len(cines)} places (series {named}) have another sequence, flip angle, echo time or count of images than "
        "most cines; they or the others may be tagging or flow; look at the views"
    ]


def _notes(left: list[tuple[Cine, str]]) -> list[str]:
    series: dict[str, list[int]] = defaultdict(list)
    for cine, kind in left:
        series[kind].append(cine.acquired[0])
    notes = []
    for kind, numbers in sorted(series.items()):
        named = ", ".join(map(str, sorted(set(numbers))))
        notes.append(f"{len(numbers)} places of {kind} left aside (series {named})")
    return notes
