"""Test whether RCA alone reveals differences in true Dice between groups: predicted gaps against true gaps.

The groups come from manifests, or they are simulated as cohorts with a known bias. A simulated cohort has two groups of
images, drawn from one set of scored masks that holds good and spoiled ones. More masks are spoiled in one group than in
the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cxrfactory.config.studies import BiasDiscoveryConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.bias.groups import attributes, read_people
from cxrfactory.evaluate.bias.plots import plot_gaps
from cxrfactory.logs import get_logger
from cxrfactory.metrics.agreement import pearson_r
from cxrfactory.metrics.groups import group_gaps
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.rows import Row

log = get_logger(__name__)

TRUE_NAMES = ("true_dice", "dice_true")  # the column's name in tables of rca-check and of evaluate
RCA = "dice_rca_mean"
GOOD = "none"  # kind of the masks that are not spoiled
MIXED = "mixed"
EQUAL_SHARE = 0.2  # share of the cohorts without a bias; they serve to count false alarms
SIZES = (0.0, 0.01, 0.02, 0.05, 0.1, 1.0)  # limits of the classes of the absolute true gap
LEAST_PATIENTS = 10
COLUMNS = [
    *("series", "name", "images", "rest_images", "true_gap", "true_low", "true_high"),
    *("rca_gap", "rca_low", "rca_high"),
]


@dataclass(frozen=True)
class Pair:
    """Two groups of images: the members, and all others.

    Attributes
    ----------
    series, name
        Series and name of the pair in the tables.
    true_dice, rca
        True Dice and RCA score of every image.
    patients
        Patient index of every image: consecutive integers from 0.
    members
        True for the images in the group.
    """

    series: str
    name: str
    true_dice: Float[np.ndarray, " images"]
    rca: Float[np.ndarray, " images"]
    patients: Int[np.ndarray, " images"]
    members: Bool[np.ndarray, " images"]


def discover_bias(
    scores: str | Path,
    output: str | Path,
    settings: BiasDiscoveryConfig,
    manifests: Sequence[str | Path] = (),
) -> pd.DataFrame:
    """Compare gaps predicted by RCA with true gaps.

    Parameters
    ----------
    scores
        CSV of images with true Dice and RCA: ``rca_check.csv`` of ``rca-check``, or ``images.csv`` of ``evaluate``.
    output
        Folder for ``gaps.csv``, ``summary.csv`` and ``gaps.png``.
    manifests
        Manifests of the images. They form groups by view, sex, age and finding, and each group is compared with the
        rest. Without manifests, :func:`biased_cohorts` draws cohorts from the spoiled masks in ``scores``.
    settings
        Number of cohorts and settings of the bootstrap. The seed is used for both draws.

    Returns
    -------
    The summary table. It has one row for all gaps, one for each series (kind of spoiling, or property) and one for each
    class of the true gap's size. ``r`` is Pearson's correlation over the gaps. ``mae`` is the mean absolute error of
    the predicted gap. ``slope`` is the slope of the line through 0 that predicts the RCA gap from the true gap; below
    1, RCA underestimates gaps. ``same_sign`` is the share of non-zero true gaps whose direction RCA predicts correctly.
    A gap is detected if its interval excludes 0: ``true_seen`` and ``rca_seen`` are shares of all gaps. ``found`` is
    the share of the gaps detected in true Dice that RCA detects in the same direction. ``false_alarms`` is the share of
    the other gaps that RCA detects.

    Raises
    ------
    CxrError
        If the table lacks a column or a score, an image occurs twice although manifests are given, or no pair of groups
        can be compared.
    """
    output, table = Path(output), read_scores(scores)
    if manifests:
        pairs: Iterator[Pair] = _groups_of_manifests(table, manifests, scores)
    else:
        pairs = biased_cohorts(table, settings.cohorts, settings.seed)
    gaps = pd.DataFrame([_gap_row(pair, settings) for pair in pairs], columns=COLUMNS)
    if gaps.empty:
        raise CxrError(f"{scores}: no two groups of {LEAST_PATIENTS} patients or more among its images")
    summary = summarise_gaps(gaps)
    for name, frame in (("gaps.csv", gaps), ("summary.csv", summary)):
        write_text(output / name, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    plot_gaps(gaps, summary, output / "gaps.png")
    whole = summary.iloc[0]
    log.info("%d gaps: Pearson r %.3f, mean absolute error %.4f, right direction %.0f %%; wrote %s", whole["gaps"],
             whole["r"], whole["mae"], 100 * whole["same_sign"], output)  # fmt: skip
    return summary


def read_scores(path: str | Path) -> pd.DataFrame:
    """Read a table of images with ``true_dice`` and ``dice_rca_mean``, and ``kind`` if the masks are spoiled."""
    try:
        table = pd.read_csv(path, dtype={"image_id": str})
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    true = next((name for name in TRUE_NAMES if name in table), None)
    missing = [name for name in ("image_id", RCA) if name not in table] + ([] if true else ["true_dice"])
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing; expected rca_check.csv, or images.csv of evaluate")
    table = table.rename(columns={true: "true_dice"})
    for name in ("true_dice", RCA):
        if not table[name].between(0, 1).all():
            wrong = table.index[~table[name].between(0, 1)][0]
            raise CxrError(f"{path}: row {wrong + 1}: {name} is {table.loc[wrong, name]}; expected [0, 1]")
    return table[[name for name in ("image_id", "kind", "true_dice", RCA) if name in table]]


def biased_cohorts(masks: pd.DataFrame, cohorts: int, seed: int) -> Iterator[Pair]:
    """Draw cohorts with a known bias from scored masks, good and spoiled.

    Each cohort assigns a random half of the images to each of two groups. Each image contributes one of its masks: a
    spoiled one with the probability of its group, and otherwise the good one. Both probabilities are uniform in [0, 1].
    Every fifth cohort uses one probability for both groups and so has no bias. All spoiled masks of a cohort have the
    same kind, or any kind (``mixed``), at any severity, because a segmenter that fails on a group fails in its own way.

    Parameters
    ----------
    masks
        Rows of ``rca_check.csv``: ``image_id``, ``kind`` (``none`` for the good mask), ``true_dice``,
        ``dice_rca_mean``.
    cohorts
        Number of cohorts. Cohort k does not depend on this number.
    seed
        Seed of the draw.

    Raises
    ------
    CxrError
        If the column ``kind`` is missing, fewer than four images have a good mask, or no kind of spoiled mask exists
        for all of these images.
    """
    if "kind" not in masks:
        raise CxrError("scores without a column 'kind': there are no spoiled masks to draw from; give manifests")
    good = masks[masks["kind"] == GOOD].drop_duplicates("image_id").set_index("image_id").sort_index()
    spoiled = masks[masks["kind"] != GOOD].sort_values(["image_id", "kind", "true_dice", RCA])
    choices = {
        kind: {image_id: rows[["true_dice", RCA]].to_numpy() for image_id, rows in part.groupby("image_id")}
        for kind, part in [*spoiled.groupby("kind"), (MIXED, spoiled)]
    }
    choices = {kind: of for kind, of in choices.items() if set(good.index) <= set(of)}
    if len(good) < 4 or not choices:
        raise CxrError(
            f"{len(good)} images with a good mask, {len(choices)} kinds of spoiled ones for all; expected 4, 1"
        )
    kinds = sorted(choices)
    for number in range(cohorts):
        rng = np.random.default_rng(seed_of(str(number), "cohort", seed))
        kind = kinds[int(rng.integers(len(kinds)))]
        chances = rng.random(2)
        if number % round(1 / EQUAL_SHARE) == 0:
            chances[1] = chances[0]
        members = np.zeros(len(good), bool)
        members[rng.permutation(len(good))[: len(good) // 2]] = True
        scores = good[["true_dice", RCA]].to_numpy(copy=True)
        for place, image_id in enumerate(good.index):
            if rng.random() < chances[0 if members[place] else 1]:
                of = choices[kind][image_id]
                scores[place] = of[rng.integers(len(of))]
        yield Pair(kind, f"cohort {number}", *scores.T, np.arange(len(good)), members)


def _groups_of_manifests(table: pd.DataFrame, manifests: Sequence[str | Path], where: str | Path) -> Iterator[Pair]:
    people = read_people(manifests).merge(table, on="image_id")
    if people["image_id"].duplicated().any() or people.empty:
        raise CxrError(f"{where}: {len(people)} rows of images in the manifests; expected one row an image")
    for attribute in attributes(people):
        known = people[attribute.known]
        patients = pd.factorize(known["patient"])[0]
        last = 1 if attribute.mirrored else len(attribute.groups)  # the second of two groups is the mirror image
        for group, members in list(zip(attribute.groups, attribute.members[:, attribute.known], strict=True))[:last]:
            sides = [len(set(patients[side])) for side in (members, ~members)]
            if min(sides) < LEAST_PATIENTS:
                log.info("%s %s: %d patients, rest %d; left out", attribute.name, group, *sides)
                continue
            yield Pair(attribute.name, group, known["true_dice"].to_numpy(), known[RCA].to_numpy(), patients, members)


def _gap_row(pair: Pair, settings: BiasDiscoveryConfig) -> Row:
    row: Row = {"series": pair.series, "name": pair.name}
    for name, values in (("true", pair.true_dice), ("rca", pair.rca)):
        gap = group_gaps(values, pair.patients, pair.members[None], settings.resamples, seed=settings.seed)[0]
        row |= {"images": gap.images, "rest_images": gap.rest_images, f"{name}_gap": gap.difference}
        row |= {f"{name}_low": gap.difference_low, f"{name}_high": gap.difference_high}
    return row


def summarise_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    """Summarise how well RCA predicts the gaps; :func:`discover_bias` describes the columns."""
    parts = [("all", gaps)]
    parts += [(str(name), rows) for name, rows in gaps.groupby("series", sort=True)]
    size = gaps["true_gap"].abs()
    for low, high in pairwise(SIZES):
        rows = gaps[(size >= low) & ((size < high) | (high == SIZES[-1]))]
        parts.append((f"true gap {low:g} or more" if high == SIZES[-1] else f"true gap {low:g} to {high:g}", rows))
    return pd.DataFrame([{"part": name} | _figures(rows) for name, rows in parts if len(rows)])


def _figures(rows: pd.DataFrame) -> dict[str, float]:
    true, rca = rows["true_gap"].to_numpy(), rows["rca_gap"].to_numpy()
    seen = {
        name: (rows[f"{name}_low"] > 0).to_numpy() | (rows[f"{name}_high"] < 0).to_numpy() for name in ("true", "rca")
    }
    same, sided = np.sign(true) == np.sign(rca), true != 0
    real, alarm = seen["true"], seen["rca"]
    return {
        "gaps": len(rows),
        "r": float(pearson_r(true, rca)) if len(rows) > 2 else float("nan"),
        "mae": float(np.abs(rca - true).mean()),
        "slope": float((rca * true).sum() / (true * true).sum()) if true.any() else float("nan"),
        "largest_error": float(np.abs(rca - true).max()),
        "same_sign": float(same[sided].mean()) if sided.any() else float("nan"),
        "true_seen": float(real.mean()),
        "rca_seen": float(alarm.mean()),
        "found": float((alarm & same)[real].mean()) if real.any() else float("nan"),
        "false_alarms": float(alarm[~real].mean()) if (~real).any() else float("nan"),
    }
