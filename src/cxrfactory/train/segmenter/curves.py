"""Figure of the training curves."""

from pathlib import Path

import pandas as pd

from cxrfactory.tables.atomic import atomic_path


def plot_curves(history: pd.DataFrame, path: Path) -> None:
    """Draw the training loss and the validation Dice by epoch.

    Parameters
    ----------
    history
        Columns ``epoch``, ``loss``, ``val_dice_*`` and, with early stopping, ``kept``, whose epoch is marked.
    path
        PNG or SVG file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(history["epoch"], history["loss"], color="#444444", linewidth=1)
    left.set(xlabel="epoch", ylabel="training loss", yscale="log" if len(history) else "linear")
    colours = {"lungs": "#0072b2", "heart": "#d55e00"}
    others = [name.removeprefix("val_dice_") for name in history if name.startswith("val_dice_")]
    if not set(others) & set(colours):  # a network of other regions
        colours = {organ: f"C{place}" for place, organ in enumerate(others)}
    for organ, colour in colours.items():
        if (name := f"val_dice_{organ}") in history:
            rows = history.dropna(subset=[name])
            final = rows[rows["kept"] == 1].iloc[0] if "kept" in rows else rows.iloc[-1]
            label = f"{organ}: {final[name]:.3f}"
            right.plot(rows["epoch"], rows[name], color=colour, marker="o", markersize=3, label=label)
    right.set(xlabel="epoch", ylabel="Dice on val", ylim=(None, 1))
    if "kept" in history:
        epoch = history.loc[history["kept"] == 1, "epoch"].iloc[0]
        right.axvline(epoch, color="#444444", linewidth=0.8, linestyle=":", label=f"kept: epoch {epoch}")
    if right.get_legend_handles_labels()[0]:
        right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=140, metadata={"Software": None} if path.suffix == ".png" else {"Date": None})
