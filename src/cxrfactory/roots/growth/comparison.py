"""Comparison of groups of plants: tests of each trait, and the main modes of growth curves."""

from dataclasses import asdict, fields
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.metrics.group_tests import GroupTest, compare_groups, holm_over
from cxrfactory.metrics.growth import CurveModes, curve_modes
from cxrfactory.roots.growth.plants import LENGTHS, PlantSet

CURVES = (*LENGTHS, "laterals")
SCORES = ("score_1", "score_2", "score_3")
_NOT_TRAITS = ("plate", "plant", "group", "pictures", "first_hours", "last_hours", "flagged_pictures", "day")


def modes_of(plants: PlantSet) -> dict[str, CurveModes]:
    """Find the main modes of the curves of lengths and of the number of laterals; curves without modes are left out."""
    timed = [plant for plant in plants.plants if plant.hours.size > 1]
    found = {trait: curve_modes([plant.hours for plant in timed], [plant.values[trait] for plant in timed])
             for trait in CURVES}  # fmt: skip
    return {trait: modes for trait, modes in found.items() if modes is not None}


def score_table(plants: PlantSet, modes: dict[str, CurveModes]) -> pd.DataFrame:
    """Return the scores of every plant: one row for each trait and plant; absent components are NaN."""
    timed = [plant for plant in plants.plants if plant.hours.size > 1]
    rows = []
    for trait, found in modes.items():
        for plant, scores in zip(timed, found.scores, strict=True):
            padded = np.full(len(SCORES), np.nan)
            padded[: scores.size] = scores
            rows.append({"trait": trait} | dict(plant.key) | dict(zip(SCORES, padded, strict=True)))
    return pd.DataFrame(rows, columns=["trait", "plate", "plant", "group", *SCORES])


def mode_table(modes: dict[str, CurveModes]) -> pd.DataFrame:
    """Return mean curve and components at the common times, with the share of the variance that each explains."""
    rows = [
        {"trait": trait, "component": number + 1, "explained": found.explained[number], "hours": hours,
         "mean": found.mean[place], "value": found.components[number, place]}
        for trait, found in modes.items()
        for number in range(found.explained.size)
        for place, hours in enumerate(found.hours)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["trait", "component", "explained", "hours", "mean", "value"])


def comparison_table(plants: pd.DataFrame, hulls: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Compare every two groups by every trait, the hulls of each day, and the scores of each curve's modes.

    Parameters
    ----------
    plants
        One row a plant that has roots.
    hulls
        One row a plant and day.
    scores
        One row a plant and curve.

    Returns
    -------
    One row for each trait and two groups; ``p_holm`` corrects the test of Mann and Whitney over all rows. Plants
    without a group take no part. The table is empty with fewer than two groups.
    """
    named: list[tuple[str, GroupTest]] = []
    for trait in [name for name in plants.columns if name not in _NOT_TRAITS]:
        named += _tests(trait, plants, trait)
    for day, rows in hulls.groupby("day"):
        for trait in [name for name in hulls.columns if name not in _NOT_TRAITS]:
            named += _tests(f"{trait} on day {day}", rows, trait)
    for trait, rows in scores.groupby("trait", sort=False):
        for score in SCORES:
            named += _tests(f"curve of {trait}, {score.replace('_', ' ')}", rows, score)
    corrected = holm_over([test for _, test in named])
    columns = [each.name for each in fields(GroupTest)]
    place = columns.index("p_mann_whitney") + 1
    rows = [{"trait": trait} | asdict(test) | {"p_holm": p} for (trait, test), p in zip(named, corrected, strict=True)]
    return pd.DataFrame(rows, columns=["trait", *columns[:place], "p_holm", *columns[place:]])


def _tests(trait: str, rows: pd.DataFrame, column: str) -> list[tuple[str, GroupTest]]:
    grouped = rows[rows["group"].notna()]
    values = pd.to_numeric(grouped[column]).to_numpy(float)
    if not np.isfinite(values).any():
        return []
    return [(trait, test) for test in compare_groups(values, list(grouped["group"]), list(grouped["plate"]))]


def notes_on(plants: PlantSet, tests: pd.DataFrame, modes: dict[str, CurveModes]) -> list[str]:
    """Return what a reader must know about the results, as whole sentences."""
    notes = list(plants.notes)
    if not plants.over_time:
        notes.append("Every plate has one picture, therefore there are no speeds, rhythms, crossings or modes of "
                     "curves.")  # fmt: skip
    grown = plants.with_roots.plants
    if bare := len(plants.plants) - len(grown):
        notes.append(f"{bare} of {len(plants.plants)} plants show no root in any picture and take no part in tests and "
                     f"modes of curves.")  # fmt: skip
    ends: dict[str, Any] = {}
    for plant in plants.plants:
        ends[plant.plate] = max(ends.get(plant.plate, 0.0), float(plant.hours[-1]))
    if max(ends.values()) - min(ends.values()) > 12:
        notes.append(f"The plates end at different times, {min(ends.values()):.1f} to {max(ends.values()):.1f} hours "
                     f"after their first pictures. Final values are those of each plant's last picture.")  # fmt: skip
    without = sum(plant.group is None for plant in plants.plants)
    if len(plants.groups) < 2:
        notes.append(f"There are {len(plants.groups)} groups, therefore no tests; give a table of groups with two or "
                     f"more.")  # fmt: skip
    elif without:
        notes.append(f"{without} plants have no group and take no part in tests.")
    for note in dict.fromkeys(each for cell in tests["note"] for each in cell.split("; ") if each):
        count = sum(note in cell.split("; ") for cell in tests["note"])
        notes.append(f"In {count} of {len(tests)} comparisons: {note}.")
    if modes:
        common = next(iter(modes.values())).hours
        first, last = min(plant.hours[0] for plant in grown), max(plant.hours[-1] for plant in grown)
        if common[0] - first > 12 or last - common[-1] > 12:
            covered = (
                f"{common[0]:.1f} to {common[-1]:.1f} hours, which all plants have, of {first:.1f} to {last:.1f} hours"
            )
            notes.append(f"The modes of curves cover {covered}.")
    if plants.over_time and not modes:
        notes.append("There are no modes of curves: they need three plants with different curves and common times.")
    return notes
