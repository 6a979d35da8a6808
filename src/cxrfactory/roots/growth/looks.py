"""Colours, names and common parts of the figures of growth."""

from typing import Any

import numpy as np
from jaxtyping import Float

from cxrfactory.metrics.growth import DAY, usual_gap
from cxrfactory.roots.growth.plants import Plant, PlantSet

# The colour-blind-safe palette of Okabe and Ito (2008), without the yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")
MOST_POINTS = 1000  # times of a mean curve
ROOT_NAMES = {"main": "main root", "laterals": "laterals, summed", "total": "all roots"}


def trait_label(trait: str, unit: str) -> str:
    """Return the name of a trait in plain words, with its unit."""
    return {
        "main_length": f"length of main root, {unit}",
        "laterals_length": f"length of laterals, {unit}",
        "total_length": f"length of all roots, {unit}",
        "laterals": "number of laterals",
        "laterals_per_cm": "laterals per cm of main root",
        "main_share": "main root / all roots",
        "hull_area_mm2": "area of convex hull, mm²",
        "laterals_per_hull_mm": "laterals' length / hull area, 1/mm",
        "emergence_angle_deg": "emergence angle, degrees",
        "tip_angle_deg": "tip angle, degrees",
        "first_lateral_hours": "first lateral, h",
        "main_mean_speed": f"mean speed of main root, {unit}/h",
        "main_energy_24h": "main root, energy at 1/24 h",
        "crossing_hours": "laterals as long as main root, h",
        "crossing_difference_slope": f"slope of main - laterals there, {unit}/h",
    }[trait]


def groups_of(plants: PlantSet) -> dict[str, list[Plant]]:
    """Return the plants by the label of their group in the order of the alphabet; those without one come last."""
    labels = sorted(
        {plants.label(plant) for plant in plants.plants}, key=lambda name: (name not in plants.groups, name)
    )
    return {name: [plant for plant in plants.plants if plants.label(plant) == name] for name in labels}


def look(place: int) -> dict[str, Any]:
    """Return colour and line style of the group with this place in the order."""
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": STYLES[place // len(COLOURS) % len(STYLES)]}


def colour(place: int) -> str:
    """Return the colour of the group with this place in the order."""
    return COLOURS[place % len(COLOURS)]


def common_times(plants: list[Plant]) -> Float[np.ndarray, " times"]:
    """Return even times that cover the pictures of all plants, about as far apart as these are."""
    steps = np.concatenate([np.diff(plant.hours) for plant in plants])
    start, end = min(plant.hours[0] for plant in plants), max(plant.hours[-1] for plant in plants)
    number = round((end - start) / float(np.median(steps))) if steps.size else 0
    return np.linspace(start, end, min(max(number, 1), MOST_POINTS) + 1)


def at_times(plant: Plant, values: np.ndarray, times: np.ndarray) -> Float[np.ndarray, " times"]:
    """Interpolate a plant's values linearly; NaN outside its pictures, in gaps, and where no value is known."""
    known = np.isfinite(values)
    if known.sum() < 2:
        return np.full(times.shape, np.nan)
    hours = plant.hours[known]
    after = np.clip(np.searchsorted(hours, times), 1, hours.size - 1)
    found = np.interp(times, hours, values[known], left=np.nan, right=np.nan)
    return np.where(hours[after] - hours[after - 1] > usual_gap(hours), np.nan, found)


def draw_band(axis: Any, times: np.ndarray, curves: np.ndarray, name: str, place: int, marker: str = "") -> None:
    """Draw the mean over plants, with a band of one standard deviation where two or more plants have values."""
    count = np.isfinite(curves).sum(axis=0)
    filled = np.where(np.isfinite(curves), curves, 0.0)
    mean = np.where(count > 0, filled.sum(axis=0) / np.maximum(count, 1), np.nan)
    squares = np.where(np.isfinite(curves), (curves - mean) ** 2, 0.0).sum(axis=0)
    deviation = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
    axis.plot(times, mean, label=f"{name} (n = {len(curves)})", linewidth=1.6, marker=marker, **look(place))
    axis.fill_between(times, mean - deviation, mean + deviation, color=colour(place), alpha=0.2, linewidth=0)


def mark_days(axis: Any, end: float) -> None:
    """Draw a vertical line for each day, or for every second, fifth ... day of a long series."""
    days = end / DAY
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10**6) if days / step <= 20)
    for day in np.arange(0, days + 1e-9, every):
        axis.axvline(day * DAY, color="0.85", linewidth=0.8, zorder=0)


def p_text(p: float) -> str:
    """Return a p-value with two significant digits, or "p < 0.0001"."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
