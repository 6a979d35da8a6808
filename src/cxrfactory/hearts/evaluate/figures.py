"""Draw the agreement of volumes and ejection fractions with the true ones."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.metrics.bland_altman import value_agreement

_DRAWN = {
    "lv_edv_ml": "LV end-diastolic volume, ml",
    "lv_esv_ml": "LV end-systolic volume, ml",
    "lv_ef_percent": "LV ejection fraction, %",
    "rv_edv_ml": "RV end-diastolic volume, ml",
    "rv_esv_ml": "RV end-systolic volume, ml",
    "rv_ef_percent": "RV ejection fraction, %",
}


def draw_volumes(pumps: Mapping[str, pd.DataFrame], name: str, output: Path) -> None:
    """Draw six Bland-Altman plots: difference of the predicted and the true value over their mean.

    Parameters
    ----------
    pumps
        Volumes and ejection fractions of each case, by network; those of ``truth`` are the true ones.
    name
        The network that is drawn.
    output
        PNG file.
    """
    figure, axes = pyplot().subplots(2, 3, figsize=(12, 7), layout="constrained")
    for axis, (quantity, title) in zip(axes.flat, _DRAWN.items(), strict=True):
        both = pd.concat([pumps["truth"][quantity], pumps[name][quantity]], axis=1, keys=["true", "found"]).dropna()
        axis.scatter(both.mean(axis=1), both["found"] - both["true"], s=12, alpha=0.7)
        found = value_agreement(both["true"].to_numpy(float), both["found"].to_numpy(float))
        for line, style in (("bias", "-"), ("limit_low", "--"), ("limit_high", "--")):
            axis.axhline(found[line], linestyle=style, color="tab:red", linewidth=1)
        axis.set_title(f"{title}: {found['bias']:+.1f} ({found['limit_low']:+.1f} to {found['limit_high']:+.1f})",
                       fontsize=9)  # fmt: skip
        axis.set_xlabel("mean of predicted and true", fontsize=8)
        axis.set_ylabel("predicted - true", fontsize=8)
    save_figure(figure, output)
