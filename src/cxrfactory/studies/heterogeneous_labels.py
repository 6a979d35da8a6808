"""Organs annotated in a part of the images each: HybridGNet by indexing against U-Nets (thesis, chapter 5)."""

from collections.abc import Callable
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
    read_labelled,
    tagged,
)
from cxrfactory.studies.labelled_tables import write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "heterogeneous-labels"
NESTED = {"L": "left", "LH": "right", "LHC": ""}  # hospital, by what it annotates -> corner of its tag
APART = ("L", "H", "C")
ORGANS = {"lungs": "L", "heart": "H", "clavicles": "C"}  # as evaluate-model names them -> letter of the code
# Network -> table that it learns from, without and with unannotated organs as background.
NETWORKS = {"hybridgnet": "", "unet": "-naive", "nnunet": "-naive", "unet-ht": ""}
PROTOCOLS = ("full", "strict", "apart")
TABLES = {"full": "nested", "strict": "strict", "apart": "apart"}
# Thesis, appendix F, table 1, models LHC on the test images of JSRT: Dice and Hausdorff distance, px at 1024.
PUBLISHED = {
    ("full", "hybridgnet"): {"lungs": (0.97, 31.1), "heart": (0.94, 34.2), "clavicles": (0.82, 22.9)},
    ("full", "unet"): {"lungs": (0.98, 63.0), "heart": (0.94, 54.5), "clavicles": (0.91, 49.2)},
    ("full", "nnunet"): {"lungs": (0.98, 35.6), "heart": (0.95, 31.1), "clavicles": (0.93, 38.1)},
    ("full", "unet-ht"): {"lungs": (0.98, 55.2), "heart": (0.94, 47.6), "clavicles": (0.94, 43.6)},
    ("strict", "hybridgnet"): {"lungs": (0.97, 33.9), "heart": (0.93, 35.7), "clavicles": (0.84, 20.8)},
    ("strict", "unet"): {"lungs": (0.97, 67.5), "heart": (0.94, 67.6), "clavicles": (0.93, 44.8)},
    ("strict", "nnunet"): {"lungs": (0.98, 35.0), "heart": (0.95, 29.5), "clavicles": (0.95, 14.1)},
    ("strict", "unet-ht"): {"lungs": (0.98, 78.1), "heart": (0.94, 82.2), "clavicles": (0.94, 28.3)},
}


def steps(context: Context) -> tuple[Step, ...]:
    """Remove annotations, train every network by every protocol, and measure on images with all annotations."""
    removed = context.part(NAME, "labels", {"labelled": context.tables})
    truths = {"nested": ("full", "strict"), "apart": ("apart",)}
    done = train_and_measure(context, "lungs-heart-clavicles", NETWORKS, TABLES, truths)
    scores = [f"{{measured}}/{truth}/per_image.csv" for truth in truths]
    return (removed, *done, context.part(NAME, SUMMARY, {"scores": scores}))


