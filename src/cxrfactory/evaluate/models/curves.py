"""Learning curves of several trainings in one plot."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.figure import pyplot, save_figure

_PANELS = {"loss": "training loss", "val_dice_lungs": "Dice of lungs on val", "val_dice_heart": "Dice of heart on val"}


def read_histories(paths: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """Read the training histories, by model.

    Raises
    ------
    CxrError
        If a file is missing, unreadable, without rows, or lacks ``epoch`` or ``loss``.
    """
    found = {}
    for name, path in paths.items():
        if not path.is_file():
            raise CxrError(f"{path}: no such file; expected the CSV that train writes with --history")
        try:
            frame = pd.read_csv(path)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
        if frame.empty or not {"epoch", "loss"} <= set(frame.columns):
            raise CxrError(f"{path}: {len(frame)} rows with columns {list(frame.columns)}; expected epoch and loss")
        found[name] = frame
    return found


def plot_histories(histories: Mapping[str, pd.DataFrame], path: str | Path) -> None:
    """Draw loss and validation Dice by epoch, one colour for each model; a ring marks the epoch kept by early stopping.

    The losses of different kinds of models are not comparable; the Dice is.

    Parameters
    ----------
    histories
        Histories by model, with columns ``epoch``, ``loss`` and, if validated, ``val_dice_lungs``, ``val_dice_heart``
        and ``kept``.
    path
        PNG to write.
    """
    figure, axes = pyplot().subplots(1, len(_PANELS), figsize=(14, 4), layout="constrained")
    for number, (name, history) in enumerate(histories.items()):
        for axis, column in zip(axes, _PANELS, strict=True):
            if column not in history:
                continue
            line = history.dropna(subset=[column])
            marker = None if column == "loss" else "o"
            colour = f"C{number}"
            axis.plot(line["epoch"], line[column], color=colour, linewidth=1, marker=marker, markersize=3, label=name)
            if column != "loss" and "kept" in history:
                kept = line[line["kept"] == 1]
                axis.plot(kept["epoch"], kept[column], "o", color=colour, markersize=9, fillstyle="none")
    for axis, label in zip(axes, _PANELS.values(), strict=True):
        axis.set(xlabel="epoch", ylabel=label)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yscale("log")
    for axis in axes[1:]:
        axis.set_ylim(top=1)
    axes[0].legend(fontsize=8, frameon=False)
    save_figure(figure, path)
