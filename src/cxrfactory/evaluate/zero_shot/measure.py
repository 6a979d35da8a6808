"""Measures of a film's regions against drawn masks: Dice, IoU, sensitivity, specificity and HD95."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8

from cxrfactory.anatomy.film_regions import CLAVICLES, DRAWN_PREFIX, STRUCTURES, film_regions
from cxrfactory.anatomy.organs import HEART, LUNGS
from cxrfactory.anatomy.regions import WHOLE_REGIONS
from cxrfactory.evaluate.zero_shot.films import DRAWN, FRAME, TestFilm
from cxrfactory.metrics.distance import hd95
from cxrfactory.metrics.intervals import bootstrap_interval, mean_of
from cxrfactory.metrics.overlap import dice, jaccard
from cxrfactory.models.anatomy.network import AnatomyNetwork, FoundStructure

MEASURES = ("dice", "iou", "sensitivity", "specificity", "hd95_px")
HD95_SIDE = 1024  # distances are given in pixels of a frame of this side
# Two regions that are also compared as one mask.
TOGETHER = {
    "lungs": ("right_lung", "left_lung"),
    "whole_lungs": ("right_whole_lung", "left_whole_lung"),
    "clavicles": ("right_clavicle", "left_clavicle"),
}

# Region -> structures without which it cannot be made.
SOURCES = {
    **{name: STRUCTURES[name] for name in (*LUNGS, HEART)},
    **{whole: STRUCTURES[lung] for lung, whole in WHOLE_REGIONS.items()},
    **{region: (name,) for region, name in CLAVICLES.items()},
}


def found_of(network: AnatomyNetwork, film: TestFilm) -> tuple[str, dict[str, FoundStructure]]:
    """Return the view of a film and all its structures by name."""
    answer = network.read(film.image, film.view)
    return answer.view, {each.name: each for each in network.structures(answer, FRAME)}


def regions_of(found: Mapping[str, FoundStructure]) -> dict[str, Bool[np.ndarray, "size size"]]:
    """Return the regions that people draw, from the structures of a frontal film.

    A network of drawn lungs also has the drawn heart, so these outputs are the regions; so are outputs such as
    ``drawn_heart``, beside the projected structure. All other regions follow from the structures by the rule of the
    training tables: the projected heart has stumps of vessels that nobody draws. Regions whose structures the network
    does not know are left out.
    """
    masks = {name: each.mask.astype(bool) for name, each in found.items()}
    learned = {name.removeprefix(DRAWN_PREFIX): mask for name, mask in masks.items() if name.startswith(DRAWN_PREFIX)}
    own = {name: mask for name, mask in masks.items() if name in DRAWN and name != HEART}
    heart = {HEART: masks[HEART]} if own and HEART in masks else {}
    made = {name: mask for name, mask in film_regions(masks).items() if any(each in masks for each in SOURCES[name])}
    return made | own | heart | learned


def measure_film(
    truth: Mapping[str, UInt8[np.ndarray, "size size"]], found: Mapping[str, Bool[np.ndarray, "size size"]]
) -> Iterable[dict[str, Any]]:
    """Yield the measures of each region that was found and has a truth; two such regions are also united."""
    truth = {name: mask for name, mask in truth.items() if name in found}
    united = {name: parts for name, parts in TOGETHER.items() if all(each in truth for each in parts)}
    for name in (*truth, *united):
        parts = united.get(name, (name,))
        true = np.logical_or.reduce([truth[each] != 0 for each in parts])
        mask = np.logical_or.reduce([found[each] for each in parts])
        yield {"region": name, **_measures(mask, true)}


def _measures(mask: Bool[np.ndarray, "size size"], true: Bool[np.ndarray, "size size"]) -> dict[str, float]:
    inside, outside = int(true.sum()), int((~true).sum())
    far = hd95(mask, true) * HD95_SIDE / FRAME if mask.any() and true.any() else float("nan")
    return {
        "dice": dice(mask, true),
        "iou": jaccard(mask, true),
        "sensitivity": int((mask & true).sum()) / inside if inside else float("nan"),
        "specificity": int((~mask & ~true).sum()) / outside if outside else float("nan"),
        "hd95_px": far,
    }


def summarise(scores: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Return mean and bootstrap interval of each measure by source and region.

    Parameters
    ----------
    scores
        One row for each film and region: ``source``, ``region`` and :data:`MEASURES`.
    resamples, seed
        Number of bootstrap draws over films, and their seed.

    Returns
    -------
    Columns ``source``, ``region``, ``films``, and for each measure its mean, ``_low`` and ``_high``; rows of ``macro``
    hold the mean over right lung, left lung and heart of each film that has all three.
    """
    rows = []
    for (source, region), group in [*scores.groupby(["source", "region"], sort=True), *_macro(scores)]:
        row: dict[str, Any] = {"source": source, "region": region, "films": len(group)}
        for name in MEASURES:
            values = group[name].dropna().to_numpy(np.float64)
            low, high = bootstrap_interval(mean_of, values, resamples=resamples, seed=seed)
            row |= {name: values.mean() if len(values) else np.nan, f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = ["source", "region", "films", *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high"))]
    return pd.DataFrame(rows, columns=columns)


def _macro(scores: pd.DataFrame) -> Iterable[tuple[tuple[str, str], pd.DataFrame]]:
    organs = scores[scores["region"].isin(["right_lung", "left_lung", "heart"])]
    for source, group in organs.groupby("source", sort=True):
        counts = group.groupby("image_id")["region"].transform("nunique")
        whole = group[counts == 3]
        if len(whole):
            yield (source, "macro"), whole.groupby("image_id")[list(MEASURES)].mean().reset_index()