def remove(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the tables of both settings with removed annotations, their naive forms, and the whole truth.

    ``nested`` has three hospitals that annotate lungs, lungs and heart, and lungs, heart and clavicles; each hospital
    has its own tag in its images. ``strict`` is the last hospital alone. ``apart`` has lungs, heart and clavicles in a
    third of the images each, without tags. The column ``source`` of the truth names the hospital or the third.
    """
    table = read_labelled(inputs["labelled"], "LHC")
    hospitals = parts_of(table, tuple(NESTED), "hospital", settings.seed)
    thirds = parts_of(table, APART, "third", settings.seed)
    films = tagged(table, list(hospitals.map(NESTED))).assign(source=hospitals)
    apart = table.assign(source=thirds)
    tables = {
        "nested": keep_organs(films, list(hospitals.map(organs_of))),
        "apart": keep_organs(apart, list(thirds.map(organs_of))),
    }
    tables["strict"] = tables["nested"][tables["nested"]["source"] == "LHC"]
    for name, each in tables.items():
        write_labelled(each, output / f"{name}.parquet")
        write_labelled(as_background(each, organs_of("LHC")), output / f"{name}-naive.parquet")
    write_labelled(films, output / "truth-nested.parquet")
    write_labelled(apart, output / "truth-apart.parquet")


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write Dice and Hausdorff distance by protocol, network and organ, where it was annotated and where not."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    scores = pd.concat([pd.read_csv(path) for path in inputs["scores"]])
    scores = scores[scores["organ"].isin(list(ORGANS)) & scores["dice"].notna()]
    names = scores["model"].str.rpartition("-")
    scores = scores.assign(network=names[0], protocol=names[2])
    scores["annotated"] = [ORGANS[organ] in hospital for organ, hospital in zip(scores["organ"], scores["source"],
                                                                                 strict=True)]  # fmt: skip
    table = _table(scores, settings.seed)
    signs = _signs(scores, settings.seed)
    figure = _figure(plt, table)
    hidden = table[(table["protocol"] == "full") & ~table["annotated"]].set_index(["network", "organ"])["dice"]
    finding = Finding(
        "in images of hospitals that do not annotate the organ, HybridGNet reaches a Dice of "
        f"{_of(hidden, 'hybridgnet', 'heart')} for hearts and {_of(hidden, 'hybridgnet', 'clavicles')} for clavicles, "
        f"the naive U-Net {_of(hidden, 'unet', 'heart')} and {_of(hidden, 'unet', 'clavicles')}, the naive nnU-Net "
        f"{_of(hidden, 'nnunet', 'heart')} and {_of(hidden, 'nnunet', 'clavicles')}, UNet-HT "
        f"{_of(hidden, 'unet-ht', 'heart')} and {_of(hidden, 'unet-ht', 'clavicles')}.",
        table,
        {"dice": figure},
        signs,
        data=f"{scores['image_id'].nunique()} validation images, divided among three made hospitals",
    )
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)


def _of(values: pd.Series, *key: str) -> str:
    return f"{values[key]:.3f}" if key in values.index else "(not trained)"


def _table(scores: pd.DataFrame, seed: int) -> pd.DataFrame:
    rows = []
    for (protocol, network, organ, annotated), images in scores.groupby(["protocol", "network", "organ", "annotated"]):
        mean, low, high = mean_interval(images["dice"].to_numpy(), seed)
        finite = images.loc[np.isfinite(images["hd_px"]), "hd_px"]
        dice, distance = (
            PUBLISHED.get((protocol, network), {}).get(organ, (np.nan,) * 2) if annotated else (np.nan,) * 2
        )
        rows.append(
            {
                "protocol": protocol,
                "network": network,
                "organ": organ,
                "annotated": annotated,  # by the hospital of the image
                "images": len(images),
                "dice": mean,
                "dice_low": low,
                "dice_high": high,
                "hd_px": finite.mean(),
                "missed": len(images) - len(finite),  # images in which the network found nothing of the organ
                "published_dice": dice,
                "published_hd_px": distance,
            }
        )
    return pd.DataFrame(rows).round(4)


def _signs(scores: pd.DataFrame, seed: int) -> list[Sign]:
    def apart(first: str, second: str, organ: str, where: Callable[[pd.DataFrame], pd.Series]) -> np.ndarray:
        wide = scores[where(scores) & (scores["organ"] == organ)].pivot(
            index="image_id", columns="model", values="dice"
        )
        return (wide[first] - wide[second]).dropna().to_numpy() if {first, second} <= set(wide) else np.zeros(0)

    def hidden(rows: pd.DataFrame) -> pd.Series:
        return ~rows["annotated"]

    def only_lungs(rows: pd.DataFrame) -> pd.Series:
        return rows["source"] == "L"

    nothing = "naive networks find nothing of it (figure 1)"
    claims = [
        ("hybridgnet-full", "unet-full", "heart", hidden, "Full: HybridGNet finds the heart where it is not annotated, "
         "the naive U-Net does not (Dice, difference)", nothing),
        ("hybridgnet-full", "nnunet-full", "heart", hidden, "Full: the same against the naive nnU-Net", nothing),
        ("hybridgnet-full", "unet-full", "clavicles", hidden, "Full: the same for clavicles, against the naive U-Net",
         nothing),
        ("unet-ht-full", "unet-full", "heart", hidden, "Full: UNet-HT finds the heart where it is not annotated, the "
         "naive U-Net does not", "UNet-HT finds hearts everywhere (figure 1)"),
        ("hybridgnet-full", "unet-ht-full", "clavicles", hidden, "Full: HybridGNet finds clavicles where they are not "
         "annotated, UNet-HT does not", "UNet-HT finds clavicles in JSRT only (figure 1)"),
        ("hybridgnet-full", "hybridgnet-strict", "lungs", only_lungs, "HybridGNet's lungs are better by Full than by "
         "Strict, in the hospital that annotates lungs alone", "+0.03 (0.97 against 0.94 in Montgomery)"),
        ("hybridgnet-apart", "unet-apart", "heart", hidden, "each organ annotated in another third: HybridGNet finds "
         "hearts where they are not annotated, the naive U-Net does not", ""),
    ]  # fmt: skip
    signs = []
    for first, second, organ, where, claim, published in claims:
        values = apart(first, second, organ, where)
        if len(values):
            signs.append(Sign(claim, *mean_interval(values, seed), "above", published=published))
    return signs


def _figure(plt: ModuleType, table: pd.DataFrame) -> "Figure":
    protocols = [each for each in PROTOCOLS if each in set(table["protocol"])]
    figure, axes = plt.subplots(1, len(protocols), figsize=(4.2 * len(protocols), 3.6), layout="constrained",
                                sharey=True, squeeze=False)  # fmt: skip
    for axis, protocol in zip(axes[0], protocols, strict=True):
        rows = table[table["protocol"] == protocol]
        networks = [each for each in NETWORKS if each in set(rows["network"])]
        for place, network in enumerate(networks):
            for annotated, style in ((True, {}), (False, {"hatch": "///", "alpha": 0.6})):
                own = rows[(rows["network"] == network) & (rows["annotated"] == annotated)].set_index("organ")["dice"]
                where = [
                    number + (place * 2 + (not annotated)) * 0.8 / (2 * len(networks)) - 0.4
                    for number in range(len(ORGANS))
                ]
                axis.bar(where, own.reindex(list(ORGANS)), 0.7 / (2 * len(networks)), align="edge",
                         color=f"C{[*NETWORKS].index(network)}", label=network if annotated else None,
                         **style)  # fmt: skip
        axis.set(title=protocol, xticks=range(len(ORGANS)), xticklabels=list(ORGANS), xlim=(-0.5, 2.5), ylim=(0, 1))
    axes[0][0].set_ylabel("Dice (hatched: organ not annotated there)")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(NETWORKS))
    return figure


STUDY = Study(
    NAME,
    "thesis, section 5.3.2 and appendix F (ISBI 2023), table 1 and figure 1",
    "Does a network learn all organs from images of which each hospital annotates only some?",
    "HybridGNet, which learns by indexing, segments all organs in all images; a naive U-Net and nnU-Net find only what "
    "the image's hospital annotates; UNet-HT finds hearts everywhere, clavicles only where they are annotated.",
    2.5,
    steps,
    {
        "labels": "cxrfactory.studies.heterogeneous_labels:remove",
        SUMMARY: "cxrfactory.studies.heterogeneous_labels:summarise",
    },
    needs="landmarks of lungs, heart and clavicles (labels LHC), as JSRT has",
    requires=Requirement(organs="LHC"),
)
