"""Means of a benchmark's scores: by class, by partition (level, group, pathology, finding, size), and ranks.

A class has one value for each view and model: the mean over the images of the split, and then over the repeats. A model
has the mean over its classes and views, so every class weighs alike however large it is. Infinite distances (one of two
masks is empty) are left out of means and counted as ``missed``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields

import numpy as np
import pandas as pd

from cxrfactory.anatomy.groups import CLASS_LEVEL, GROUPS, LEVELS
from cxrfactory.config.benchmark import BenchmarkTableConfig
from cxrfactory.evaluate.benchmark.measures import DISTANCES, MEASURES, RATES
from cxrfactory.metrics.intervals import bootstrap_interval, mean_of
from cxrfactory.metrics.pairs import ModelPair, ModelRank, compare_pairs, rank_models
from cxrfactory.tables.rows import Row

ALL = "all"
STRUCTURE = ["model", "view", "level", "structure", "group", "pathology"]
CLASS_COLUMNS = [*STRUCTURE, "images", "truth_px", *MEASURES, "missed", "dice_sd_seeds"]
SUMMARY_COLUMNS = [
    *("partition", "value", "view", "model", "seeds", "structures"),
    *("dice", "dice_low", "dice_high", *MEASURES[1:], "missed"),
]
PATHOLOGY, NORMAL = "pathology", "normal"


def classes_of(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every measure by model, view and structure.

    Parameters
    ----------
    scores
        Scores of all models and repeats, columns of :data:`cxrfactory.evaluate.benchmark.score.SCORES`.

    Returns
    -------
    Table with the columns :data:`CLASS_COLUMNS`. ``images`` counts the images of one repeat in which the structure is
    true or found, ``missed`` is the share of these where only one of the two masks is empty, and ``dice_sd_seeds`` is
    the standard deviation of the repeats' means (NaN for one repeat). Structures that are neither true nor found in any
    image have no row.
    """
    scores = scores[scores["dice"].notna()]
    frame = scores.assign(
        missed=np.isinf(scores["hd95_px"].to_numpy(np.float64)),
        images=1,
        **{name: scores[name].replace(np.inf, np.nan).astype(np.float64) for name in DISTANCES},
        **{name: scores[name].astype(np.float64) for name in RATES},
    )
    how = dict.fromkeys(("truth_px", *MEASURES, "missed"), "mean") | {"images": "sum"}
    by_seed = frame.groupby([*STRUCTURE, "seed"], sort=False, as_index=False).agg(how)
    groups = by_seed.groupby(STRUCTURE, sort=False)
    table = groups.agg(dict.fromkeys(how, "mean")).assign(dice_sd_seeds=groups["dice"].std(ddof=1)).reset_index()
    table["images"] = table["images"].round().astype(int)
    return table[CLASS_COLUMNS]


def summarise(scores: pd.DataFrame, settings: BenchmarkTableConfig, findings: pd.DataFrame) -> pd.DataFrame:
    """Return the means of every model by partition and view.

    Parameters
    ----------
    scores
        As in :func:`classes_of`.
    settings
        Bootstrap of the intervals of the mean Dice over structures, and the area of ``size``.
    findings
        Booleans by finding, indexed by patient (:func:`cxrfactory.evaluate.benchmark.cases.read_findings`).

    Returns
    -------
    Table with the columns :data:`SUMMARY_COLUMNS`. Partitions are ``level`` (L1 to L4), and of the classes ``all``,
    ``group``, ``pathology``, ``size`` and ``finding``. ``structures`` counts structures in views.
    """
    classes = classes_of(scores)
    rows: list[Row] = []
    seeds = scores.groupby("model")["seed"].nunique()
    for partition, value, part in _parts(scores, classes, settings, findings):
        views = list(dict.fromkeys(part["view"]))
        for view in [ALL, *views] if len(views) > 1 else views:
            own = part if view == ALL else part[part["view"] == view]
            for model, table in own.groupby("model", sort=False):
                key = {"partition": partition, "value": value, "view": view, "model": model}
                rows.append(key | {"seeds": int(seeds[model])} | _means(table, settings))
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def class_scores(classes: pd.DataFrame, measure: str = "dice") -> dict[str, np.ndarray]:
    """Return the scores of the classes (L4) in their views by model, in one order; NaN where a model has none."""
    part = classes[classes["level"] == CLASS_LEVEL]
    table = part.pivot(index=["view", "structure"], columns="model", values=measure)
    return {model: table[model].to_numpy(np.float64) for model in dict.fromkeys(part["model"])}


def pairs_of(classes: pd.DataFrame, settings: BenchmarkTableConfig) -> pd.DataFrame:
    """Compare every two models by their class-wise scores (:mod:`cxrfactory.metrics.pairs`), one family a measure."""
    rows = [
        {"measure": measure} | asdict(pair)
        for measure in RATES
        for pair in compare_pairs(class_scores(classes, measure), settings.resamples, settings.seed)
    ]
    return pd.DataFrame(rows, columns=["measure", *(each.name for each in fields(ModelPair))])


def ranks_of(classes: pd.DataFrame, costs: pd.DataFrame, settings: BenchmarkTableConfig) -> pd.DataFrame:
    """Rank the models by their mean Dice over the classes (L4), with their cost: the median of the repeats."""
    ranks = [asdict(rank) for rank in rank_models(class_scores(classes), settings.resamples, settings.seed)]
    table = pd.DataFrame(ranks, columns=[each.name for each in fields(ModelRank)])
    table = table.rename(columns={"mean": "dice", "ci_low": "dice_low", "ci_high": "dice_high"})
    spent = costs.groupby("model")[["parameters", "gflops", "ms_median", "peak_mb"]].median().reset_index()
    return table.merge(spent, on="model", how="left")


def _parts(
    scores: pd.DataFrame, classes: pd.DataFrame, settings: BenchmarkTableConfig, findings: pd.DataFrame
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the partitions with their rows of classes; empty ones are left out."""
    leaves = classes[classes["level"] == CLASS_LEVEL]
    parts = [(ALL, ALL, leaves)]
    parts += [("level", level, classes[classes["level"] == level]) for level in LEVELS]
    parts += [("group", group, leaves[leaves["group"] == group]) for group in GROUPS]
    parts += [
        ("pathology", PATHOLOGY, leaves[leaves["pathology"]]),
        ("pathology", NORMAL, leaves[~leaves["pathology"]]),
    ]
    large = leaves.groupby(["view", "structure"])["truth_px"].transform("mean") >= settings.least_px
    parts.append(("size", f"{settings.least_px} px or more", leaves[large]))
    for name in findings.columns:
        patients = set(findings.index[findings[name]])
        own = scores[scores["patient_id"].isin(patients) & (scores["level"] == CLASS_LEVEL)]
        parts.append(("finding", name, classes_of(own)))
    return ((name, value, part) for name, value, part in parts if len(part))


def _means(table: pd.DataFrame, settings: BenchmarkTableConfig) -> Mapping[str, float | int]:
    dice = table["dice"].to_numpy(np.float64)
    low, high = bootstrap_interval(mean_of, dice, resamples=settings.resamples, seed=settings.seed)
    row: dict[str, float | int] = {"structures": len(table), "dice_low": low, "dice_high": high}
    return row | {name: table[name].mean() for name in (*MEASURES, "missed")}
