"""Plots of a product's evaluation."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.imaging.drawing.figure import pyplot, save_figure

_NAMES = {"dice_lungs": "lungs", "dice_right_lung": "right lung", "dice_left_lung": "left lung", "dice_heart": "heart"}


def plot_dice(images: pd.DataFrame, path: str | Path) -> None:
    """Draw the true Dice of each organ as a box plot with one point for each image, by release.

    Parameters
    ----------
    images
        Per-image table of :func:`cxrfactory.evaluate.product.evaluate_product.evaluate`.
    path
        PNG to write.
    """
    plt = pyplot()
    releases = sorted(images["release"].unique())
    figure, axes = plt.subplots(
        1, len(releases), figsize=(4.5 * len(releases), 4), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, release in zip(axes[0], releases, strict=True):
        rows = images[images["release"] == release]
        values = [rows[column].dropna().to_numpy(dtype=np.float64) for column in _NAMES]
        axis.boxplot(values, tick_labels=list(_NAMES.values()), showfliers=False)
        for place, organ in enumerate(values, start=1):
            spread = np.linspace(-0.2, 0.2, organ.size) if organ.size > 1 else np.zeros(organ.size)
            axis.plot(place + spread, organ, ".", markersize=3, alpha=0.6)
        axis.set_title(f"{release} ({len(rows)} images)")
    axes[0][0].set_ylabel("Dice against truth")
    save_figure(figure, path)


def plot_rca(images: pd.DataFrame, path: str | Path) -> None:
    """Draw the RCA score (mean and max over the references) over the true Dice, one point for each image."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(10, 5), sharex=True, sharey=True, layout="compressed")
    for axis, column, name in zip(axes, ("dice_rca_mean", "dice_rca_max"), ("mean", "max"), strict=True):
        for release, rows in images.groupby("release"):
            axis.scatter(rows["dice_true"], rows[column], s=12, alpha=0.7, label=release)
        low = min(images["dice_true"].min(), images[["dice_rca_mean", "dice_rca_max"]].min().min())
        low = np.floor(10 * low) / 10
        axis.plot([low, 1], [low, 1], color="grey", linewidth=0.8)
        axis.set(xlabel="true Dice (mean of lungs and heart)", ylabel=f"RCA Dice ({name})", aspect="equal")
    axes[0].legend()
    save_figure(figure, path)
