"""Figures of traits by group: box plots with p-values, hulls over days, and modes of growth curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.metrics.growth import CurveModes
from cxrfactory.roots.growth.looks import colour, groups_of, p_text, trait_label
from cxrfactory.roots.growth.plants import PlantSet
from cxrfactory.roots.growth.summary import HULLS

_COLUMNS = 4


def draw_traits(plants: PlantSet, summary: pd.DataFrame, tests: pd.DataFrame, output: Path) -> None:
    """Draw box plots of traits by group with every plant as a point, and the p-values of Mann and Whitney.

    Parameters
    ----------
    plants
        All plants.
    summary
        One row a plant.
    tests
        Tests between groups.
    output
        PNG file.
    """
    unit = plants.unit
    named = {
        f"main_length_{unit}": "main_length",
        f"laterals_length_{unit}": "laterals_length",
        f"total_length_{unit}": "total_length",
        "laterals": "laterals",
        "laterals_per_cm": "laterals_per_cm",
        "main_share": "main_share",
        "hull_area_mm2": "hull_area_mm2",
        "laterals_per_hull_mm": "laterals_per_hull_mm",
        "emergence_angle_deg": "emergence_angle_deg",
        "tip_angle_deg": "tip_angle_deg",
        "first_lateral_hours": "first_lateral_hours",
        f"main_mean_speed_{unit}_per_h": "main_mean_speed",
        "main_energy_24h": "main_energy_24h",
        "crossing_hours": "crossing_hours",
        f"crossing_difference_slope_{unit}_per_h": "crossing_difference_slope",
    }
    drawn = [name for name in named if name in summary.columns and pd.to_numeric(summary[name]).notna().any()]
    rows = -(-len(drawn) // _COLUMNS)
    figure, axes = pyplot().subplots(rows, _COLUMNS, figsize=(12, 3.1 * rows), layout="constrained", squeeze=False)
    groups, labels = list(groups_of(plants)), [plants.label(plant) for plant in plants.plants]
    for axis, name in zip(axes.flat, drawn, strict=False):
        values = [
            pd.to_numeric(summary.loc[[label == group for label in labels], name]).dropna().to_numpy(float)
            for group in groups
        ]
        _boxes(axis, values, groups)
        lines = _p_lines(tests[tests["trait"] == name])
        axis.set_title("\n".join([trait_label(named[name], unit), *lines]), fontsize=8)
    for axis in axes.flat[len(drawn) :]:
        axis.set_visible(False)
    figure.suptitle("Traits at the last picture, and of growth: each point is a plant; Mann-Whitney", fontsize=11)
    save_figure(figure, output)


def draw_hulls(plants: PlantSet, hulls: pd.DataFrame, tests: pd.DataFrame, output: Path) -> None:
    """Draw hull area and laterals' length per hull area over days, by group (figure 4 D and E)."""
    figure, axes = pyplot().subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    days = sorted(hulls["day"].unique())
    groups = list(groups_of(plants))
    of_plant = {(plant.plate, plant.plant): plants.label(plant) for plant in plants.plants}
    labels = [of_plant[key] for key in zip(hulls["plate"], hulls["plant"], strict=True)]
    for axis, trait in zip(axes, HULLS, strict=True):
        width = 0.8 / len(groups)
        for place, group in enumerate(groups):
            mine = hulls[[label == group for label in labels]]
            values = [pd.to_numeric(mine.loc[mine["day"] == day, trait]).dropna().to_numpy(float) for day in days]
            at = np.arange(len(days)) + (place - (len(groups) - 1) / 2) * width
            _boxes(axis, values, None, at, 0.8 * width, [place] * len(days))
            axis.plot([], [], color=colour(place), linewidth=6, alpha=0.5, label=group)
        found = tests[tests["trait"].isin([f"{trait} on day {day}" for day in days])]
        marks = dict(found.groupby("trait")["p_holm"].min()) if len(found) else {}
        names = [f"{day}\n{_stars(marks.get(f'{trait} on day {day}'))}" for day in days]
        axis.set_xticks(range(len(days)), names)
        axis.set_xlabel("days since the plate's first picture", fontsize=9)
        axis.set_title(trait_label(trait, plants.unit), fontsize=10)
    axes[0].legend(fontsize=9, loc="upper left")
    figure.suptitle("Convex hull by day; * and **: Mann-Whitney p < 0.05 and < 0.01, corrected over all traits (Holm)",
                    fontsize=11)  # fmt: skip
    save_figure(figure, output)


