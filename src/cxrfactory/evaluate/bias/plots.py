"""Plots of the differences between groups: a forest plot, and predicted gaps over true gaps."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure

_ROWS_OF_AN_ATTRIBUTE = 25  # PadChest has hundreds of findings; the plot shows the largest, the table shows all
_SURE, _UNSURE = "#b2182b", "#4d4d4d"
_TITLES = {"all": "whole image", "lungs": "lungs", "heart": "heart"}


def plot_differences(table: pd.DataFrame, path: str | Path) -> None:
    """Draw every group's difference from the rest with its interval, in one panel for each organ.

    Parameters
    ----------
    table
        Table of :func:`cxrfactory.evaluate.bias.gaps.measure_bias`.
    path
        PNG to write.
    """
    compared = table[table["difference"].notna()]
    if compared.empty:
        _plot_nothing(path)
        return
    lines = _lines(compared)
    organs = [organ for organ in _TITLES if organ in set(compared["organ"])]
    figure, axes = pyplot().subplots(
        *(1, len(organs)),
        figsize=(3.2 + 2.7 * len(organs), 1.3 + 0.27 * len(lines)),
        sharey=True,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    by_key = compared.set_index(["attribute", "group", "organ"])
    for axis, organ in zip(axes[0], organs, strict=True):
        axis.axvline(0, color="0.6", linewidth=0.8)
        for place, (attribute, group) in enumerate(lines):
            if (attribute, group, organ) not in by_key.index:
                continue
            row = by_key.loc[(attribute, group, organ)]
            colour = _SURE if row["p_holm"] < 0.05 else _UNSURE
            axis.plot([row["difference_low"], row["difference_high"]], [place, place], color=colour, linewidth=1.6)
            axis.plot(row["difference"], place, "o", color=colour, markersize=4)
        axis.set_title(_TITLES[organ], fontsize="medium")
        axis.grid(axis="x", color="0.92", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.locator_params(axis="x", nbins=5)
    counts = compared.drop_duplicates(["attribute", "group"]).set_index(["attribute", "group"])["patients"]
    names = [attribute if group is None else f"{group}  ({counts[attribute, group]})" for attribute, group in lines]
    axes[0][0].set_yticks(range(len(lines)), names, fontsize="small")
    for label, (_, group) in zip(axes[0][0].get_yticklabels(), lines, strict=True):
        label.set_fontweight("bold" if group is None else "normal")
        label.set_parse_math(False)  # the name of a finding must not be parsed as a formula
    axes[0][0].set_ylim(len(lines) - 0.4, -0.8)
    figure.supxlabel("difference of the mean RCA Dice from the rest, 95 % interval over patients", fontsize="medium")
    unsaid = len(compared.drop_duplicates(["attribute", "group"])) - sum(group is not None for _, group in lines)
    more = f"; {unsaid} groups more in bias.csv" if unsaid else ""
    title = f"{compared['release'].iloc[0]} (patients); red: p < 0.05 after Holm's correction{more}"
    figure.suptitle(title, fontsize="medium")
    save_figure(figure, path)


def plot_gaps(gaps: pd.DataFrame, summary: pd.DataFrame, path: str | Path) -> None:
    """Draw the gaps predicted by RCA over the true gaps, with both intervals.

    Parameters
    ----------
    gaps
        Table of :func:`cxrfactory.evaluate.bias.discovery.discover_bias`, one row for each pair of groups.
    summary
        Summary table of the same function; its row ``all`` supplies the title.
    path
        PNG to write.
    """
    figure, axis = pyplot().subplots(figsize=(5.6, 5.4), layout="constrained")
    ends = gaps[["true_low", "true_high", "rca_low", "rca_high"]].abs().max().max()
    limit = 1.08 * max(float(ends), 0.01)
    axis.plot([-limit, limit], [-limit, limit], color="0.6", linewidth=0.8)
    axis.axhline(0, color="0.85", linewidth=0.8)
    axis.axvline(0, color="0.85", linewidth=0.8)
    colours = pyplot().get_cmap("tab10").colors
    for number, (name, rows) in enumerate(gaps.groupby("series", sort=False)):
        colour = colours[number % len(colours)]
        x, y = rows["true_gap"].to_numpy(), rows["rca_gap"].to_numpy()
        across = np.abs(rows[["true_low", "true_high"]].to_numpy().T - x)
        along = np.abs(rows[["rca_low", "rca_high"]].to_numpy().T - y)
        axis.errorbar(x, y, along, across, fmt="none", ecolor=colour, elinewidth=0.6, alpha=0.25)
        axis.plot(x, y, "o", color=colour, markersize=4, alpha=0.85, label=f"{name} ({len(rows)})")
    whole = summary.set_index("part").loc["all"]
    axis.set(xlabel="true gap of the mean Dice", ylabel="gap that RCA predicts", aspect="equal")
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit))
    axis.set_title(f"r {whole['r']:.3f}, mean absolute error {whole['mae']:.4f}, {int(whole['gaps'])} gaps")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize="small", loc="upper left")
    save_figure(figure, path)


def _lines(compared: pd.DataFrame) -> list[tuple[str, str | None]]:
    """Return the lines of the plot from the top: for each attribute a heading (group None) and then its groups."""
    lines: list[tuple[str, str | None]] = []
    for attribute, rows in compared.groupby("attribute", sort=False):
        groups = rows.drop_duplicates("group")
        most = set(groups.nlargest(_ROWS_OF_AN_ATTRIBUTE, "patients", keep="first")["group"])
        lines += [(attribute, None), *((attribute, group) for group in groups["group"] if group in most)]
    return lines


def _plot_nothing(path: str | Path) -> None:
    figure, axis = pyplot().subplots(figsize=(6, 1.2), layout="constrained")
    axis.text(0.5, 0.5, "no two groups of enough patients to compare", ha="center", va="center")
    axis.set_axis_off()
    save_figure(figure, path)
