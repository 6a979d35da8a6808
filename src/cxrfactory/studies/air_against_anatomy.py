"""Two truths of one film, anatomy and air: which of them networks follow (HybridGNet, section 5.5 and figure 6)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import paired_wilcoxon, pearson_r
from cxrfactory.metrics.intervals import bootstrap_interval, mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_sets import evaluated
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NETWORKS = ("hybridgnet", "unet")
TRUTHS = ("anatomy", "air")
LEAST_HIDDEN = 0.02  # share of the lungs; where less is hidden, both truths are one


def steps(context: Context) -> tuple[Step, ...]:
    """Make virtual films, train on the healthy ones, and measure those with findings against both truths."""
    healthy, findings, size = (60, 40, 256) if context.small else (600, 200, 1024)
    counts = (f"--healthy={healthy}", f"--findings={findings}", f"--size={size}", f"--seed={context.settings.seed}")
    films = Step(
        "films",
        (
            ("stage", "fetch-ct", f"--output={OUT}/ct"),
            ("stage", "cohort-two-truths", f"--ct={OUT}/ct", f"--output={OUT}/films", *counts),
        ),
    )
    side = f"--input-size={context.side(128, 1024)}"
    epochs = {name: f"--epochs={context.epochs(small, 3000)}" for name, small in zip(NETWORKS, (300, 150), strict=True)}
    table = ("{films}/films/healthy.parquet",)
    trained = [
        context.train(name, f"--segmenter={name}", epochs[name], side, labelled=table, needs=("films",))
        for name in NETWORKS
    ]
    tables = {truth: f"{{films}}/films/{truth}.parquet" for truth in TRUTHS}
    measured = evaluated(context, "measure", tables, NETWORKS, ("films",))
    inputs = {truth: [f"{{measure}}/{truth}/per_image.csv"] for truth in TRUTHS}
    inputs["hidden"] = ["{films}/films/hidden.csv"]
    return (films, *trained, measured, context.part("air-against-anatomy", SUMMARY, inputs))


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the Dice with both truths, and the severity that the difference of both networks' masks estimates."""
    hidden = pd.read_csv(inputs["hidden"][0]).set_index("image_id")
    shown = hidden.index[hidden["hidden_share"] >= LEAST_HIDDEN]
    scores = {truth: _lungs(pd.read_csv(inputs[truth][0]), shown) for truth in TRUTHS}
    films = scores["anatomy"]["dice"].dropna().index.intersection(scores["air"]["dice"].dropna().index)
    if len(films) < 3:
        raise CxrError(f"{len(films)} films on which both networks were measured; expected 3 or more")
    scores = {truth: each.loc[films] for truth, each in scores.items()}
    rows = [_row(model, truth, scores, settings.seed) for model in NETWORKS for truth in TRUTHS]
    nearer = {model: scores["anatomy"]["dice"][model] - scores["air"]["dice"][model] for model in NETWORKS}
    farther = {model: scores["air"]["hd_px"][model] - scores["anatomy"]["hd_px"][model] for model in NETWORKS}
    signs = [
        _mean_sign("HybridGNet is nearer to the anatomy than to the air (Dice with anatomy less with air)",
                   nearer["hybridgnet"], settings.seed, "much closer to the anatomy"),
        _mean_sign("HybridGNet is nearer to the anatomy by Hausdorff distance (px, air less anatomy)",
                   farther["hybridgnet"], settings.seed, "lower with the anatomy"),
        _mean_sign("The U-Net tends less to the anatomy (that difference of Dice, HybridGNet less U-Net)",
                   nearer["hybridgnet"] - nearer["unet"], settings.seed, "less pronounced for the U-Net"),
    ]  # fmt: skip
    true = hidden.loc[films, "hidden_share"].to_numpy()
    estimated = _severity(scores["anatomy"], hidden.loc[films, "anatomy_px"])
    known = np.isfinite(estimated)
    pair = true[known], estimated[known]
    enough = known.sum() > 2
    low, high = bootstrap_interval(pearson_r, *pair, seed=settings.seed) if enough else (np.nan, np.nan)
    r = float(pearson_r(*pair)) if enough else np.nan
    claim = "The difference of both networks' masks estimates the severity (r with the true hidden share)"
    signs.append(Sign(claim, r, low, high, "above", 0.0, "proposed, not measured"))
    dice = {(row["model"], row["truth"]): row["dice"] for row in rows}
    sentence = (
        f"HybridGNet has a Dice of {dice['hybridgnet', 'anatomy']:.3f} with the anatomy and of "
        f"{dice['hybridgnet', 'air']:.3f} with the air, the U-Net of {dice['unet', 'anatomy']:.3f} and "
        f"{dice['unet', 'air']:.3f}; the difference of their masks follows the hidden share of the lungs with "
        f"r = {r:.2f}."
    )
    severity = pd.DataFrame({"image_id": films, "hidden_share": true, "estimated_share": estimated})
    data = f"{len(films)} virtual films whose findings hide {100 * true.mean():.0f} % of the lungs on average"
    figures = {"truths": _boxes(scores), "severity": _scatter(*pair)}
    finding = Finding(sentence, pd.DataFrame(rows), figures, signs, {"severity": severity}, data)
    write_finding(STUDY, finding, output, settings)


