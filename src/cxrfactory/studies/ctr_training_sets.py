"""Cardiothoracic ratios of a network by its training set (HybridGNet, section 5.6 and figure 7)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import pearson_r
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.metrics.intervals import bootstrap_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_sets import SPLIT, evaluated, truth_of
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study
from cxrfactory.tables.keys import put_aside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NARROW, WIDE = "normal-hearts", "all-hearts"  # trainings
LIMIT = 0.5  # a larger ratio is abnormal
TEST_SHARE = 0.5  # of the patients that the test may take
PARTS = {"below 0.5": (0.0, LIMIT), "0.5 and above": (LIMIT, np.inf)}
PUBLISHED = {
    (NARROW, "below 0.5"): 0.80,
    (NARROW, "0.5 and above"): 0.70,
    (WIDE, "below 0.5"): 0.88,
    (WIDE, "0.5 and above"): 0.85,
}


def steps(context: Context) -> tuple[Step, ...]:
    """Divide the films with hearts, train on both sets, and measure the ratios of the films put aside."""
    options = ("--segmenter=hybridgnet", "--graph=lungs-heart")
    options += (f"--epochs={context.epochs(220, 3000)}", f"--input-size={context.side(128, 1024)}")
    sets = context.part("ctr-training-sets", "sets", {"tables": list(context.tables)})
    trained = [
        context.train(name, *options, labelled=(f"{{sets}}/{name}.parquet",), needs=("sets",))
        for name in (NARROW, WIDE)
    ]
    measured = evaluated(context, "measure", {"test": "{sets}/test.parquet"}, (NARROW, WIDE), ("sets",), "test")
    inputs = {"scores": ["{measure}/test/per_image.csv"], "sets": ["{sets}/sets.csv"]}
    return (sets, *trained, measured, context.part("ctr-training-sets", SUMMARY, inputs))


def sets(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write ``normal-hearts.parquet``, ``all-hearts.parquet``, ``test.parquet`` and ``sets.csv``, which counts them.

    With several sources, the one with the smallest mean ratio is the set of normal hearts, and half of the patients of
    the other sources are for the test, as the paper trains on JSRT and tests on PadChest. With one source, half of its
    patients are for the test, and the set of normal hearts has the films whose ratio is below 0.5.
    """
    table = read_tables(inputs["tables"], by_id=True)
    table = table.assign(ctr=[_ratio(row) for row in table.to_dict("records")]).dropna(subset=["ctr"])
    if table.empty:
        raise CxrError(f"{', '.join(map(str, inputs['tables']))}: no film has both lungs and a heart annotated")
    means = table.groupby("source")["ctr"].mean().sort_values(kind="stable")
    several = len(means) > 1
    apart = pd.Series([put_aside(f"{each}", "ctr test", TEST_SHARE) for each in table["patient_id"]], table.index)
    normal = table["source"] == means.index[0] if several else table["ctr"] < LIMIT
    test = apart & (~normal if several else True)
    made = {NARROW: table[normal & ~test], WIDE: table[~test], "test": table[test].assign(split="test")}
    counts = []
    for name, rows in made.items():
        if rows.empty:
            raise CxrError(f"the set '{name}' is empty; the study needs films with ratios below and above {LIMIT}")
        write_labelled(rows.drop(columns="ctr"), output / f"{name}.parquet")
        for (source, split), own in rows.groupby(["source", SPLIT]):
            above = int((own["ctr"] >= LIMIT).sum())
            counts.append({"set": name, "source": source, "split": split, "films": len(own), "above": above})
    pd.DataFrame(counts).to_csv(output / "sets.csv", index=False, lineterminator="\n")


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the correlations of both networks below and above 0.5 beside the paper's, with a scatter."""
    from cxrfactory.metrics.bland_altman import value_agreement, value_intervals

    scores = pd.read_csv(inputs["scores"][0])
    whole = scores[scores["organ"] == "all"].dropna(subset=["ctr", "ctr_true"])
    wide = whole.pivot(index="image_id", columns="model", values="ctr").dropna()
    true = whole.drop_duplicates("image_id").set_index("image_id")["ctr_true"].loc[wide.index]
    rows, signs = [], []
    for part, (low, high) in PARTS.items():
        own = (true >= low) & (true < high)
        for model in (NARROW, WIDE):
            pair = true[own].to_numpy(), wide.loc[own, model].to_numpy()
            found, ends = value_agreement(*pair), value_intervals(*pair, np.arange(own.sum()), seed=settings.seed)
            row = {"trained on": model, "ratio": part, "films": int(own.sum()), "r": found["r"]}
            row |= {"r_low": ends["r"][0], "r_high": ends["r"][1], "r_paper": PUBLISHED[model, part]}
            row |= {"bias": found["bias"], "bias_low": ends["bias"][0], "bias_high": ends["bias"][1]}
            rows.append(row | {"mae": found["mae"]})
        signs.append(_gain(part, true[own], wide[own], settings.seed))
    table = pd.DataFrame(rows)
    under = next(row for row in rows if row["trained on"] == NARROW and row["ratio"] == "0.5 and above")
    signs.append(
        Sign(
            "The network trained on normal hearts underestimates ratios of 0.5 and above (found less true)",
            *(under[name] for name in ("bias", "bias_low", "bias_high")),
            "below",
            0.0,
            "underestimates",
        )
    )
    r = table.set_index(["ratio", "trained on"])["r"]
    sentence = "; ".join(
        f"true ratio {part}: r is {r[part, NARROW]:.2f} with normal hearts alone and {r[part, WIDE]:.2f} with all "
        f"(the paper: {PUBLISHED[NARROW, part]:.2f} and {PUBLISHED[WIDE, part]:.2f})"
        for part in PARTS
    )
    counts = pd.read_csv(inputs["sets"][0])
    told = []
    for name, own in counts.groupby("set", sort=False):
        by_source = own.groupby("source")["films"].sum()
        told.append(f"{name}: {' and '.join(f'{films} films of {source}' for source, films in by_source.items())}")
    figure = _scatter(true, wide)
    finding = Finding(f"{sentence}.", table, {"scatter": figure}, signs, {"sets": counts}, "; ".join(told))
    write_finding(STUDY, finding, output, settings)


