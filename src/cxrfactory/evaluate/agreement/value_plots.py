"""Figures of the agreement of values: measured against true values, and Bland-Altman plots."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure

_IN_A_ROW = 3
_BLUE, _RED, _GREY = "#0072b2", "#cc3311", "#888888"


def plot_scatter(
    values: pd.DataFrame, agreement: pd.DataFrame, cut: float | None, quantity: str, path: str | Path
) -> None:
    """Draw measured against true values, one panel for each group, with the diagonal and the cut-point.

    Parameters
    ----------
    values
        Columns ``group``, ``true`` and ``measured``.
    agreement
        Table of :func:`cxrfactory.evaluate.agreement.values.compare_values`.
    cut
        True value at which a line is drawn; None for no line.
    quantity
        Name of the value.
    path
        PNG to write.
    """
    low, high = _range(values[["true", "measured"]].to_numpy())
    groups = list(dict.fromkeys(values["group"]))
    figure, axes = _panels(len(groups), (3.8, 4.0))
    for axis, group in zip(axes, groups, strict=False):
        part = values[values["group"] == group]
        axis.plot([low, high], [low, high], color=_GREY, linewidth=0.8)
        if cut is not None:
            axis.axvline(cut, color=_RED, linewidth=0.8, linestyle="--")
        axis.plot(part["true"], part["measured"], "o", markersize=3.5, color=_BLUE, alpha=0.6, markeredgewidth=0)
        axis.set_xlim(low, high)
        axis.set_ylim(low, high)
        axis.set_aspect("equal")
        axis.set_xlabel(f"true {quantity}", fontsize=8)
        axis.set_ylabel(f"measured {quantity}", fontsize=8)
        rows = agreement[agreement["group"] == group]
        said = ", ".join(f"{row.part}: {row.r:.2f}" for row in rows.itertuples() if not np.isnan(row.r))
        axis.set_title(f"{group}, n = {len(part)}\nr {said}".replace("$", r"\$"), fontsize=8)
        axis.grid(linewidth=0.4)
    save_figure(figure, path)


def plot_differences(values: pd.DataFrame, agreement: pd.DataFrame, quantity: str, path: str | Path) -> None:
    """Draw the differences against the means (Bland and Altman), with bias and limits of agreement.

    Parameters
    ----------
    values, agreement, quantity, path
        As in :func:`plot_scatter`.
    """
    differences = (values["measured"] - values["true"]).to_numpy()
    means = ((values["measured"] + values["true"]) / 2).to_numpy()
    whole = agreement.drop_duplicates("group").set_index("group")
    limits = whole[["limit_low", "limit_high"]].to_numpy().ravel()
    low, high = _range(np.concatenate([differences, limits[np.isfinite(limits)]]))
    groups = list(dict.fromkeys(values["group"]))
    figure, axes = _panels(len(groups), (3.8, 3.2))
    for axis, group in zip(axes, groups, strict=False):
        of = (values["group"] == group).to_numpy()
        axis.plot(means[of], differences[of], "o", markersize=3.5, color=_BLUE, alpha=0.6, markeredgewidth=0)
        axis.axhline(0, color=_GREY, linewidth=0.8)
        row = whole.loc[group]
        for name, style in (("bias", "-"), ("limit_low", "--"), ("limit_high", "--")):
            if not np.isnan(row[name]):
                axis.axhline(row[name], color=_RED, linewidth=1, linestyle=style)
        axis.set_xlim(*_range(means))
        axis.set_ylim(low, high)
        axis.set_xlabel(f"mean of true and measured {quantity}", fontsize=8)
        axis.set_ylabel("measured - true", fontsize=8)
        said = f"bias {row['bias']:.4f}, limits {row['limit_low']:.4f} to {row['limit_high']:.4f}"
        axis.set_title(f"{group}, n = {int(of.sum())}\n{said}".replace("$", r"\$"), fontsize=8)
        axis.grid(linewidth=0.4)
    save_figure(figure, path)


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def _panels(number: int, size: tuple[float, float]) -> tuple[Any, list[Any]]:
    columns = min(number, _IN_A_ROW)
    rows = -(-number // columns)
    figure, axes = pyplot().subplots(
        rows, columns, figsize=(size[0] * columns, size[1] * rows), squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    for axis in axes.ravel()[number:]:
        axis.set_axis_off()
    return figure, list(axes.ravel())
