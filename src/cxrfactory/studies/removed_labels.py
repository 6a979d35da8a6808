"""Labels of one organ removed, by degrees and from a whole hospital: HybridGNet against U-Nets (thesis, table 2)."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.metrics.intervals import mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.label_protocols import train_and_measure
from cxrfactory.studies.label_removal import (
    as_background,
    keep_organs,
    organs_of,
    parts_of,
    ranks,
    read_labelled,
    tagged,
)
from cxrfactory.studies.labelled_tables import write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "removed-labels"
DEGREES = (0, 50, 75, 90)  # per cent of the patients whose hearts are removed
MOST = DEGREES[-1]
HOSPITAL = {"no-hearts": "L", "no-lungs": "H"}  # what is left of the labels of one hospital
ARMS = (*(f"{each}-percent" for each in DEGREES), *HOSPITAL)
NETWORKS = {"hybridgnet": "", "unet": "-naive", "unet-ht": ""}
REMOVED, WHOLE = "removed", "whole"  # sources of the truth of the hospital arms
SMALL_DROP = 0.05  # the paper's largest loss by removed hearts is 0.043
# Thesis, appendix F, table 2: Dice of the removed organ in its two data sets (experiments 2 and 4, 1 and 3).
PUBLISHED = {
    ("no-hearts", "hybridgnet"): (0.910, 0.899),
    ("no-hearts", "unet-ht"): (0.860, 0.872),
    ("no-hearts", "unet"): (0.027, 0.039),
    ("no-lungs", "hybridgnet"): (0.931, 0.905),
    ("no-lungs", "unet-ht"): (0.968, 0.932),
    ("no-lungs", "unet"): (0.034, 0.035),
}
COLUMNS = ["network", "image_id", "organ", "dice", "hd_px"]


def steps(context: Context) -> tuple[Step, ...]:
    """Remove labels, train every network on every table, and measure on images with all annotations."""
    removed = context.part(NAME, "labels", {"labelled": context.tables})
    truths = {"degrees": ARMS[: len(DEGREES)], "hospital": tuple(HOSPITAL)}
    done = train_and_measure(context, "lungs-heart", NETWORKS, dict(zip(ARMS, ARMS, strict=True)), truths)
    scores = {truth: [f"{{measured}}/{truth}/per_image.csv"] for truth in truths}
    return (removed, *done, context.part(NAME, SUMMARY, scores | {"about": ["{labels}/hospital.csv"]}))


def remove(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the tables with hearts removed by degrees, those of one hospital without hearts or lungs, and the truth.

    The hospital is the source with the fewest images if the tables have several sources. In tables of one source, it is
    made: half of the patients, whose images get a hospital's tag.
    """
    table = keep_organs(found := read_labelled(inputs["labelled"], "LH"), [organs_of("LH")] * len(found))
    places = ranks(table, "degree", settings.seed)
    tables = {}
    for degree in DEGREES:
        keep = ["L" if place < degree / 100 else "LH" for place in places]
        tables[f"{degree}-percent"] = keep_organs(table, [organs_of(each) for each in keep])
    films, name = _hospital(table, settings.seed)
    for arm, left in HOSPITAL.items():
        keep = [left if source == REMOVED else "LH" for source in films["source"]]
        tables[arm] = keep_organs(films, [organs_of(each) for each in keep])
    for arm, each in tables.items():
        write_labelled(each, output / f"{arm}.parquet")
        write_labelled(as_background(each, organs_of("LH")), output / f"{arm}-naive.parquet")
    write_labelled(table, output / "truth-degrees.parquet")
    write_labelled(films, output / "truth-hospital.parquet")
    counts = films[films["source"] == REMOVED].groupby("split").size()
    pd.DataFrame([{"hospital": name, **{split: int(counts.get(split, 0)) for split in ("train", "val")}}]).to_csv(
        output / "hospital.csv", index=False, lineterminator="\n"
    )


