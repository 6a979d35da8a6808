"""Figures over time: traits and growth speeds by group."""

from pathlib import Path

import numpy as np

from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.roots.growth.looks import (
    ROOT_NAMES,
    at_times,
    common_times,
    draw_band,
    groups_of,
    mark_days,
    trait_label,
)
from cxrfactory.roots.growth.plants import LENGTHS, PlantSet
from cxrfactory.roots.growth.summary import speeds_of

_DRAWN = (*LENGTHS, "laterals", "laterals_per_cm", "main_share")
_HOURS = "hours since the plate's first picture"


def draw_growth(plants: PlantSet, output: Path) -> None:
    """Draw lengths, number and density of laterals and the main root's share over time (figure 2 of the paper)."""
    figure, axes = pyplot().subplots(2, 3, figsize=(12, 7), layout="constrained", sharex=True)
    times = common_times(plants.plants)
    for axis, trait in zip(axes.flat, _DRAWN, strict=True):
        for place, (name, members) in enumerate(groups_of(plants).items()):
            curves = np.array([at_times(plant, plant.values[trait], times) for plant in members])
            draw_band(axis, times, curves, name, place)
        mark_days(axis, times[-1])
        axis.set_title(trait_label(trait, plants.unit), fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel(_HOURS, fontsize=9)
    axes[0, 0].legend(fontsize=9, loc="upper left")
    figure.suptitle("Growth: mean of each group, and one standard deviation; a line for each day", fontsize=11)
    save_figure(figure, output)


def draw_speeds(plants: PlantSet, output: Path) -> None:
    """Draw the growth speeds of main root, laterals and all roots over time (figure 5 A and B)."""
    figure, axes = pyplot().subplots(3, 1, figsize=(10, 8), layout="constrained", sharex=True)
    times = common_times(plants.plants)
    speeds = {id(plant): speeds_of(plant) for plant in plants.plants}
    for axis, (root, title) in zip(axes, ROOT_NAMES.items(), strict=True):
        for place, (name, members) in enumerate(groups_of(plants).items()):
            curves = np.array([at_times(plant, speeds[id(plant)][root], times) for plant in members])
            draw_band(axis, times, curves, name, place)
        mark_days(axis, times[-1])
        axis.set_ylabel(f"{plants.unit}/h", fontsize=9)
        axis.set_title(f"growth speed of {title}", fontsize=10)
    axes[0].legend(fontsize=9, loc="upper left")
    axes[-1].set_xlabel(_HOURS, fontsize=9)
    figure.suptitle("Growth speed: mean of each group, and one standard deviation; a line for each day", fontsize=11)
    save_figure(figure, output)
