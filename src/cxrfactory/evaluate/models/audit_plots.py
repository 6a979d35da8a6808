"""Plots of the audits."""

from pathlib import Path

import pandas as pd

from cxrfactory.evaluate.models.measure import WHOLE
from cxrfactory.evaluate.models.perturb import NONE
from cxrfactory.imaging.drawing.figure import pyplot, save_figure

_COLUMNS = 4
_ORGANS = {"lungs": "#0072b2", "heart": "#d55e00", "clavicles": "#009e73"}
_STYLES = {"lungs": "-", "heart": "--", "clavicles": ":"}
_BANDS_UP_TO = 2  # models; with more models the bands would hide the lines
_AVERAGE = "average"


def plot_perturbations(levels: pd.DataFrame, limit: float, path: str | Path) -> None:
    """Draw the Dice loss over the levels of each kind, in one panel for each kind.

    With one model, the colour shows the organ. With several models, the colour shows the model and the line style the
    organ.

    Parameters
    ----------
    levels
        Table of :func:`cxrfactory.evaluate.models.audit.summarise_levels`.
    limit
        Acceptable Dice loss, drawn as a grey line.
    path
        PNG to write.
    """
    plt = pyplot()
    levels = levels[(levels["kind"] != NONE) & (levels["organ"] != WHOLE) & levels["organ"].isin(_ORGANS)]
    kinds, models = list(dict.fromkeys(levels["kind"])), list(dict.fromkeys(levels["model"]))
    rows = max(1, -(-len(kinds) // _COLUMNS))
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(14, 2.6 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat[len(kinds) :]:
        axis.axis("off")
    for axis, kind in zip(axes.flat, kinds, strict=False):
        part = levels[levels["kind"] == kind]
        names = list(dict.fromkeys(part["level"]))
        for number, model in enumerate(models):
            for organ, style in _STYLES.items():
                line = part[(part["model"] == model) & (part["organ"] == organ)].set_index("level").reindex(names)
                if line["dice_loss"].notna().any():
                    places = range(len(names))
                    colour = _ORGANS[organ] if len(models) == 1 else f"C{number}"
                    look = {"color": colour, "linestyle": "-" if len(models) == 1 else style}
                    label = f"{model}: {organ}"
                    axis.plot(places, line["dice_loss"], marker="o", markersize=3, label=label, **look)
                    if len(models) <= _BANDS_UP_TO:
                        low, high = line["ci_low"], line["ci_high"]
                        axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
        axis.axhline(limit, color="grey", linewidth=0.8)
        axis.axhline(0, color="black", linewidth=0.5)
        axis.set_title(kind, fontsize=9)
        axis.set_xticks(range(len(names)), names, fontsize=7, rotation=20 if max(map(len, names)) > 6 else 0)
        axis.tick_params(axis="y", labelsize=7)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, handlelength=4)
    bands = " and 95 % interval" if len(models) <= _BANDS_UP_TO else ""
    figure.supylabel(f"Dice lost (mean{bands})", fontsize=9)
    save_figure(figure, path)


def plot_occlusion(occlusion: pd.DataFrame, path: str | Path) -> None:
    """Draw HD and Dice over the size of the box, one line for each model; lungs and heart averaged, as in the paper.

    If a model does not segment both organs, its single organ is drawn. A cross marks a size at which some distances
    were infinite (an organ was missed) and are not in the mean.

    Parameters
    ----------
    occlusion
        Table of :func:`cxrfactory.evaluate.models.occlusion.summarise_occlusion`.
    path
        PNG to write.
    """
    plt = pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    columns = {"hd": "hd_px", "dice": "dice"}
    for number, model in enumerate(dict.fromkeys(occlusion["model"])):
        part = occlusion[occlusion["model"] == model]
        organ = _AVERAGE if (part["organ"] == _AVERAGE).any() else part["organ"].iloc[0]
        line = part[part["organ"] == organ]
        for axis, (name, column) in zip(axes, columns.items(), strict=True):
            axis.plot(
                line["box_px"], line[column], marker="o", markersize=3, color=f"C{number}", label=f"{model} ({organ})"
            )
            low, high = line[f"{name}_low"], line[f"{name}_high"]
            axis.fill_between(line["box_px"], low, high, color=f"C{number}", alpha=0.15, linewidth=0)
        missed = line[line["infinite"] > 0]
        axes[0].plot(missed["box_px"], missed["hd_px"], "x", color=f"C{number}", markersize=8)
    axes[0].set(xlabel="side of the black box (px at 1024)", ylabel="HD (px at 1024)")
    axes[1].set(xlabel="side of the black box (px at 1024)", ylabel="Dice")
    if len(occlusion):
        axes[0].legend(fontsize=8)
    save_figure(figure, path)