def draw_modes(plants: PlantSet, modes: dict[str, CurveModes], output: Path) -> None:
    """Draw the main modes of growth curves: the mean, and the mean plus and minus two deviations of each score."""
    timed = [plant for plant in plants.plants if plant.hours.size > 1]
    figure, axes = pyplot().subplots(len(modes), 4, figsize=(14, 3.1 * len(modes)), layout="constrained", squeeze=False)
    for row, (trait, found) in zip(axes, modes.items(), strict=True):
        for number, axis in enumerate(row[:3]):
            if number >= found.explained.size:
                axis.set_visible(False)
                continue
            spread = 2 * found.scores[:, number].std(ddof=1)
            axis.plot(found.hours, found.mean, color="black", linewidth=1.5, label="mean")
            for sign, style, colour_of in ((1, "-", colour(0)), (-1, "--", colour(1))):
                axis.plot(found.hours, found.mean + sign * spread * found.components[number], style, color=colour_of,
                          label=f"{'+' if sign > 0 else '-'} 2 standard deviations")  # fmt: skip
            axis.set_title(f"component {number + 1}: {found.explained[number]:.1%} of the variance", fontsize=9)
            axis.set_xlabel("hours", fontsize=8)
        row[0].set_ylabel(trait_label(trait, plants.unit), fontsize=9)
        _scores(row[3], [plants.label(plant) for plant in timed], found, list(groups_of(plants)))
    axes[0, 0].legend(fontsize=8, loc="upper left")
    axes[0, 3].legend(fontsize=8)
    figure.suptitle("Main modes in which growth curves of plants differ (functional principal components)", fontsize=11)
    save_figure(figure, output)


def _scores(axis: Any, labels: Sequence[str], found: CurveModes, groups: Sequence[str]) -> None:
    second = found.scores[:, 1] if found.explained.size > 1 else np.zeros(len(labels))
    for place, group in enumerate(groups):
        mine = np.array([label == group for label in labels])
        axis.scatter(found.scores[mine, 0], second[mine], s=18, color=colour(place), marker="os^Dv<>"[place % 7],
                     label=group)  # fmt: skip
    axis.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    axis.axvline(0, color="0.85", linewidth=0.8, zorder=0)
    axis.set_title("plants: scores 1 and 2", fontsize=9)
    axis.set_xlabel("score 1", fontsize=8)
    axis.set_ylabel("score 2", fontsize=8)


def _boxes(
    axis: Any,
    values: Sequence[np.ndarray],
    labels: Sequence[str] | None,
    places: Sequence[float] | None = None,
    width: float = 0.5,
    looks: Sequence[int] | None = None,
) -> None:
    """Draw a box for each array, and its values as points that are spread by their order."""
    places = range(len(values)) if places is None else places
    looks = range(len(values)) if looks is None else looks
    drawn = axis.boxplot(list(values), positions=list(places), widths=width, showfliers=False, patch_artist=True,
                         medianprops={"color": "black"}, manage_ticks=False)  # fmt: skip
    for box, of_group in zip(drawn["boxes"], looks, strict=True):
        box.set(facecolor=colour(of_group), alpha=0.45)
    for place, mine, of_group in zip(places, values, looks, strict=True):
        spread = (np.arange(mine.size) * 0.618034 % 1 - 0.5) * 0.6 * width
        axis.scatter(place + spread, mine, s=8, color=colour(of_group), edgecolors="black", linewidths=0.3, zorder=3)
    if labels is not None:
        names = [f"{label}\n(n = {mine.size})" for label, mine in zip(labels, values, strict=True)]
        axis.set_xticks(list(places), names, fontsize=8)
        axis.set_xlim(-0.6, len(values) - 0.4)


def _p_lines(tests: pd.DataFrame) -> list[str]:
    """Return a line with the p-value of two groups, or with the least one of several pairs of groups."""
    if tests.empty:
        return []
    known = tests.dropna(subset=["p_mann_whitney"])
    if known.empty:
        return ["no test"]
    row = known.loc[known["p_mann_whitney"].astype(float).idxmin()]
    if len(tests) > 1:
        return [f"least p of {len(tests)} pairs: {row['p_mann_whitney']:.2g}, corrected: {row['p_holm']:.2g}"]
    return [f"{p_text(row['p_mann_whitney'])}, corrected {p_text(row['p_holm'])}"]


def _stars(p: float | None) -> str:
    return "" if p is None or not p < 0.05 else "**" if p < 0.01 else "*"