def _hospital(table: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, str]:
    """Return the images with ``removed`` or ``whole`` as their source, and what the hospital is in words."""
    both = table.groupby("source")["split"].agg(lambda splits: {"train", "val"} <= set(splits))
    counts = table["source"].value_counts()[both[both].index].sort_index()
    if len(counts) > 1:
        name = str(counts.idxmin())
        return table.assign(source=np.where(table["source"] == name, REMOVED, WHOLE)), f"source {name}"
    parts = parts_of(table, (REMOVED, WHOLE), "hospital", seed)
    films = tagged(table, ["left" if part == REMOVED else "" for part in parts])
    return films.assign(source=parts), "a made hospital (half of the patients, with a tag in their images)"


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the curve over the degrees, and the Dice of the removed organ in the hospital without its labels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    degrees = _named(pd.concat([pd.read_csv(path) for path in inputs["degrees"]]))
    hospital = _named(pd.concat([pd.read_csv(path) for path in inputs["hospital"]]))
    about = pd.read_csv(inputs["about"][0]).iloc[0]
    degrees = degrees[degrees["organ"] == "heart"]
    hidden = (hospital["arm"] == "no-hearts") & (hospital["organ"] == "heart")
    hidden |= (hospital["arm"] == "no-lungs") & (hospital["organ"] == "lungs")
    hospital = hospital[hidden & (hospital["source"] == REMOVED)]
    table = pd.concat([_table(degrees, settings.seed), _table(hospital, settings.seed)], ignore_index=True)
    figure = _figure(plt, table)
    dice = table.set_index(["network", "arm"])["dice"]
    finding = Finding(
        f"with the hearts of {MOST} % of the patients removed, HybridGNet's Dice of hearts goes from "
        f"{_of(dice, 'hybridgnet', '0-percent')} to {_of(dice, 'hybridgnet', f'{MOST}-percent')}, the naive U-Net's "
        f"from {_of(dice, 'unet', '0-percent')} to {_of(dice, 'unet', f'{MOST}-percent')}; in a hospital without any "
        f"label of hearts they reach {_of(dice, 'hybridgnet', 'no-hearts')} and {_of(dice, 'unet', 'no-hearts')} "
        "(paper: 0.910 and 0.027 in its first data set, 0.899 and 0.039 in its second).",
        table,
        {"curves": figure},
        _signs(degrees, hospital, settings.seed),
        data=f"{degrees['image_id'].nunique()} validation images; the hospital is {about['hospital']}, with "
        f"{about['train']} training and {about['val']} validation images",
    )
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)


def _named(scores: pd.DataFrame) -> pd.DataFrame:
    """Split the models' names into network and arm."""
    arms = {f"{network}-{arm}": (network, arm) for network in NETWORKS for arm in ARMS}
    known = scores[scores["model"].isin(list(arms)) & scores["dice"].notna()]
    return known.assign(network=known["model"].map(lambda name: arms[name][0]),
                        arm=known["model"].map(lambda name: arms[name][1]))  # fmt: skip


def _of(dice: pd.Series, *key: str) -> str:
    return f"{dice[key]:.3f}" if key in dice.index else "(not trained)"


def _table(scores: pd.DataFrame, seed: int) -> pd.DataFrame:
    rows = []
    for (arm, network), images in scores.groupby(["arm", "network"]):
        dice, low, high = mean_interval(images["dice"].to_numpy(), seed)
        finite = images.loc[np.isfinite(images["hd_px"]), "hd_px"]
        first, second = PUBLISHED.get((arm, network), (np.nan,) * 2)
        rows.append(
            {
                "arm": arm,
                "network": network,
                "organ": images["organ"].iloc[0],
                "images": len(images),
                "dice": dice,
                "dice_low": low,
                "dice_high": high,
                "hd_px": finite.mean(),
                "missed": len(images) - len(finite),  # images in which the network found nothing of the organ
                "published_first": first,
                "published_second": second,
            }
        )
    table = pd.DataFrame(rows)
    return table.sort_values(["arm", "network"], key=lambda column: column.map(_order), ignore_index=True).round(4)


def _order(name: str) -> int:
    return (*ARMS, *NETWORKS).index(name)


