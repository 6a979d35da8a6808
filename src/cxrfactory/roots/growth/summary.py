"""Rows of the growth tables: each plant's traits, its speeds and rhythms, and hulls at fixed days."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxrfactory.metrics.growth import (
    DAY,
    HALF_DAY,
    SPECTRUM_WINDOW,
    Spectrum,
    crossing,
    growth_speed,
    spectrum,
    step_speed,
    value_at,
)
from cxrfactory.roots.growth.plants import LENGTHS, OTHERS, Plant, PlantSet

DAYS = tuple(range(8, 15))  # as in the paper
ROOTS = {"main": "main_length", "laterals": "laterals_length", "total": "total_length"}
HULLS = ("hull_area_mm2", "laterals_per_hull_mm")


def plant_row(plant: Plant, unit: str, over_time: bool) -> dict[str, Any]:
    """Summarise a plant: traits of its last picture and, if there are pictures of several times, its growth."""
    row: dict[str, Any] = dict(plant.key) | {"pictures": plant.hours.size}
    row |= {"first_hours": plant.hours[0], "last_hours": plant.hours[-1]} if over_time else {}
    row |= {f"{name}_{unit}": plant.values[name][-1] for name in LENGTHS}
    row |= {name: plant.values[name][-1] for name in OTHERS}
    row |= _growth(plant, unit) if over_time else {}
    return row | {"flagged_pictures": sum(bool(flags) for flags in plant.flags)}


def spectra_of(plant: Plant) -> dict[str, Spectrum | None]:
    """Decompose the speeds of main root, laterals and all roots in the last 7 days, or in the whole shorter series."""
    return {root: spectrum(*step_speed(plant.hours, plant.values[trait])) for root, trait in ROOTS.items()}


def spectrum_rows(plant: Plant, unit: str) -> list[dict[str, Any]]:
    """Return amplitude and energy at every frequency, for each kind of root."""
    return [
        dict(plant.key)
        | {"root": root, "frequency_per_h": frequency, f"amplitude_{unit}_per_h": amplitude, "energy": energy}
        for root, found in spectra_of(plant).items()
        if found is not None
        for frequency, amplitude, energy in zip(found.frequencies, found.amplitudes, found.energies, strict=True)
    ]


def energy_rows(plant: Plant) -> list[dict[str, Any]]:
    """Return the energies at 1/24 h and 1/12 h in windows of 7 days, or in the whole shorter series.

    The windows end at the last picture and every 12 hours before it, and all have their full length.
    """
    rows = []
    for root, trait in ROOTS.items():
        times, speeds = step_speed(plant.hours, plant.values[trait])
        if times.size < 2:
            continue
        whole = float(times[-1] - times[0])
        for step in range(int(max(0.0, whole - SPECTRUM_WINDOW) // HALF_DAY) + 1):
            found = spectrum(times, speeds, end=float(times[-1]) - step * HALF_DAY)
            if found is not None:
                rows.append(dict(plant.key) | {"root": root, "middle_hours": (found.start + found.end) / 2,
                                               "energy_24h": found.energy_24h,
                                               "energy_12h": found.energy_12h})  # fmt: skip
    return sorted(rows, key=lambda row: (row["root"], row["middle_hours"]))


def speeds_of(plant: Plant) -> dict[str, np.ndarray]:
    """Return the smoothed growth speed of each kind of root, one value for each picture, in units per hour."""
    return {root: growth_speed(plant.hours, plant.values[trait]) for root, trait in ROOTS.items()}


def speed_rows(plant: Plant, unit: str) -> list[dict[str, Any]]:
    """Return the smoothed growth speeds of a plant, one row for each picture."""
    speeds = speeds_of(plant)
    return [
        dict(plant.key)
        | {"frame": int(frame), "hours": hours}
        | {f"{root}_speed_{unit}_per_h": speeds[root][place] for root in ROOTS}
        for place, (frame, hours) in enumerate(zip(plant.frames, plant.hours, strict=True))
    ]


def hull_rows(plant: Plant, days: Sequence[int] = DAYS) -> list[dict[str, Any]]:
    """Return hull area and laterals' length per hull area at fixed days after the plate's first picture.

    The values are those of the nearest picture within half a day; days without one are left out.
    """
    rows = []
    for day in days:
        found = {name: value_at(plant.hours, plant.values[name], day * DAY) for name in HULLS}
        if any(value is not None for value in found.values()):
            rows.append(dict(plant.key) | {"day": day} | found)
    return rows


def flag_rows(plants: PlantSet) -> list[dict[str, Any]]:
    """Return the pictures to look at: those with most flags first, then in the order of plates, plants and time."""
    rows = [
        {"plate": plant.plate, "plant": plant.plant, "frame": int(frame), "hours": hours, "number": len(flags),
         "flags": " ".join(sorted(flags))}
        for plant in plants.plants
        for frame, hours, flags in zip(plant.frames, plant.hours, plant.flags, strict=True)
        if flags
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row["number"])


def _growth(plant: Plant, unit: str) -> dict[str, Any]:
    emerged = plant.emergence_hours
    known = bool(emerged.size) and not np.isnan(emerged).any()  # NaN: before the first picture, at an unknown time
    row: dict[str, Any] = {"first_lateral_hours": emerged[0] if known else None}
    speeds = speeds_of(plant)
    lasts = plant.hours[-1] - plant.hours[0]
    for root, trait in ROOTS.items():
        grown = plant.values[trait][-1] - plant.values[trait][0]
        fastest = speeds[root][np.isfinite(speeds[root])]
        row[f"{root}_mean_speed_{unit}_per_h"] = grown / lasts if lasts > 0 else None
        row[f"{root}_top_speed_{unit}_per_h"] = fastest.max() if fastest.size else None
    for root, found in spectra_of(plant).items():
        row[f"{root}_energy_24h"] = None if found is None else found.energy_24h
        row[f"{root}_energy_12h"] = None if found is None else found.energy_12h
        row[f"{root}_amplitude_24h_{unit}_per_h"] = None if found is None else found.amplitude_24h
        row[f"{root}_amplitude_12h_{unit}_per_h"] = None if found is None else found.amplitude_12h
        row[f"{root}_period_h"] = None if found is None else found.dominant_period
    met = crossing(plant.hours, plant.values["main_length"], plant.values["laterals_length"])
    return row | {
        "crossing_hours": None if met is None else met.hours,
        f"crossing_length_{unit}": None if met is None else met.length,
        f"crossing_laterals_slope_{unit}_per_h": None if met is None else met.laterals_slope,
        f"crossing_difference_slope_{unit}_per_h": None if met is None else met.difference_slope,
        f"crossing_difference_rate_{unit}_per_h": None if met is None else met.difference_rate,
    }
