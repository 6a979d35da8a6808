"""Growth of roots over time: speeds, rhythms, the time when laterals overtake the main root, and main modes of curves.

All functions take the times of one plant in hours, ascending, without two equal ones; they need not be evenly spaced.
Lengths may be in any unit; speeds are in that unit per hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError

DAY = 24.0
HALF_DAY = 12.0
SPEED_WINDOW = 6.0  # hours over which a line is fitted to the length
LONGEST_GAP = 12.0  # hours between two pictures, above which there is a gap, and at least three usual steps
SPECTRUM_WINDOW = 168.0  # hours, 7 days as in the paper
SHORTEST_SPECTRUM = 48.0
SLOWEST_PERIOD = 36.0  # hours; slower changes are growth itself and not a rhythm
CROSSING_WINDOW = 24.0  # hours on each side of the crossing, as in the paper
FPCA_POINTS = 100
_LEAST_EXPLAINED = 1e-6  # share of the variance; a smaller component is rounding


def usual_gap(hours: Float[np.ndarray, " n"]) -> float:
    """Return the hours between two pictures above which there is a gap: 12, or three times the median step if more."""
    return max(LONGEST_GAP, 3 * _median_step(hours))


def growth_speed(
    hours: Float[np.ndarray, " n"],
    lengths: Float[np.ndarray, " n"],
    window: float = SPEED_WINDOW,
    longest_gap: float | None = None,
) -> Float[np.ndarray, " n"]:
    """Estimate the growth speed at every time: the slope of a line fitted to the lengths around it.

    The line is the least-squares fit to all values within half a window on both sides, and at least to the value before
    and the one after. A window does not reach over a gap, and at the ends of the series and beside a gap it holds the
    values of one side only. With a picture every 15 minutes, a window of 6 hours keeps 93 % of the amplitude of a daily
    oscillation and 76 % of that of 12 hours.

    Parameters
    ----------
    hours, lengths
        Times and lengths; a NaN length is left out of the fits.
    window
        Hours over which the line is fitted.
    longest_gap
        Two pictures that are further apart, in hours, have a gap between them; None for :func:`usual_gap`.

    Returns
    -------
    Speeds in units of length per hour; NaN where a picture is alone between two gaps.
    """
    hours, lengths = _checked(hours, lengths)
    speeds = np.full(hours.size, np.nan)
    longest_gap = usual_gap(hours) if longest_gap is None else longest_gap
    for run in _runs(hours, lengths, longest_gap):
        if run.size < 2:
            continue
        times, values, places = hours[run], lengths[run], np.arange(run.size)
        starts = np.searchsorted(times, times - window / 2 - 1e-9, "left")
        ends = np.searchsorted(times, times + window / 2 + 1e-9, "right")
        starts = np.maximum(np.minimum(starts, places - 1), 0)  # the two neighbours belong to every window
        counts = np.minimum(np.maximum(ends, places + 2), run.size) - starts
        for count in np.unique(counts):
            alike = np.flatnonzero(counts == count)
            windows = starts[alike, None] + np.arange(count)
            speeds[run[alike]] = _slopes(times[windows], values[windows])
    return speeds


def step_speed(
    hours: Float[np.ndarray, " n"], lengths: Float[np.ndarray, " n"], longest_gap: float | None = None
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Compute the mean speed between every two successive pictures; nothing is smoothed, and gaps are left out.

    Returns
    -------
    tuple
        Times in the middle between two pictures, in hours, and speeds in units of length per hour.
    """
    hours, lengths = _checked(hours, lengths)
    known = np.isfinite(lengths)
    hours, lengths = hours[known], lengths[known]
    steps = np.diff(hours)
    kept = steps <= (usual_gap(hours) if longest_gap is None else longest_gap)
    return (hours[:-1] + steps / 2)[kept], np.diff(lengths)[kept] / steps[kept]


@dataclass(frozen=True)
class Spectrum:
    """Rhythms of a growth speed in one window of time.

    Attributes
    ----------
    start, end
        The window, in hours; its length is a number of whole days, so that 1/24 h and 1/12 h are exact frequencies.
    frequencies
        Frequencies, in 1/h, ascending from the first above 0.
    amplitudes
        Amplitude of the oscillation at each frequency, in the unit of the speeds.
    energies
        Energy at each frequency over the sum of the energies of all periods up to :data:`SLOWEST_PERIOD`; NaN for
        slower ones, and everywhere if the speed is constant.
    energy_24h, energy_12h, amplitude_24h, amplitude_12h
        Entries at 1/24 h and 1/12 h; None where the pictures are too far apart to show the period, and energies of a
        constant speed.
    dominant_period
        Period with the largest energy, in hours; None if the speed is constant.
    """

    start: float
    end: float
    frequencies: Float[np.ndarray, " f"]
    amplitudes: Float[np.ndarray, " f"]
    energies: Float[np.ndarray, " f"]
    energy_24h: float | None
    energy_12h: float | None
    amplitude_24h: float | None
    amplitude_12h: float | None
    dominant_period: float | None