def _signs(degrees: pd.DataFrame, hospital: pd.DataFrame, seed: int) -> list[Sign]:
    both = pd.concat([degrees, hospital])
    wide = {measure: both.pivot(index="image_id", columns="model", values=measure) for measure in ("dice", "hd_px")}
    most = f"{MOST}-percent"
    claims = [
        ("dice", f"hybridgnet-{most}", f"unet-{most}", "above", 0.0,
         f"hearts of {MOST} % of the patients removed: HybridGNet's Dice exceeds the naive U-Net's", ""),
        ("dice", "hybridgnet-0-percent", f"hybridgnet-{most}", "below", SMALL_DROP,
         f"hearts of {MOST} % of the patients removed: HybridGNet loses less than {SMALL_DROP} of Dice",
         "0.031 and 0.043 (two data sets, no heart of theirs left)"),
        ("dice", "hybridgnet-no-hearts", "unet-no-hearts", "above", 0.0,
         "a hospital without hearts: HybridGNet's Dice of hearts exceeds the naive U-Net's", "0.883 and 0.860"),
        ("dice", "hybridgnet-no-lungs", "unet-no-lungs", "above", 0.0,
         "a hospital without lungs: HybridGNet's Dice of lungs exceeds the naive U-Net's", "0.897 and 0.870"),
        ("dice", "unet-ht-no-hearts", "unet-no-hearts", "above", 0.0,
         "a hospital without hearts: UNet-HT's Dice of hearts exceeds the naive U-Net's", "0.833 and 0.833"),
        ("hd_px", "unet-ht-no-hearts", "hybridgnet-no-hearts", "above", 0.0,
         "a hospital without hearts: UNet-HT's Hausdorff distance of hearts exceeds HybridGNet's (px)",
         "282 and 113 px"),
    ]  # fmt: skip
    signs = []
    for measure, first, second, side, limit, claim, published in claims:
        if not {first, second} <= set(wide[measure]):
            continue
        values = (wide[measure][first] - wide[measure][second]).replace([np.inf, -np.inf], np.nan).dropna().to_numpy()
        if len(values):
            signs.append(Sign(claim, *mean_interval(values, seed), side, limit, published))
    return signs


def _figure(plt: ModuleType, table: pd.DataFrame) -> "Figure":
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
    for place, network in enumerate(NETWORKS):
        own = table[table["network"] == network].set_index("arm")
        curve = own.reindex([f"{each}-percent" for each in DEGREES])
        ends = [(curve["dice"] - curve["dice_low"]).clip(lower=0), (curve["dice_high"] - curve["dice"]).clip(lower=0)]
        left.errorbar(DEGREES, curve["dice"], yerr=ends, marker="o", capsize=3, label=network, color=f"C{place}")
        for number, arm in enumerate(HOSPITAL):
            if arm in own.index:
                where = number + (place - 1) * 0.25
                right.bar(where, own.loc[arm, "dice"], 0.22, color=f"C{place}")
                if (arm, network) in PUBLISHED:
                    right.plot([where] * 2, PUBLISHED[arm, network], "k_", markersize=10)
    left.set(xlabel="patients without labels of the heart (%)", ylabel="Dice", ylim=(0, 1))
    labels = ["heart, where a\nhospital has none", "lungs, where a\nhospital has none"]
    right.set(xticks=range(len(HOSPITAL)), xticklabels=labels, title="strokes: the paper, two data sets")
    left.legend(loc="lower left")
    return figure


STUDY = Study(
    NAME,
    "thesis, section 5.3.2 and appendix F (ISBI 2023), table 2",
    "How well does a network find an organ whose labels were removed from many images, or from a whole hospital?",
    "where a hospital's hearts were removed, HybridGNet reaches a Dice of 0.910 and 0.899 (two data sets), UNet-HT "
    "0.860 and 0.872, the naive U-Net 0.027 and 0.039; where its lungs were, HybridGNet 0.931 and 0.905, the U-Net "
    "0.034 and 0.035. The paper removed all labels of a hospital; the degrees are this project's.",
    3.5,
    steps,
    {
        "labels": "cxrfactory.studies.removed_labels:remove",
        SUMMARY: "cxrfactory.studies.removed_labels:summarise",
    },
    needs="landmarks of lungs and heart (labels LH or LHC); with several sources, one of them is the hospital",
    requires=Requirement(organs="LH"),
)
