"""CXLSeg's four U-Nets (table IV, figure 3) on a training set that is balanced by varied copies (table II).

The SA-UNet is that of Guo et al. (ICPR 2020), which has the structured dropout that CXLSeg describes. The reference
that CXLSeg gives is another network of that name (Fan et al., Remote Sensing 2022): a U-Net whose encoder has residual
atrous spatial pyramids, with spatial attention. It is not offered here.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.intervals import mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_tables import read_image_words, write_labelled
from cxrfactory.studies.lung_sets import (
    BOTH,
    at_most,
    patient_means,
    read_lungs,
    regions_of,
    resized,
)
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study

NETWORKS = ("unet", "unet-plus-plus", "attention-unet", "sa-unet")
SIDES = {"small": 64, "full": 224}  # of the network's input, pixels
SMALL = {"train": 320, "val": 120}  # most films before balancing in the small size
MOST = 10  # most pairs of a film, as in table II
CLIP = 2.0  # of CLAHE, which the paper uses without numbers; as config section cxlseg
# Copies are made before the training and take the place of augmentation, as in the paper.
STILL = (
    *("--rotation-degrees=0", "--scale=0", "--shift=0"),
    *("--appearance=0", "--gamma-low=1", "--gamma-high=1", "--loss=dice-cross-entropy"),
)
MEASURES = ("dice", "iou", "recall", "precision")
# Table IV, percent.
PAPER = {
    "unet": {"loss": 16.92, "dice": 92.88, "iou": 86.75, "recall": 93.68, "precision": 94.68},
    "unet-plus-plus": {"loss": 13.02, "dice": 94.88, "iou": 90.28, "recall": 95.42, "precision": 96.06},
    "attention-unet": {"loss": 13.94, "dice": 95.09, "iou": 90.66, "recall": 95.17, "precision": 95.66},
    "sa-unet": {"loss": 12.59, "dice": 96.80, "iou": 91.97, "recall": 96.05, "precision": 96.23},
}
# Table II: source, class, films before and after.
BALANCED = (
    ("Shenzhen", "tuberculosis", 336, 3360),
    ("Shenzhen", "normal", 326, 326),
    ("Montgomery", "tuberculosis", 58, 580),
    ("Montgomery", "normal", 80, 320),
    ("V7-labs", "covid-19", 517, 3619),
    ("V7-labs", "pneumonia", 3987, 3987),
    ("V7-labs", "normal", 1602, 3204),
)


def steps(context: Context) -> tuple[Step, ...]:
    """Balance the training films, train the four networks alike, and measure them."""
    classes = {"classes": [str(context.settings.classes)]} if context.settings.classes else {}
    balanced = context.part("cxlseg-networks", "balanced", {"tables": context.tables} | classes)
    table = "{balanced}/labelled.parquet"
    shared = (
        *("--organs=all", f"--input-size={SIDES[context.settings.size]}", "--epochs=15", *STILL),
        *("--select=loss", "--patience=1000", "--validate-every=1"),
        *(("--learning-rate=3e-3", "--average=0.97") if context.small else ()),  # few steps
    )
    trained = [
        context.train(name, f"--segmenter={name}", *shared, labelled=[table], needs=("balanced",)) for name in NETWORKS
    ]
    weights = tuple(f"--weights={{{name}}}/weights.safetensors" for name in NETWORKS)
    device = f"--device={context.settings.device}"
    measured = Step(
        "measured",
        (("evaluate-model", f"--labelled={table}", *weights, f"--output={OUT}", device),),
        needs=("balanced", *NETWORKS),
    )
    found = {
        "measured": ["{measured}/per_image.csv"],
        "films": ["{balanced}/films.csv"],
        "counts": ["{balanced}/counts.csv"],
        "histories": [f"{{{name}}}/history.csv" for name in NETWORKS],
        "cards": [f"{{{name}}}/weights.json" for name in NETWORKS],
    }
    return (balanced, *trained, measured, context.part("cxlseg-networks", SUMMARY, found))


def balance(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the films with varied copies (``labelled.parquet``), ``films.csv``, and ``counts.csv`` as table II.

    Copies are those of ``label balance``: each class is repeated as often as brings it nearest to the largest one, at
    most ten times. A film keeps the definition of its lungs. Validation films are not copied.
    """
    from cxrfactory.imaging.drawing.png import decode_png, encode_png
    from cxrfactory.imaging.radiograph.intensity import Clahe, apply_clahe
    from cxrfactory.imaging.radiograph.vary import Changes, varied_copies

    films = read_lungs(inputs["tables"])
    if settings.small:
        films = at_most(films, SMALL, settings.seed)
    films = films.assign(kind=classes_of(films, inputs.get("classes", [])))
    training = films[films["split"] == "train"]
    times = times_of(training["kind"])
    side, clahe, rows = SIDES[settings.size], Clahe(CLIP), []
    for film in films.to_dict("records"):
        region = film["regions"][0]  # films with both definitions count by the first
        image, (mask,) = resized(apply_clahe(decode_png(film["png"]), clahe), [decode_png(region["png"])], side)
        repeats = times[film["kind"]] if film["split"] == "train" else 1
        for name, picture, drawn in varied_copies(image, mask, film["image_id"], repeats, Changes(), settings.seed):
            own = {"image_id": name, "png": encode_png(picture), "size": side}
            rows.append(film | own | {"regions": [{"name": region["name"], "png": encode_png(drawn)}]})
    made = pd.DataFrame(rows)
    write_labelled(made, output / "labelled.parquet")
    counts = training.groupby(["source", "kind"]).size().rename("original").reset_index()
    counts["images"] = counts["original"] * counts["kind"].map(times)
    counts.rename(columns={"kind": "class"}).to_csv(output / "counts.csv", index=False, lineterminator="\n")
    listed = films.assign(region=[regions_of(film)[0] for film in films.to_dict("records")])
    columns = ["image_id", "patient_id", "source", "split", "region"]
    listed[columns].to_csv(output / "films.csv", index=False, lineterminator="\n")