def spectrum(
    hours: Float[np.ndarray, " n"],
    speeds: Float[np.ndarray, " n"],
    end: float | None = None,
    window: float = SPECTRUM_WINDOW,
    longest_gap: float = LONGEST_GAP,
) -> Spectrum | None:
    """Decompose a growth speed into oscillations (fast Fourier transform).

    The speeds in the window are interpolated linearly to even times, about as far apart as the median of the given
    ones; the fitted straight line is then subtracted. The energy is normalised, as in the paper: it is the share of
    the variance of all periods of 36 h and less.

    Parameters
    ----------
    hours, speeds
        Times and speeds without smoothing (:func:`step_speed`); a NaN speed is left out.
    end
        End of the window, in hours; None for the last time.
    window
        Length of the window, in hours. A series that is shorter but lasts two days or more is taken as a whole, cut at
        its beginning to whole days.
    longest_gap
        A window with a longer gap, in hours, has no spectrum.

    Returns
    -------
    The spectrum, or None where the series is shorter than two days or has a gap in the window.
    """
    hours, speeds = _checked(hours, speeds)
    known = np.isfinite(speeds)
    hours, speeds = hours[known], speeds[known]
    if hours.size < 4:
        return None
    end = float(hours[-1]) if end is None else end
    step = _median_step(hours)
    lasts = min(end, float(hours[-1])) - float(hours[0]) + step  # each speed stands for the step around it
    days = np.floor(min(lasts, window) / DAY + 1e-6)
    if days * DAY < SHORTEST_SPECTRUM or end > hours[-1] + step:
        return None
    number = round(days * DAY / step)
    even = end - days * DAY / number * np.arange(number - 1, -1, -1.0)
    inside = hours[(hours >= even[0] - longest_gap) & (hours <= even[-1] + longest_gap)]
    if number < 4 or inside.size < 2 or _widest_gap(inside, even[0], even[-1]) > longest_gap:
        return None
    values = np.interp(even, hours, speeds)
    line = np.polynomial.Polynomial.fit(even, values, 1)
    rest = values - line(even)
    coefficients = np.fft.rfft(rest)[1:]
    frequencies = np.arange(1, coefficients.size + 1) / (days * DAY)
    power = np.abs(coefficients) ** 2
    if number % 2 == 0:
        power[-1] /= 2  # the last frequency has no twin of negative sign
    fast = frequencies >= 1 / SLOWEST_PERIOD - 1e-12
    whole = float(power[fast].sum())
    constant = whole <= (1e-9 * number * max(float(np.abs(values).max()), 1e-12)) ** 2
    energies = np.where(fast, power / whole, np.nan) if not constant else np.full(power.shape, np.nan)
    amplitudes = 2 * np.abs(coefficients) / number
    return Spectrum(
        start=float(even[0]),
        end=float(end),
        frequencies=frequencies,
        amplitudes=amplitudes,
        energies=energies,
        energy_24h=_entry(energies, int(days), number),
        energy_12h=_entry(energies, 2 * int(days), number),
        amplitude_24h=_entry(amplitudes, int(days), number),
        amplitude_12h=_entry(amplitudes, 2 * int(days), number),
        dominant_period=None if constant else float(1 / frequencies[int(np.nanargmax(energies))]),
    )


@dataclass(frozen=True)
class Crossing:
    """The time when the laterals together become as long as the main root.

    Attributes
    ----------
    hours
        The time, interpolated linearly between two pictures.
    length
        Length of the main root at this time, in the unit of the lengths.
    laterals_slope
        Slope of a line fitted to the laterals' length within a day on both sides, in units of length per hour; None
        where the pictures cover less than half a day on a side.
    difference_slope
        The same of main root minus laterals (the paper's figure 3E).
    difference_rate
        Main root minus laterals, its rate of change between the two pictures around the crossing (figure 3D).
    """

    hours: float
    length: float
    laterals_slope: float | None
    difference_slope: float | None
    difference_rate: float


def crossing(
    hours: Float[np.ndarray, " n"],
    main: Float[np.ndarray, " n"],
    laterals: Float[np.ndarray, " n"],
    window: float = CROSSING_WINDOW,
) -> Crossing | None:
    """Find the first time at which the laterals together become as long as the main root.

    Parameters
    ----------
    hours, main, laterals
        Times, lengths of the main root and summed lengths of the laterals; a time with a NaN is left out.
    window
        Hours on both sides over which the slopes are fitted.

    Returns
    -------
    The crossing, or None where the laterals stay shorter, or are as long as the main root in the first picture.
    """
    hours, main = _checked(hours, main)
    laterals = _checked(hours, laterals)[1]
    known = np.isfinite(main) & np.isfinite(laterals)
    hours, main, laterals = hours[known], main[known], laterals[known]
    difference = main - laterals
    crossed = np.flatnonzero((difference[:-1] > 0) & (difference[1:] <= 0))
    if not crossed.size:
        return None
    at = int(crossed[0])
    share = difference[at] / (difference[at] - difference[at + 1])
    time = float(hours[at] + share * (hours[at + 1] - hours[at]))
    near = np.abs(hours - time) <= window + 1e-9
    covered = near.sum() >= 3 and hours[near][0] <= time - window / 2 and hours[near][-1] >= time + window / 2
    return Crossing(
        hours=time,
        length=float(main[at] + share * (main[at + 1] - main[at])),
        laterals_slope=float(_slopes(hours[near], laterals[near])) if covered else None,
        difference_slope=float(_slopes(hours[near], difference[near])) if covered else None,
        difference_rate=float((difference[at + 1] - difference[at]) / (hours[at + 1] - hours[at])),
    )


