"""Agreement of RCA scores with the true Dice: correlation, error, detection of poor masks, and a figure of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.stats import pearsonr, rankdata, spearmanr

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.figure import pyplot, save_figure

POOR = 0.8  # a mask with a true Dice below this is poor and should be detected
KEPT = 0.99  # share of the good masks that a threshold must keep
LIMITS = (-0.02, 1.02)  # axis limits of the plots; points and curves at 0 and 1 are not cut
BINS = 20  # bins of the calibration plot
AGGREGATIONS = {"mean": "dice_rca_mean", "max": "dice_rca_max"}


# Result of `agreement`: names of measures to numbers, or to the measures of one kind of mask or of a detection.
AgreementReport = dict[str, Any]


def agreement(table: pd.DataFrame) -> AgreementReport:
    """Compute how well the scores of masks agree with their known true Dice.

    Parameters
    ----------
    table
        Table returned by :func:`cxrfactory.rca.check.check_cases`.

    Returns
    -------
    dict
        ``images`` and ``masks`` (counts); for both aggregations, the Pearson and Spearman correlation (``r_mean``,
        ``r_max``, ``rho_mean``, ``rho_max``), the mean absolute difference of score and truth (``mae_mean``,
        ``mae_max``) and the :func:`detection` of masks with a true Dice below 0.8 (``poor_mean``, ``poor_max``); the
        Pearson correlation by organ (``r_lungs_mean``, ``r_heart_mean``) and by kind of mask (``by_kind``).

    Raises
    ------
    CxrError
        If all true Dice are equal, so that no correlation is defined.
    """
    truth = table["true_dice"]
    if truth.nunique() < 2:
        raise CxrError("every mask has the same true Dice; a correlation needs masks of different quality")
    found: AgreementReport = {"images": int(table["image_id"].nunique()), "masks": len(table)}
    for name, column in AGGREGATIONS.items():
        score = table[column]
        found[f"r_{name}"] = _pearson(truth, score)
        found[f"rho_{name}"] = float(spearmanr(truth, score).statistic) if score.nunique() > 1 else None
        found[f"mae_{name}"] = float((score - truth).abs().mean())
        found[f"poor_{name}"] = detection((truth < POOR).to_numpy(), score.to_numpy())
    for organ in ("lungs", "heart"):
        rows = table.dropna(subset=[f"{organ}_true", f"{organ}_mean"]) if f"{organ}_true" in table else table[:0]
        found[f"r_{organ}_mean"] = _pearson(rows[f"{organ}_true"], rows[f"{organ}_mean"]) if len(rows) else None
    by_kind = {}
    for kind in sorted(set(table["kind"]) - {"none"}):
        rows = table[table["kind"].isin(["none", kind])]
        by_kind[kind] = {"masks": len(rows)}
        by_kind[kind] |= {f"r_{name}": _pearson(rows["true_dice"], rows[c]) for name, c in AGGREGATIONS.items()}
    return found | {"by_kind": by_kind}


def detection(poor: Bool[np.ndarray, " n"], score: Float[np.ndarray, " n"]) -> dict[str, float] | None:
    """Measure how well low scores detect poor masks; None where there are only poor or only good ones.

    Returns
    -------
    dict
        ``auc``: probability that a poor mask has a lower score than a good one (ties count one half); ``threshold``:
        score that 99 % of the good masks reach; ``found``: share of the poor masks below the threshold.
    """
    bad, good = score[poor], score[~poor]
    if not len(bad) or not len(good):
        return None
    ranks = rankdata(np.concatenate([bad, good]))
    below = len(bad) * len(good) - (ranks[: len(bad)].sum() - len(bad) * (len(bad) + 1) / 2)
    threshold = threshold_keeping(good)
    return {
        "auc": float(below / (len(bad) * len(good))),
        "threshold": threshold,
        "found": float((bad < threshold).mean()),
    }


def threshold_keeping(score: Float[np.ndarray, " n"], share: float = KEPT) -> float:
    """Return the largest of the scores that at least ``share`` of them reach."""
    return float(np.sort(score)[int(np.floor((1 - share) * len(score) + 1e-9))])


def plot_agreement(table: pd.DataFrame, found: AgreementReport, path: Path) -> None:
    """Draw the scores over the truth for both aggregations, the mean truth by score, and the ROC for poor masks."""
    figure, axes = pyplot().subplots(2, 2, figsize=(10, 10), layout="compressed")
    groups = table["kind"].replace({"none": "as given"}).where(~table["kind"].str.startswith("model "), "models")
    for axis, (name, column) in zip(axes[0], AGGREGATIONS.items(), strict=True):
        for kind, rows in table.groupby(groups):
            axis.scatter(rows["true_dice"], rows[column], s=6, alpha=0.6, linewidth=0, label=kind)
        axis.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        axis.set(xlabel="true Dice", ylabel=f"RCA Dice ({name})", aspect="equal", xlim=LIMITS, ylim=LIMITS)
        axis.set_title(f"Pearson r = {found[f'r_{name}']:.3f}")
    axes[0][0].legend(fontsize="small", markerscale=2)
    for name, column in AGGREGATIONS.items():
        bins = np.minimum((table[column] * BINS).astype(int), BINS - 1)
        rows = table.groupby(bins).agg(score=(column, "mean"), truth=("true_dice", "mean"))
        axes[1][0].plot(rows["score"], rows["truth"], marker="o", markersize=3, label=name)
        poor, score = (table["true_dice"] < POOR).to_numpy(), table[column].to_numpy()
        if found[f"poor_{name}"] is not None:
            levels = np.concatenate([[-np.inf], np.unique(score), [np.inf]])
            lost = [(score[~poor] < level).mean() for level in levels]
            hit = [(score[poor] < level).mean() for level in levels]
            axes[1][1].plot(lost, hit, label=f"{name}, area {found[f'poor_{name}']['auc']:.3f}")
    axes[1][0].plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes[1][0].set(xlabel="RCA Dice", ylabel="mean true Dice", aspect="equal", xlim=LIMITS, ylim=LIMITS)
    axes[1][0].set_title("calibration")
    axes[1][1].set(xlabel=f"share of masks of Dice {POOR} or more below", ylabel="share of poorer masks below")
    axes[1][1].set(aspect="equal", xlim=LIMITS, ylim=LIMITS, title=f"ROC, true Dice below {POOR}")
    for axis in axes[1]:
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize="small")
    save_figure(figure, path)


def _pearson(first: pd.Series, second: pd.Series) -> float | None:
    if first.nunique() < 2 or second.nunique() < 2:
        return None
    return float(pearsonr(first, second).statistic)
