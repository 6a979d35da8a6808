"""Figures of rhythms: spectra of growth speeds, and energies at 24 and 12 hours over time, by group."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.roots.growth.looks import ROOT_NAMES, draw_band, groups_of
from cxrfactory.roots.growth.plants import PlantSet

_FASTEST = 1 / 4  # 1/h, the highest frequency that is drawn
_PERIODS = {24: "1/24 h", 12: "1/12 h"}


def draw_spectrum(plants: PlantSet, spectra: pd.DataFrame, output: Path) -> None:
    """Draw the amplitude of growth speed at each frequency (figure 5 C), by kind of root and group.

    Parameters
    ----------
    plants
        All plants.
    spectra
        Rows of plant, kind of root and frequency.
    output
        PNG file.
    """
    figure, axes = pyplot().subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    for axis, (root, title) in zip(axes, ROOT_NAMES.items(), strict=True):
        rows = spectra[(spectra["root"] == root) & (spectra["frequency_per_h"] <= _FASTEST)]
        _draw_groups(axis, plants, rows, "frequency_per_h", f"amplitude_{plants.unit}_per_h")
        for period, name in _PERIODS.items():
            axis.axvline(1 / period, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
            axis.annotate(name, (1 / period, 0.97), xycoords=("data", "axes fraction"), xytext=(3, 0),
                          textcoords="offset points", fontsize=8, color="0.3", va="top")  # fmt: skip
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("frequency, 1/h", fontsize=9)
        axis.set_ylim(bottom=0)
    axes[0].set_ylabel(f"amplitude of growth speed, {plants.unit}/h", fontsize=9)
    axes[0].legend(fontsize=9, loc="center right")
    figure.suptitle("Spectrum of growth speed in the last 7 days, or in the whole shorter series", fontsize=11)
    save_figure(figure, output)


def draw_energies(plants: PlantSet, energies: pd.DataFrame, output: Path) -> None:
    """Draw the energies at 1/24 h and 1/12 h in windows of 7 days over time (figure 5 E and F)."""
    figure, axes = pyplot().subplots(2, 3, figsize=(13, 7), layout="constrained", sharex=True)
    for column, (root, title) in enumerate(ROOT_NAMES.items()):
        for row, (period, name) in enumerate(_PERIODS.items()):
            rows = energies[energies["root"] == root]
            _draw_groups(axes[row, column], plants, rows, "middle_hours", f"energy_{period}h", ".")
            axes[row, column].set_title(f"{title}: energy at {name}", fontsize=10)
            axes[row, column].set_ylim(-0.03, 1.05)
    for axis in axes[-1]:
        axis.set_xlabel("middle of the window, hours", fontsize=9)
    axes[0, 0].legend(fontsize=9)
    figure.suptitle("Share of the growth speed's variance (periods up to 36 h) in windows of 7 days", fontsize=11)
    save_figure(figure, output)


def _draw_groups(axis: Any, plants: PlantSet, rows: pd.DataFrame, x: str, y: str, marker: str = "") -> None:
    """Draw the mean of each group over the values of ``x`` that are equal to four significant digits."""
    by_plant = {key: part for key, part in rows.groupby(["plate", "plant"], sort=False)}
    for place, (name, members) in enumerate(groups_of(plants).items()):
        parts = [by_plant[plant.plate, plant.plant] for plant in members if (plant.plate, plant.plant) in by_plant]
        if not parts:
            continue
        rounded = [np.array([float(f"{value:.4g}") for value in part[x]]) for part in parts]
        times = np.unique(np.concatenate(rounded))
        curves = np.full((len(parts), times.size), np.nan)
        for row, (part, at) in enumerate(zip(parts, rounded, strict=True)):
            curves[row, np.searchsorted(times, at)] = pd.to_numeric(part[y])
        draw_band(axis, times, curves, name, place, marker)
