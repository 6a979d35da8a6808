"""Figures of the agreement of grades: confusion matrices, values by reference grade, ROC curves."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from cxrfactory.evaluate.agreement.graded import PRESENT
from cxrfactory.evaluate.agreement.pairing import Pairs
from cxrfactory.evaluate.agreement.statistics import with_values
from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.metrics.classification import ranked_area
from cxrfactory.metrics.grades import confusion_matrix
from cxrfactory.metrics.roc import roc_curve

_IN_A_ROW = 3
_FEW = 5  # with fewer values, or all equal ones, no density is drawn
_POINTS = 300  # most points that are drawn beside a violin
_BLUE = "#0072b2"


def plot_confusion(compared: Sequence[Pairs], grades: Sequence[str], path: str | Path) -> None:
    """Draw a confusion matrix for each finding (row) and system (column); the shade is the share of a reference grade.

    Parameters
    ----------
    compared
        Pairs of every system and finding.
    grades
        Names of the grades.
    path
        PNG to write.
    """
    rows = [list(of) for _, of in groupby(compared, key=lambda pairs: (pairs.finding, pairs.measurement))]
    columns = max(map(len, rows))
    figure, axes = _panels(len(rows) * columns, (3.4, 3.4), columns)
    for row, of in enumerate(rows):
        for axis in axes[row * columns + len(of) : (row + 1) * columns]:
            axis.set_axis_off()
    places = [axes[row * columns + column] for row, of in enumerate(rows) for column in range(len(of))]
    for axis, pairs in zip(places, compared, strict=True):
        matrix = confusion_matrix(pairs.graded["reference"].to_numpy(), pairs.graded["answer"].to_numpy(), len(grades))
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(matrix.shape):
            colour = "white" if shares[row, column] > 0.6 else "black"
            axis.text(column, row, f"{matrix[row, column]}", ha="center", va="center", color=colour, fontsize=9)
        axis.set_xticks(range(len(grades)), grades, fontsize=8, rotation=30, ha="right")
        axis.set_yticks(range(len(grades)), grades, fontsize=8)
        axis.set_xlabel(_plain(pairs.system), fontsize=8)
        axis.set_ylabel("reference", fontsize=8)
        axis.set_title(_title(pairs, len(pairs.graded)), fontsize=9)
    save_figure(figure, path)


def plot_violin(compared: Sequence[Pairs], grades: Sequence[str], path: str | Path) -> None:
    """Draw the measured values by reference grade as violins with their points and medians.

    Parameters
    ----------
    compared, grades, path
        As in :func:`plot_confusion`; systems without values have no panel.
    """
    valued = [(pairs, rows) for pairs in compared if len(rows := with_values(pairs))]
    figure, axes = _panels(len(valued), (3.8, 3.2))
    for axis, (pairs, rows) in zip(axes, valued, strict=False):
        labels = []
        shown = [*enumerate(grades), *([(PRESENT, "no grade\nstated")] if (rows["reference"] == PRESENT).any() else [])]
        for place, (number, grade) in enumerate(shown):
            values = rows.loc[rows["reference"] == number, "value"].to_numpy()
            labels.append(f"{grade}\nn = {len(values)}")
            _violin(axis, values, place)
        axis.set_xticks(range(len(shown)), labels, fontsize=8)
        axis.set_xlim(-0.6, len(shown) - 0.4)
        axis.set_xlabel("reference grade", fontsize=8)
        axis.set_ylabel(f"{_plain(pairs.measurement)} ({_plain(pairs.system)})", fontsize=8)
        axis.set_title(_title(pairs, len(rows)), fontsize=9)
        axis.grid(axis="y", linewidth=0.4)
    if not valued:
        _say(axes[0], "no system gave values")
    save_figure(figure, path)


def plot_roc(compared: Sequence[Pairs], path: str | Path) -> None:
    """Draw the ROC curves of the values against the binary reference, one panel for each finding.

    Parameters
    ----------
    compared, path
        As in :func:`plot_confusion`; systems without values, or without one of the two classes, have no curve.
    """
    curves: dict[str, list[tuple[str, Any, float]]] = {}
    for pairs in compared:
        rows = with_values(pairs)
        truth, values = (rows["reference"] != 0).to_numpy(), rows["value"].to_numpy()
        if len(rows) and (curve := roc_curve(values, truth)) is not None:
            area = ranked_area(values, truth)
            name = f"{pairs.measurement} ({pairs.system})"
            curves.setdefault(pairs.finding, []).append((name, curve, area))
    figure, axes = _panels(len(curves), (3.6, 3.6))
    for axis, (finding, lines) in zip(axes, curves.items(), strict=False):
        for name, curve, area in lines:
            axis.plot(
                curve.false_positive_rate, curve.sensitivity, linewidth=1.5, label=f"{_plain(name)}: AUC {area:.3f}"
            )
        axis.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
        axis.set_aspect("equal")
        axis.set_xlabel("false positive rate", fontsize=8)
        axis.set_ylabel("sensitivity", fontsize=8)
        axis.set_title(_plain(finding), fontsize=9)
        axis.legend(loc="lower right", fontsize=7)
        axis.grid(linewidth=0.4)
    if not curves:
        _say(axes[0], "no values for both positive and negative reports")
    save_figure(figure, path)


def _violin(axis: Any, values: np.ndarray, place: int) -> None:
    if len(values) >= _FEW and np.ptp(values) > 0:
        for body in axis.violinplot(values, [place], widths=0.8, showextrema=False)["bodies"]:
            body.set_facecolor(_BLUE)
            body.set_alpha(0.35)
    if not len(values):
        return
    # Points at even ranks, spread by a fixed sequence, so that the figure is the same in every run.
    shown = np.sort(values)[np.unique(np.linspace(0, len(values) - 1, min(len(values), _POINTS)).astype(int))]
    aside = ((np.arange(len(shown)) * 0.618034) % 1 - 0.5) * 0.3
    axis.plot(place + aside, shown, ".", markersize=2.5, color="#333333", alpha=0.6)
    axis.plot([place - 0.25, place + 0.25], [np.median(values)] * 2, color="#cc3311", linewidth=2)


def _panels(number: int, size: tuple[float, float], columns: int = _IN_A_ROW) -> tuple[Any, list[Any]]:
    """Return a figure with at least one panel; panels that are not needed are hidden."""
    columns = max(1, min(number, columns))
    rows = max(1, -(-number // columns))
    figure, axes = pyplot().subplots(
        rows, columns, figsize=(size[0] * columns, size[1] * rows), squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    for axis in axes.ravel()[max(number, 1) :]:
        axis.set_axis_off()
    return figure, list(axes.ravel())


def _title(pairs: Pairs, shown: int) -> str:
    return f"{_plain(pairs.finding)} by {_plain(pairs.measurement)}, n = {shown}"


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # Matplotlib reads text between dollar signs as a formula


def _say(axis: Any, text: str) -> None:
    axis.text(0.5, 0.5, text, ha="center", va="center")
    axis.set_axis_off()
