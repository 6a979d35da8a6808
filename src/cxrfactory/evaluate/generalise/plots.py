"""Figure of the study: the Dice by source, trained without it and with it."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.evaluate.generalise.measures import MEASURED
from cxrfactory.evaluate.generalise.summary import SEEN, UNSEEN, groups_of
from cxrfactory.imaging.drawing.figure import pyplot, save_figure

_COLOURS = {UNSEEN: "#d55e00", SEEN: "#0072b2"}
_OFFSETS = {UNSEEN: -0.18, SEEN: 0.18}


def plot_dice(images: pd.DataFrame, path: str | Path) -> None:
    """Draw one panel for each organ, with two boxes for each source: unseen (all images) and seen (split ``val``).

    The whiskers end at the 5 % and the 95 % quantile; images beyond them are points.

    Parameters
    ----------
    images
        Tested images, unseen and seen, one below the other.
    path
        PNG to write.
    """
    plt = pyplot()
    groups = {name: part for name, part in groups_of(images).items() if name in _COLOURS}
    organs = [organ for organ in MEASURED if images[f"dice_{organ}"].notna().any()]
    sources = sorted(set(images["source"]))
    width = max(3.0, 0.9 * len(sources) + 1)
    figure, axes = plt.subplots(1, len(organs), figsize=(width * len(organs), 4), squeeze=False, layout="constrained")
    for axis, organ in zip(axes[0], organs, strict=True):
        for name, part in groups.items():
            _boxes(axis, part, organ, sources, name)
        axis.set_xticks(range(len(sources)), sources, rotation=30, ha="right", fontsize=8)
        axis.set_xlim(-0.6, len(sources) - 0.4)
        axis.set_title(organ.replace("_", " "), fontsize=9)
        axis.grid(axis="y", linewidth=0.4)
    axes[0][0].set_ylabel("Dice")
    handles = [plt.Line2D([], [], color=colour, linewidth=5, label=name) for name, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8)
    save_figure(figure, path)


def _boxes(axis, images: pd.DataFrame, organ: str, sources: list[str], name: str) -> None:
    for place, source in enumerate(sources):
        dice = images.loc[images["source"] == source, f"dice_{organ}"].dropna().to_numpy(np.float64)
        if not dice.size:
            continue
        look = {"color": _COLOURS[name]}
        axis.boxplot(
            [dice],
            positions=[place + _OFFSETS[name]],
            widths=0.3,
            whis=(5, 95),
            boxprops=look,
            whiskerprops=look,
            capprops=look,
            medianprops=look,
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": _COLOURS[name]},
            manage_ticks=False,
        )
