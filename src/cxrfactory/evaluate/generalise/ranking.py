"""How well quality scores rank the models' own masks, by source and over all sources."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cxrfactory.evaluate.generalise.scores import score_columns
from cxrfactory.evaluate.generalise.summary import UNSEEN_VAL, groups_of
from cxrfactory.metrics.ranking import rank_correlation, worst_found
from cxrfactory.tables.rows import Row

ALL_SOURCES = "all sources"
COLUMNS = [
    *("source", "group", "score", "organ", "images", "rank_correlation", "worst_tenth_area"),
    *("coverage", "width_median", "estimate_minus_truth"),
]


def rank_scores(images: pd.DataFrame) -> pd.DataFrame:
    """Compare each quality score with the true Dice of its organ.

    Parameters
    ----------
    images
        Tables of :func:`cxrfactory.evaluate.generalise.testing.measure_model`, one below the other.

    Returns
    -------
    One row for each group (all unseen images, and the seen ones of split ``val``), source (and :data:`ALL_SOURCES`) and
    score with at least two images: Spearman's rank correlation with the Dice (of the negative of a ``doubt``), and the
    ROC area for the tenth of the images with the lowest Dice. For estimates also the share of images whose Dice lies in
    the interval, the interval's median width, and the mean estimate minus the mean Dice. Where the lungs have no truth
    by the model's definition, their scores are compared with the Dice of the outline.
    """
    rows = [
        {"source": source, "group": group} | row
        for group, part in groups_of(images).items()
        if group != UNSEEN_VAL
        for source, own in [*part.groupby("source", sort=True), (ALL_SOURCES, part)]
        for row in _of_source(own)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def true_dice(images: pd.DataFrame, organ: str) -> pd.Series:
    """Return the Dice of ``lungs`` (or of their outline), of ``heart``, or of ``both``.

    ``both`` is the mean of the two, as in RCA. It is that of the lungs for a model without a heart, which has no
    ``ctr``, and NaN where the model has a heart and the truth has none.
    """
    lungs = images["dice_lungs"].astype(np.float64).fillna(images["dice_outline"].astype(np.float64))
    heart = images["dice_heart"].astype(np.float64)
    if organ == "both":
        return ((lungs + heart) / 2).where(images["ctr"].notna() | heart.notna(), lungs)
    return heart if organ == "heart" else lungs


def _of_source(images: pd.DataFrame) -> Iterator[Row]:
    for name in score_columns(list(images.columns)):
        kind, organ = name.split("_", 1)[0], name.rsplit("_", 1)[1]
        if kind in ("low", "high"):
            continue
        truth = true_dice(images, organ)
        score = images[name].astype(np.float64) * (-1 if kind == "doubt" else 1)
        known = (truth.notna() & score.notna()).to_numpy()
        if known.sum() < 2:
            continue
        score, true = score.to_numpy()[known], truth.to_numpy()[known]
        row: Row = {"score": name.rsplit("_", 1)[0], "organ": organ, "images": int(known.sum())}
        row |= {"rank_correlation": rank_correlation(score, true), "worst_tenth_area": worst_found(score, true)}
        if kind == "estimate":
            row |= _interval(images[known], organ, true)
        yield row


def _interval(images: pd.DataFrame, organ: str, truth: np.ndarray) -> Row:
    found: Row = {"estimate_minus_truth": float((images[f"estimate_{organ}"] - truth).mean())}
    if {f"low_{organ}", f"high_{organ}"} <= set(images.columns):
        low, high = (images[f"{end}_{organ}"].to_numpy(np.float64) for end in ("low", "high"))
        found["coverage"] = float(((low <= truth) & (truth <= high)).mean())
        found["width_median"] = float(np.median(high - low))
    return found