def _ratio(row: dict) -> float:
    truth = truth_of(row)
    if not {"right_lung", "left_lung", "heart"} <= set(truth):
        return float("nan")
    return cardiothoracic_ratio(truth["right_lung"] | truth["left_lung"], truth["heart"])


def _gain(part: str, true: pd.Series, wide: pd.DataFrame, seed: int) -> Sign:
    def gain(true: np.ndarray, with_all: np.ndarray, with_normal: np.ndarray) -> np.ndarray:
        return pearson_r(true, with_all) - pearson_r(true, with_normal)

    values = [each.to_numpy() for each in (true, wide[WIDE], wide[NARROW])]
    enough = len(true) > 2
    low, high = bootstrap_interval(gain, *values, seed=seed) if enough else (np.nan, np.nan)
    value = float(gain(*values)) if enough else np.nan
    paper = f"{PUBLISHED[WIDE, part] - PUBLISHED[NARROW, part]:+.2f}"
    return Sign(f"For a true ratio {part}, r grows with all hearts in training", value, low, high, "above", 0.0, paper)


def _scatter(true: pd.Series, wide: pd.DataFrame) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    ends = [min(true.min(), wide.min().min()) - 0.02, max(true.max(), wide.max().max()) + 0.02]
    for axis, model in zip(axes, (NARROW, WIDE), strict=True):
        axis.plot(ends, ends, color="grey", linewidth=1)
        axis.axvline(LIMIT, color="grey", linewidth=1, linestyle=":")
        axis.scatter(true, wide[model], s=10)
        axis.set(title=f"trained on {model}", xlabel="true ratio", xlim=ends, ylim=ends)
    axes[0].set_ylabel("ratio of the network")
    return figure


STUDY = Study(
    "ctr-training-sets",
    "HybridGNet, section 5.6 and figure 7 of the thesis' article",
    "Do cardiothoracic ratios become better when enlarged hearts take part in the training?",
    "against two radiologists, on 100 films of PadChest, r grows from 0.80 to 0.88 below a ratio of 0.5 and from 0.70 "
    "to 0.85 above it; trained on JSRT alone, HybridGNet underestimates large ratios.",
    0.3,
    steps,
    {"sets": "cxrfactory.studies.ctr_training_sets:sets", SUMMARY: "cxrfactory.studies.ctr_training_sets:summarise"},
    "lungs and hearts, with ratios below and above 0.5",
    requires=Requirement(organs="LH"),
)
