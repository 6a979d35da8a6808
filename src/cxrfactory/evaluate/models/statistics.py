"""Statistics over images: means with bootstrap intervals, and tests between models."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from cxrfactory.anatomy.organs import ORGAN_NODES
from cxrfactory.evaluate.models.labelled import UNIONS
from cxrfactory.evaluate.models.measure import LANDMARK_MEASURE, MASK_MEASURES, WHOLE
from cxrfactory.metrics.agreement import holm, paired_wilcoxon, pearson_r
from cxrfactory.metrics.intervals import bootstrap_interval, mean_of

ALL_SOURCES = "all"
CTR_ERROR, CTR_R = "ctr_error", "ctr_r"
SUMMARY_COLUMNS = [
    *("model", "source", "organ", "measure", "images", "missing", "infinite"),
    *("mean", "ci_low", "ci_high", "sd", "median", "min", "max"),
]
TEST_COLUMNS = [
    *("source", "organ", "measure", "first", "second", "pairs", "unequal"),
    *("median_difference", "rank_biserial", "p", "p_holm"),
]


def summarise(images: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Summarise every measure by model, source and organ.

    Parameters
    ----------
    images
        Rows of :func:`cxrfactory.evaluate.models.measure.measure` with ``model``, ``source`` and ``image_id``.
    resamples, seed
        As in :func:`cxrfactory.metrics.intervals.bootstrap_interval`.

    Returns
    -------
    One row for each model, source (and ``all``, if there are several), organ and measure. ``images`` counts the finite
    values, to which the statistics refer. ``ctr_error`` is the absolute error of the cardiothoracic ratio. The row
    ``ctr_r`` holds the Pearson correlation of the found and the true ratio in ``mean``, and no spread.
    """
    rows = []
    for (model, source), part in _by_source(images):
        for organ, group in part.groupby("organ", sort=False):
            key = {"model": model, "source": source, "organ": organ}
            for measure in (*MASK_MEASURES, LANDMARK_MEASURE):
                values = group[measure].to_numpy(np.float64)
                if _has(group, measure):
                    rows.append(key | {"measure": measure} | _spread(values, resamples, seed))
            if "ctr" in group and group["ctr_true"].notna().any():
                rows += [key | row for row in _ctr_rows(group, resamples, seed)]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def one_row_each(summary: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each model: the means that papers report, over all sources.

    Parameters
    ----------
    summary
        Table of :func:`summarise`.

    Returns
    -------
    Table with ``model``; ``dice``, ``hd_px`` and ``hd95_px`` of lungs and heart, and of organs that no landmark graph
    has, such as ``airways``; ``landmark_mse_px2`` and ``ctr_r``. A cell is empty if the model has no such organ or no
    landmarks.
    """
    several = summary["source"].eq(ALL_SOURCES).any()
    summary = summary[summary["source"].eq(ALL_SOURCES)] if several else summary
    usual = {WHOLE, *UNIONS, *ORGAN_NODES}
    others = [organ for organ in dict.fromkeys(summary["organ"]) if organ not in usual]
    columns = {
        f"{name}_{organ}": (organ, name)
        for organ in ("lungs", "heart", *others)
        for name in ("dice", "hd_px", "hd95_px")
    }
    columns |= {name: (WHOLE, name) for name in (LANDMARK_MEASURE, CTR_R)}
    means = summary.pivot(index="model", columns=["organ", "measure"], values="mean")
    rows = means.reindex(columns=pd.MultiIndex.from_tuples(columns.values()))
    rows.columns = list(columns)
    return rows.reindex(list(dict.fromkeys(summary["model"]))).reset_index(names="model")


def compare_models(images: pd.DataFrame) -> pd.DataFrame:
    """Test every pair of models on the images that both have, by source, organ and measure.

    The test is Wilcoxon's signed-rank test, two-sided. Holm's correction runs over the organs and pairs of models of
    one source and measure, ``ctr_error`` included. A single model gives no rows.
    """
    images = images.assign(**{CTR_ERROR: (images["ctr"] - images["ctr_true"]).abs()})
    names = list(dict.fromkeys(images["model"]))
    rows = []
    for source, part in _sources(images):
        for measure in (*MASK_MEASURES, LANDMARK_MEASURE, CTR_ERROR):
            family = []
            for organ, group in part.groupby("organ", sort=False):
                if not _has(group, measure):
                    continue
                table = group.pivot(index="image_id", columns="model", values=measure)
                for first, second in combinations([name for name in names if name in table], 2):
                    test = paired_wilcoxon(table[first].to_numpy(), table[second].to_numpy())
                    key = {"source": source, "organ": organ, "measure": measure, "first": first, "second": second}
                    family.append(key | vars(test))
            adjusted = holm([row["p"] for row in family])
            rows += [row | {"p_holm": p} for row, p in zip(family, adjusted, strict=True)]
    return pd.DataFrame(rows, columns=TEST_COLUMNS)


def _has(group: pd.DataFrame, measure: str) -> bool:
    """Return whether the measure exists for this organ; NaN of two empty masks counts as a missing value."""
    if measure in MASK_MEASURES:
        return bool((group["organ"] != WHOLE).any())
    return bool(group[measure].notna().any())


def _spread(values: np.ndarray, resamples: int, seed: int) -> dict[str, float | int]:
    finite = values[np.isfinite(values)]
    row: dict[str, float | int] = {"images": finite.size, "missing": int(np.isnan(values).sum())}
    row["infinite"] = int(np.isinf(values).sum())
    if finite.size:
        low, high = bootstrap_interval(mean_of, finite, resamples=resamples, seed=seed)
        row |= {"mean": finite.mean(), "ci_low": low, "ci_high": high}
        row |= {"median": np.median(finite), "min": finite.min(), "max": finite.max()}
        if finite.size > 1:
            row["sd"] = finite.std(ddof=1)
    return row


def _ctr_rows(group: pd.DataFrame, resamples: int, seed: int) -> list[dict[str, float | int | str]]:
    found, truth = group["ctr"].to_numpy(np.float64), group["ctr_true"].to_numpy(np.float64)
    rows = [{"measure": CTR_ERROR} | _spread(np.abs(found - truth), resamples, seed)]
    both = ~(np.isnan(found) | np.isnan(truth))
    found, truth = found[both], truth[both]
    row = {"measure": CTR_R, "images": found.size, "missing": int((~both).sum()), "infinite": 0}
    if found.size > 2:  # two points always lie on a line
        low, high = bootstrap_interval(pearson_r, found, truth, resamples=resamples, seed=seed)
        row |= {"mean": float(pearson_r(found, truth)), "ci_low": low, "ci_high": high}
    return [*rows, row]


def _sources(images: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    names = sorted(images["source"].unique())
    for name in names:
        yield name, images[images["source"] == name]
    if len(names) > 1:
        yield ALL_SOURCES, images


def _by_source(images: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    for model, part in images.groupby("model", sort=False):
        for source, rows in _sources(part):
            yield (model, source), rows