def classes_of(films: pd.DataFrame, files: list[Path]) -> list[str]:
    """Return the class of each film from CSV files with ``image_id`` and ``class``; without a file, its source.

    Raises
    ------
    CxrError
        If a file lacks a column, names a film twice or lacks a training film.
    """
    if not files:
        return films["source"].tolist()
    kinds = films["image_id"].map(read_image_words(files, "class"))
    if (without := kinds.isna() & films["split"].eq("train")).any():
        name = films["image_id"][without].iloc[0]
        where = ", ".join(map(str, files))
        raise CxrError(f"{where}: no class of image '{name}'; expected one for each of {len(films)} films with lungs")
    return kinds.fillna("").tolist()


def times_of(kinds: pd.Series) -> dict[str, int]:
    """Return how often films of each class are used, so that classes come near the largest one; at most ten times."""
    counts = kinds.value_counts()
    return {name: int(np.clip(round(counts.max() / count), 1, MOST)) for name, count in counts.items()}


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write table IV beside the paper's, the curves of figure 3, and whether SA-UNet leads."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    films = pd.read_csv(inputs["films"][0], dtype=str)
    measured = pd.read_csv(inputs["measured"][0])
    measured = measured[measured["organ"].isin(BOTH)]
    histories = dict(zip(NETWORKS, (pd.read_csv(path) for path in inputs["histories"]), strict=True))
    cards = dict(zip(NETWORKS, (json.loads(path.read_text()) for path in inputs["cards"]), strict=True))
    patients = films.set_index("image_id")["patient_id"]
    wide = measured.pivot(index="image_id", columns="model", values="dice").dropna()
    signs = []
    for other in ("unet", "unet-plus-plus", "attention-unet"):
        apart = patient_means(wide["sa-unet"] - wide[other], patients).to_numpy()
        published = f"{(PAPER['sa-unet']['dice'] - PAPER[other]['dice']) / 100:.4f}"
        claim = f"SA-UNet's Dice is above that of {other} (difference)"
        signs.append(Sign(claim, *mean_interval(apart, settings.seed), "above", published=published))
    table = _table(measured, histories, cards, patients, settings.seed)
    counts = pd.read_csv(inputs["counts"][0])
    mean = wide.mean()
    figure = _curves(histories)
    names = " and ".join(sorted(films["region"].unique()))
    finding = Finding(
        f"the Dice is {mean['unet']:.3f} for the U-Net, {mean['unet-plus-plus']:.3f} for U-Net++, "
        f"{mean['attention-unet']:.3f} for Attention U-Net and {mean['sa-unet']:.3f} for SA-UNet (the paper: 0.929, "
        "0.949, 0.951 and 0.968).",
        table,
        {"curves": figure},
        signs,
        {
            "balanced": counts,
            "balanced_paper": pd.DataFrame(BALANCED, columns=["source", "class", "original", "images"]),
        },
        f"{counts['original'].sum()} films that copies make {counts['images'].sum()}, balanced by "
        f"{'source' if counts['class'].eq(counts['source']).all() else 'class'}, and {len(wide)} validation films of "
        f"{', '.join(sorted(films['source'].unique()))}; one output for each definition of lungs ({names}), trained by "
        "the films of that definition alone. Weights of the smallest validation loss. SA-UNet is that "
        "of Guo et al. (ICPR 2020)",
    )
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)


