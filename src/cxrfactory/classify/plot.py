"""Plot of the study: each model's averaged rates on original and on segmented images."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure


def plot_rates(rates: pd.DataFrame, path: str | Path) -> None:
    """Draw for each measure the means over the labels with their intervals, for both kinds of pictures of each model.

    Parameters
    ----------
    rates
        Table of rates from :func:`cxrfactory.classify.compare.compare`.
    path
        PNG file to write.
    """
    rows = rates[(rates["label"] == "mean") & rates["low"].notna()]
    measures, models = list(dict.fromkeys(rows["measure"])), list(dict.fromkeys(rows["model"]))
    figure, axes = pyplot().subplots(
        1,
        max(len(measures), 1),
        figsize=(9, 1.3 + 0.55 * len(models)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, measure in zip(axes[0], measures, strict=False):
        for offset, (picture, colour) in zip((-0.12, 0.12), (("original", "C7"), ("segmented", "C0")), strict=True):
            part = rows[(rows["measure"] == measure) & (rows["picture"] == picture)].set_index("model").loc[models]
            spread = np.stack([part["value"] - part["low"], part["high"] - part["value"]])
            places = np.arange(len(models)) + offset
            axis.errorbar(part["value"], places, xerr=spread.clip(0), fmt="o", color=colour, capsize=3, label=picture)
        axis.set_title(measure)
        axis.grid(axis="x", alpha=0.3)
        axis.set_yticks(range(len(models)), models)
    axes[0][0].invert_yaxis()
    if measures:
        figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    save_figure(figure, path)