def value_at(
    hours: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"], time: float, within: float = HALF_DAY
) -> float | None:
    """Return the value of the picture nearest to a time, the earlier of two; None without one ``within`` hours."""
    hours, values = _checked(hours, values)
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return None
    nearest = known[int(np.argmin(np.abs(hours[known] - time)))]
    return float(values[nearest]) if abs(hours[nearest] - time) <= within + 1e-9 else None


@dataclass(frozen=True)
class CurveModes:
    """Main modes in which the curves of plants differ (functional principal components).

    Attributes
    ----------
    hours
        The common times, ``[points]``.
    mean
        Mean curve at these times.
    components
        ``[components, points]``; the mean of the square of each over time is 1, and their product has mean 0. The sign
        is such that the value with the largest magnitude is positive.
    scores
        ``[plants, components]``, in the unit of the curves: a plant's curve is about the mean curve plus each score
        times its component.
    explained
        Share of the variance over plants that each component explains.
    """

    hours: Float[np.ndarray, " points"]
    mean: Float[np.ndarray, " points"]
    components: Float[np.ndarray, "components points"]
    scores: Float[np.ndarray, "plants components"]
    explained: Float[np.ndarray, " components"]


def curve_modes(
    hours: Sequence[Float[np.ndarray, " n"]],
    curves: Sequence[Float[np.ndarray, " n"]],
    points: int = FPCA_POINTS,
    most: int = 3,
) -> CurveModes | None:
    """Find the main modes in which curves differ (functional principal component analysis).

    Each curve is interpolated linearly to ``points`` even times from the latest start to the earliest end of all
    curves. The components are those of the curves minus their mean, with the mean over time as inner product.

    Returns
    -------
    At most ``most`` components; None for fewer than three curves, without common times, or for equal curves.
    """
    if len(curves) < 3:
        return None
    start, end = max(each[0] for each in hours), min(each[-1] for each in hours)
    if not end > start:
        return None
    grid = np.linspace(start, end, points)
    sampled = np.array([np.interp(grid, *_checked(time, curve)) for time, curve in zip(hours, curves, strict=True)])
    weights = np.full(points, 1 / (points - 1))
    weights[[0, -1]] /= 2  # trapezoids
    mean = sampled.mean(axis=0)
    rest = (sampled - mean) * np.sqrt(weights)
    left, sizes, right = np.linalg.svd(rest, full_matrices=False)
    floor = max(1e-9 * float(np.abs(sampled).max()), np.sqrt(_LEAST_EXPLAINED) * float(np.hypot.reduce(sizes)))
    kept = min(most, len(curves) - 1, int(np.count_nonzero(sizes > floor)))
    if not kept:
        return None
    components = right[:kept] / np.sqrt(weights)
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(kept), largest])
    return CurveModes(
        hours=grid,
        mean=mean,
        components=components * signs[:, None],
        scores=left[:, :kept] * sizes[:kept] * signs,
        explained=sizes[:kept] ** 2 / (sizes**2).sum(),
    )


def _checked(hours: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hours, values = np.asarray(hours, np.float64), np.asarray(values, np.float64)
    if hours.ndim != 1 or values.shape != hours.shape:
        raise CxrError(f"times of shape {hours.shape} and values of shape {values.shape}; expected one value a time")
    if not np.isfinite(hours).all() or (np.diff(hours) <= 0).any():
        raise CxrError("times are not ascending, or two are equal; expected the times of one plant in order")
    return hours, values


def _median_step(hours: np.ndarray) -> float:
    return float(np.median(np.diff(hours))) if len(hours) > 1 else 0.0


def _runs(hours: np.ndarray, values: np.ndarray, longest_gap: float) -> list[np.ndarray]:
    """Return the places of the known values, split at the gaps."""
    known = np.flatnonzero(np.isfinite(values))
    return np.split(known, np.flatnonzero(np.diff(hours[known]) > longest_gap) + 1)


def _slopes(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the slopes of lines fitted to the last axis."""
    centred = times - times.mean(axis=-1, keepdims=True)
    rest = values - values.mean(axis=-1, keepdims=True)
    return (centred * rest).sum(axis=-1) / (centred**2).sum(axis=-1)


def _widest_gap(hours: np.ndarray, start: float, end: float) -> float:
    """Return the widest distance between successive times; an end of the window may lie outside of them."""
    return float(max(np.diff(hours).max(), hours[0] - start, end - hours[-1]))


def _entry(values: np.ndarray, cycles: int, number: int) -> float | None:
    """Return the entry of a number of cycles in the window; None if it is NaN, or has only two values in a cycle."""
    return None if number <= 2 * cycles or np.isnan(values[cycles - 1]) else float(values[cycles - 1])
