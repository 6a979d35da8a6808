"""Figures of the benchmark: Dice by structure and view, ranks with intervals, cost against quality."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.anatomy.groups import CLASS_LEVEL, GROUPS
from cxrfactory.imaging.drawing.figure import pyplot, save_figure

_GROUP_COLOURS = dict(
    zip(GROUPS, ("#0072b2", "#d55e00", "#cc3311", "#666666", "#009e73", "#e69f00", "#aa4499"), strict=True)
)
_RANGE = "#bbbbbb"


def plot_structures(classes: pd.DataFrame, ranks: pd.DataFrame, path: str | Path) -> None:
    """Draw the Dice of every class (L4): one panel for each view, the best model as a point, all models as a line.

    Classes are in the order of the groups, and within a group by the Dice of the best model in the first view; their
    names have the colours of the groups.

    Parameters
    ----------
    classes, ranks
        Tables of :mod:`cxrfactory.evaluate.benchmark.summary`.
    path
        PNG to write.
    """
    plt = pyplot()
    leaves = classes[classes["level"] == CLASS_LEVEL]
    best = ranks["model"].iloc[0]
    views = sorted(set(leaves["view"]), reverse=True)  # PA before LL
    own = leaves[leaves["model"] == best].pivot(index=["group", "structure"], columns="view", values="dice")
    order = sorted(own.index, key=lambda key: (GROUPS.index(key[0]), -np.nan_to_num(own.loc[key, views[0]], nan=-1)))
    height = max(2.5, 0.17 * len(order) + 1)
    figure, axes = plt.subplots(
        1, len(views), figsize=(3.2 + 3.2 * len(views), height), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, view in zip(axes[0], views, strict=True):
        part = leaves[leaves["view"] == view].groupby("structure")["dice"].agg(["min", "max"])
        for place, (group, name) in enumerate(order):
            if name in part.index:
                axis.plot(part.loc[name, ["min", "max"]], [place, place], color=_RANGE, linewidth=3)
            axis.plot(own.loc[(group, name), view], place, "o", markersize=4, color=_GROUP_COLOURS[group])
        axis.set_xlim(0, 1)
        axis.set_title(f"{view}: Dice by structure", fontsize=9)
        axis.grid(axis="x", linewidth=0.4)
    axes[0][0].set_yticks(range(len(order)), [name for _, name in order], fontsize=7)
    for label, (group, _) in zip(axes[0][0].get_yticklabels(), order, strict=True):
        label.set_color(_GROUP_COLOURS[group])
    axes[0][0].set_ylim(len(order) - 0.4, -0.6)
    shown = [group for group in GROUPS if any(group == own_group for own_group, _ in order)]
    handles = [plt.Line2D([], [], color=_GROUP_COLOURS[each], marker="o", linestyle="", label=each) for each in shown]
    handles.append(plt.Line2D([], [], color=_RANGE, linewidth=3, label="lowest to highest model"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=7, title=f"point: {best}",
                  title_fontsize=7)  # fmt: skip
    save_figure(figure, path)


def plot_ranks(ranks: pd.DataFrame, path: str | Path) -> None:
    """Draw the models from best to worst: mean Dice with its interval, and beside the name the interval of the rank."""
    plt = pyplot()
    figure, axis = plt.subplots(figsize=(6, max(1.8, 0.32 * len(ranks) + 1)), layout="constrained")
    for place, row in enumerate(ranks.itertuples()):
        axis.plot([row.dice_low, row.dice_high], [place, place], color="#0072b2", linewidth=2)
        axis.plot(row.dice, place, "o", color="#0072b2")
    names = [f"{row.model} ({row.rank_low} to {row.rank_high})" for row in ranks.itertuples()]
    axis.set_yticks(range(len(ranks)), names, fontsize=8)
    axis.set_ylim(len(ranks) - 0.4, -0.6)
    axis.set_xlabel("mean Dice over classes and views, 95 % interval (in brackets: interval of the rank)", fontsize=8)
    axis.grid(axis="x", linewidth=0.4)
    save_figure(figure, path)


def plot_cost(ranks: pd.DataFrame, path: str | Path) -> None:
    """Draw the mean Dice of the models against the time for an image and against the number of parameters."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for axis, column, scale, title in (
        (axes[0], "ms_median", 1.0, "time for an image, ms"),
        (axes[1], "parameters", 1e-6, "parameters, millions"),
    ):
        values = ranks[column].to_numpy(np.float64) * scale
        axis.plot(values, ranks["dice"], "o", color="#0072b2")
        for x, row in zip(values, ranks.itertuples(), strict=True):
            _name(axis, row.model, x, row.dice)
        if np.nanmin(values) > 0 and np.nanmax(values) > 3 * np.nanmin(values):
            axis.set_xscale("log")
        axis.margins(x=0.25)
        axis.set_xlabel(title, fontsize=8)
        axis.grid(linewidth=0.4)
    axes[0].set_ylabel("mean Dice over classes and views", fontsize=8)
    save_figure(figure, path)


def _name(axis: Any, text: str, x: float, y: float) -> None:
    axis.annotate(text, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7)