def _lungs(scores: pd.DataFrame, shown: pd.Index) -> pd.DataFrame:
    """Return the measures of both lungs by film; columns are measure and model."""
    own = scores[(scores["organ"] == "lungs") & scores["image_id"].isin(shown)]
    wide = own.pivot(index="image_id", columns="model", values=["dice", "hd_px", "precision", "recall"])
    return wide.astype(float)


def _row(model: str, truth: str, scores: dict[str, pd.DataFrame], seed: int) -> dict:
    dice, distance = (scores[truth][name][model] for name in ("dice", "hd_px"))
    mean, low, high = mean_interval(dice.to_numpy(), seed)
    other = scores[TRUTHS[1 - TRUTHS.index(truth)]]["dice"][model]
    row = {"model": model, "truth": truth, "films": len(dice), "dice": mean, "dice_low": low, "dice_high": high}
    row |= {"hd_px": distance[np.isfinite(distance)].mean(), "hd_infinite": int(np.isinf(distance).sum())}
    return row | {"p_wilcoxon_other_truth": paired_wilcoxon(dice.to_numpy(), other.to_numpy()).p}


def _mean_sign(claim: str, apart: pd.Series, seed: int, published: str) -> Sign:
    return Sign(claim, *mean_interval(apart[np.isfinite(apart)].to_numpy(), seed), "above", 0.0, published)


def _severity(scores: pd.DataFrame, anatomy_px: pd.Series) -> np.ndarray:
    """Return 1 less the area of the U-Net's lungs over that of HybridGNet's.

    The area of a mask follows from its overlap with the true one: the recall is the overlap over the true area, the
    precision is the overlap over the mask's.
    """
    area = {
        model: anatomy_px.to_numpy() * (scores["recall"][model] / scores["precision"][model]).to_numpy()
        for model in NETWORKS
    }
    return 1 - area["unet"] / area["hybridgnet"]


def _boxes(scores: dict[str, pd.DataFrame]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    labels = [f"{model}\n{truth}" for model in NETWORKS for truth in TRUTHS]
    names = {"dice": "Dice of the lungs", "hd_px": "Hausdorff distance (px of 1024)"}
    for axis, (column, name) in zip(figure.subplots(1, 2), names.items(), strict=True):
        values = [scores[truth][column][model] for model in NETWORKS for truth in TRUTHS]
        axis.boxplot([each[np.isfinite(each)] for each in values], tick_labels=labels)
        axis.set(ylabel=name)
    return figure


def _scatter(true: np.ndarray, estimated: np.ndarray) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axis = figure.subplots()
    axis.scatter(true, estimated, s=12)
    axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axis.set(xlabel="share of the lungs that findings hide", ylabel="1 - lungs of the U-Net / lungs of HybridGNet")
    return figure


STUDY = Study(
    "air-against-anatomy",
    "HybridGNet, section 5.5 and figure 6 of the thesis' article",
    "Where disease hides a part of the lungs, do networks that saw healthy lungs draw the anatomy or the air?",
    "on films with tuberculosis, HybridGNet is much closer to masks of the anatomy than to those of the air, by Dice "
    "and Hausdorff distance; the U-Net less so. The difference of both masks could grade the disease. The figure gives "
    "no numbers.",
    0.3,
    steps,
    {SUMMARY: "cxrfactory.studies.air_against_anatomy:summarise"},
)