def _table(
    measured: pd.DataFrame, histories: dict[str, pd.DataFrame], cards: dict, patients: pd.Series, seed: int
) -> pd.DataFrame:
    rows = []
    for name in NETWORKS:
        part = measured[measured["model"] == name]
        for source in (*sorted(part["source"].unique()), "all"):
            group = (part if source == "all" else part[part["source"] == source]).set_index("image_id")
            row: dict[str, object] = {"model": name, "source": source, "images": len(group)}
            row |= {measure: 100 * group[measure].mean() for measure in MEASURES}
            _, low, high = mean_interval(100 * patient_means(group["dice"].dropna(), patients), seed)
            row |= {"dice_low": low, "dice_high": high}
            if source == "all":
                row |= {"loss": 100 * histories[name]["val_loss"].min(), "epochs": len(histories[name])}
                row |= {"train": cards[name]["data"]["train"]}
                row |= {f"paper_{measure}": value for measure, value in PAPER[name].items()}
            rows.append(row)
    return pd.DataFrame(rows)


def _curves(histories: dict[str, pd.DataFrame]):
    """Draw loss and Dice by epoch; the paper draws an accuracy that it does not define, for which the Dice stands."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(histories), figsize=(3 * len(histories), 5), layout="constrained",
                                sharex=True, sharey="row")  # fmt: skip
    for (upper, lower), (name, history) in zip(axes.T, histories.items(), strict=True):
        for number, region in enumerate(BOTH):
            if (column := f"val_dice_{region}") in history:
                upper.plot(history["epoch"], history[column], color=f"C{number + 2}", label=region.replace("_", " "))
        lower.plot(history["epoch"], history["loss"], label="training")
        lower.plot(history["epoch"], history["val_loss"], label="validation")
        upper.set_title(name, fontsize=10)
        lower.set_xlabel("epoch")
        lower.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel("Dice, validation")
    axes[1, 0].set_ylabel("loss (Dice and cross-entropy)")
    for row in axes:
        row[0].legend(fontsize=7, frameon=False)
    return figure


STUDY = Study(
    "cxlseg-networks",
    "CXLSeg, tables II and IV, figure 3",
    "Which of four U-Nets finds lungs best after 15 epochs on a balanced training set?",
    "Dice of 96.80 for SA-UNet, 95.09 for Attention U-Net, 94.88 for U-Net++ and 92.88 for U-Net, percent, on 15,396 "
    "images of Shenzhen, Montgomery and V7, whose definitions of lungs it mixes.",
    0.5,
    steps,
    {SUMMARY: "cxrfactory.studies.cxlseg_networks:summarise", "balanced": "cxrfactory.studies.cxlseg_networks:balance"},
    "lungs; studies.classes names the class of each film (tuberculosis, covid-19, pneumonia, normal)",
)
