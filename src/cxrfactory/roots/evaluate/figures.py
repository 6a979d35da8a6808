"""Figure of found against true lengths and numbers of roots."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure

# The colour-blind-safe palette of Okabe and Ito (2008).
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_MARKERS = "os^D"


def draw_lengths(times: pd.DataFrame, output: Path) -> None:
    """Draw found against true length of the main root and of the laterals, and number of laterals, by group.

    Parameters
    ----------
    times
        One row for each true plant and time.
    output
        PNG file.
    """
    unit = "mm" if (times["unit"] == "mm").all() else "px" if (times["unit"] == "px").all() else "mm or px"
    drawn = {
        "main_length": f"length of main root, {unit}",
        "laterals_length": f"length of laterals, {unit}",
        "laterals": "number of laterals",
    }
    figure, axes = pyplot().subplots(1, 3, figsize=(13, 4.5), layout="constrained")
    groups = times["group"].fillna("no group")
    for axis, (trait, title) in zip(axes, drawn.items(), strict=True):
        true, found = (pd.to_numeric(times[f"{side}_{trait}"]).to_numpy(float) for side in ("true", "found"))
        # Equal numbers of laterals would hide one another: they are spread by their order.
        width = 0.5 if trait == "laterals" else 0.0
        right, up = ((np.arange(true.size) * step % 1 - 0.5) * width for step in (0.754878, 0.569840))
        for place, name in enumerate(sorted(groups.unique())):
            mine = (groups == name).to_numpy()
            axis.scatter((true + right)[mine], (found + up)[mine], s=7, alpha=0.5, linewidths=0,
                         color=_COLOURS[place % 4], marker=_MARKERS[place % 4], label=name)  # fmt: skip
        end = max(float(np.nanmax(true, initial=0)), float(np.nanmax(found, initial=0)), 1.0)
        axis.plot([0, end], [0, end], color="0.4", linewidth=0.8, zorder=0)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("true", fontsize=9)
        axis.set_ylabel("found", fontsize=9)
    axes[0].legend(fontsize=9, loc="upper left")
    figure.suptitle("Found against true: each point is a plant at one time", fontsize=11)
    save_figure(figure, output)
