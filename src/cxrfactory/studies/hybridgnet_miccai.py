"""The first HybridGNet: autoencoders first, dual decoders, and baselines, over three folds (MICCAI 2021, figure 2).

The article's figure has no printed numbers, so that the signs compare directions: its hybrid networks have a smaller
landmark error and a smaller Hausdorff distance than FC and PCA, and masks learned beside landmarks change nothing.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import LABEL_GRAPHS
from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import paired_wilcoxon
from cxrfactory.metrics.intervals import mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study
from cxrfactory.tables.keys import seed_of

NAME = "hybridgnet-miccai"
GRAPH = "lungs-heart-clavicles"  # 166 nodes
FOLDS = 3
TEST_SHARE, VAL_SHARE = 0.2, 0.1
START = "--parts-from={{autoencoders-{fold}}}/weights.safetensors"
FIVE_BLOCKS = "--channels=8,16,32,64,64"
DENSE = "--dense-weight=0.5"  # of the sum of Dice loss and cross-entropy, which is their mean, as in the article
# Model -> its options; all but "scratch" start from the fold's autoencoders.
NETWORKS = {
    "scratch": ("--segmenter=hybridgnet-miccai", "--dense-weight=0"),
    "vae": ("--segmenter=hybridgnet-miccai", "--dense-weight=0"),
    "dual": ("--segmenter=hybridgnet-dual", DENSE),
    "dual-skips": ("--segmenter=hybridgnet-dual-skips", DENSE),
    "fc": ("--segmenter=fc", FIVE_BLOCKS, "--dense-weight=0"),
    "pca": ("--segmenter=pca", FIVE_BLOCKS, "--dense-weight=0"),
    "unet": ("--segmenter=hybridgnet-dual-unet",),
}
LABELS = {
    "scratch": "HybridGNet, random start",
    "vae": "HybridGNet",
    "dual": "HybridGNet Dual",
    "dual-skips": "HybridGNet Dual SC",
    "fc": "FC",
    "pca": "PCA",
    "unet": "U-Net",
}
BASELINES = ("fc", "pca")
PUBLISHED = {
    "vae": "smaller error and distance than FC and PCA",
    "dual": "as HybridGNet",
    "dual-skips": "as HybridGNet",
    "fc": "larger error and distance than the hybrids",
    "pca": "larger error and distance than the hybrids",
}
SINGLE = ("right_lung", "left_lung", "heart", "right_clavicle", "left_clavicle")
SHOWN = ("lungs", "heart", "clavicles")
FRAME = 1024  # side of the frame in whose pixels evaluate-model states distances
MEASURES = {"mse_px2": "landmark MSE", "hd": "Hausdorff distance"}


def steps(context: Context) -> tuple[Step, ...]:
    """Make the folds; in each, train the autoencoders, then the networks, and measure these on its test images."""
    options = (
        *(f"--graph={GRAPH}", f"--input-size={context.side(128, 512)}", "--landmark-loss=squared"),
        *("--optimizer=adam", "--clip=none", "--kl-weight=1e-5", f"--epochs={context.epochs(40, 2000)}"),
    )
    # The article states Adam, the epochs and the weight of the variational term; the rest is the later article's.
    full = (
        *("--learning-rate=1e-4", "--batch-size=4", "--schedule=step", "--step-epochs=50", "--average=0"),
        *("--rotation-degrees=3", "--appearance=0"),
    )
    options += () if context.small else full
    found = [context.part(NAME, "folds", {"tables": context.tables})]
    scores, cards = [], []
    for fold in range(1, FOLDS + 1):
        table, first = f"{{folds}}/fold{fold}.parquet", f"autoencoders-{fold}"
        own = {"labelled": [table], "needs": ("folds",)}
        found.append(context.train(first, "--segmenter=hybridgnet-autoencoders", "--dense-weight=0", *options, **own))
        cards.append(f"{{{first}}}/weights.json")
        own["needs"] = ("folds", first)
        names = [f"{model}-{fold}" for model in NETWORKS]
        for name, (model, chosen) in zip(names, NETWORKS.items(), strict=True):
            start = () if model == "scratch" else (START.format(fold=fold),)
            found.append(context.train(name, *chosen, *options, *start, **own))
        weights = [f"--weights={{{name}}}/weights.safetensors" for name in names]
        measure = ("evaluate-model", f"--labelled={table}", "--split=test", *weights, f"--output={OUT}")
        device = f"--device={context.settings.device}"
        found.append(Step(f"test-{fold}", ((*measure, device),), ("folds", *names)))
        scores.append(f"{{test-{fold}}}/per_image.csv")
    inputs = {"scores": scores, "images": ["{folds}/folds.csv"], "cards": cards}
    return (*found, context.part(NAME, SUMMARY, inputs))


def make_folds(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write a labelled table a fold, with splits ``train``, ``val`` and ``test``, and ``folds.csv`` of all images.

    Patients are put in a random order. The test sets of the folds are its first fifths, so that no image is tested
    twice; the tenth behind a test set validates, and the others train. Only images with all 166 landmarks take part.

    Raises
    ------
    CxrError
        If there are fewer than ten patients with all landmarks.
    """
    frame = read_tables(inputs["tables"])
    code = next(code for code, graph in LABEL_GRAPHS.items() if graph == GRAPH)
    frame = frame[frame["labels"] == code]
    if frame["patient_id"].nunique() < 10:
        tables = ", ".join(path.name for path in inputs["tables"])
        raise CxrError(
            f"{tables}: {frame['patient_id'].nunique()} patients with landmarks of lungs, heart and clavicles (labels "
            f"{code}); expected at least 10: name a table with them in studies.tables, such as JSRT's"
        )
    listed = []
    for fold in range(1, FOLDS + 1):
        splits = fold_splits(list(frame["patient_id"].unique()), fold, settings.seed)
        table = frame.assign(split=frame["patient_id"].map(splits))
        write_labelled(table, output / f"fold{fold}.parquet")
        side = table[["crop_height", "crop_width"]].max(axis=1)
        columns = table[["image_id", "patient_id", "source", "split"]]
        listed.append(columns.assign(fold=fold, side_px=side).sort_values("image_id"))
    pd.concat(listed).to_csv(output / "folds.csv", index=False, lineterminator="\n")


def fold_splits(patients: list[str], fold: int, seed: int) -> dict[str, str]:
    """Return the split of each patient in a fold (from 1)."""
    order = sorted(patients, key=lambda patient: (seed_of(patient, f"{NAME} folds", seed), patient))
    bounds = [round(len(order) * share) for share in (TEST_SHARE * (fold - 1), TEST_SHARE * fold)]
    last = round(len(order) * (TEST_SHARE * fold + VAL_SHARE))
    found = dict.fromkeys(order, "train")
    found |= dict.fromkeys(order[bounds[1] : last], "val")
    return found | dict.fromkeys(order[bounds[0] : bounds[1]], "test")


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the table of models, their differences, and the figure of both measures."""
    rows = pd.concat([pd.read_csv(path) for path in inputs["scores"]], ignore_index=True)
    rows["model"] = rows["model"].str.replace(r"-\d+$", "", regex=True)
    images = pd.read_csv(inputs["images"][0])
    images = images[images["split"] == "test"].set_index("image_id")
    known = set(images["source"]) <= set(settings.pixel_mm)
    unit = "mm" if known else f"px of {FRAME}"
    scale = images["side_px"] / FRAME * images["source"].map(settings.pixel_mm) if known else 1.0
    values = image_values(rows, scale)
    differences = compare(values, settings.seed)
    signs = [
        Sign(
            f"HybridGNet has a smaller {label} than {LABELS[other]} ({unit_of(measure, unit)}, {LABELS[other]} less "
            "HybridGNet)",
            *(-row[column] for column in ("difference", "ci_high", "ci_low")),
            side="above",
            published="smaller, significant (figure 2)",
        )
        for other in BASELINES
        for measure, label in MEASURES.items()
        for row in differences[(differences["first"] == "vae") & (differences["second"] == other)
                               & (differences["measure"] == measure)].to_dict("records")
    ]  # fmt: skip
    means = values.groupby("model")[["hd", "mse_px2"]].mean()
    others = "; ".join(
        f"{LABELS[name]} {means.loc[name, 'hd']:.1f} and {means.loc[name, 'mse_px2']:.0f}"
        for name in ("scratch", "dual", "dual-skips", *BASELINES)
    )
    finding = Finding(
        f"HybridGNet has a Hausdorff distance of {means.loc['vae', 'hd']:.1f} {unit} and a landmark MSE of "
        f"{means.loc['vae', 'mse_px2']:.0f} px² (px of {FRAME}); {others}.",
        table_of(rows, values, settings.seed, unit),
        {"errors": _figure(values, unit)},
        signs,
        {"differences": differences, "autoencoders": _autoencoders(inputs["cards"])},
        f"{len(images)} test images of {', '.join(sorted(images['source'].unique()))} in {len(inputs['scores'])} folds",
    )
    write_finding(STUDY, finding, output, settings)


def unit_of(measure: str, unit: str) -> str:
    """Return the unit of a measure."""
    return "px²" if measure == "mse_px2" else unit


def image_values(rows: pd.DataFrame, scale: pd.Series | float) -> pd.DataFrame:
    """Return ``hd`` (mean over the five single organs), ``mse_px2`` and ``missed`` by model and image.

    Parameters
    ----------
    rows
        ``per_image.csv`` of all folds, whose models have lost the number of their fold.
    scale
        Size of a pixel of the frame by image, or 1 for pixels.

    Returns
    -------
    ``hd`` is NaN where a model missed an organ, and ``missed`` counts those organs; ``mse_px2`` is NaN for the U-Net.
    """
    single = rows[rows["organ"].isin(SINGLE)]
    finite = single.assign(hd=single["hd_px"].where(np.isfinite(single["hd_px"])))
    hd = finite.groupby(["model", "image_id"])["hd"].agg(lambda each: each.mean(skipna=False))
    missed = finite["hd"].isna().groupby([finite["model"], finite["image_id"]]).sum()
    whole = rows[rows["organ"] == "all"].set_index(["model", "image_id"])["landmark_mse_px2"]
    found = pd.DataFrame({"hd": hd, "missed": missed, "mse_px2": whole}).reset_index()
    return found.assign(hd=found["hd"] * (found["image_id"].map(scale) if isinstance(scale, pd.Series) else scale))


def compare(values: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the differences between HybridGNet and every other model, image by image, with interval and test."""
    found = []
    for measure in MEASURES:
        wide = values.pivot(index="image_id", columns="model", values=measure)
        for other in (name for name in NETWORKS if name != "vae"):
            both = wide[["vae", other]].dropna()
            if both.empty:
                continue
            apart = (both["vae"] - both[other]).to_numpy()
            mean, low, high = mean_interval(apart, seed)
            p = paired_wilcoxon(both["vae"].to_numpy(), both[other].to_numpy()).p
            key = {"measure": measure, "first": "vae", "second": other, "images": len(both)}
            found.append(key | {"difference": mean, "ci_low": low, "ci_high": high, "p_wilcoxon": p})
    return pd.DataFrame(found)


def table_of(rows: pd.DataFrame, values: pd.DataFrame, seed: int, unit: str) -> pd.DataFrame:
    """Return one row a model: errors with intervals, Dice by organ, and what the article says."""
    dice = rows[rows["organ"].isin(SHOWN)].groupby(["model", "organ"])["dice"].mean().unstack("organ")
    found = []
    for name, label in LABELS.items():
        own = values[values["model"] == name]
        row = {"model": label, "images": len(own), "missed_organs": int(own["missed"].sum())}
        for measure in ("hd", "mse_px2"):
            mean, low, high = mean_interval(own[measure].dropna().to_numpy(), seed)
            row |= {measure: mean, f"{measure}_low": low, f"{measure}_high": high}
        row |= {f"dice_{organ}": dice.loc[name, organ] for organ in SHOWN}
        found.append(row | {"hd_unit": unit, "published": PUBLISHED.get(name, "")})
    return pd.DataFrame(found)


def _autoencoders(cards: list[Path]) -> pd.DataFrame:
    """Return what the autoencoders reach on the validation images of each fold."""
    found = []
    for fold, path in enumerate(cards, start=1):
        metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]["val"]
        errors = metrics["all"]
        row = {"fold": fold, "graph_mse_px2": errors["mse"], "vector_mse_px2": errors["vector_mse"]}
        found.append(
            row
            | {"image_mse": errors["image_mse"]}
            | {f"dice_{each}": metrics[each]["dice"] for each in ("lungs", "heart")}
        )
    return pd.DataFrame(found)


def _figure(values: pd.DataFrame, unit: str):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    for axis, (measure, label) in zip(figure.subplots(1, 2), MEASURES.items(), strict=True):
        names = [name for name in NETWORKS if values.loc[values["model"] == name, measure].notna().any()]
        groups = [values.loc[values["model"] == name, measure].dropna() for name in names]
        axis.boxplot(groups, showmeans=True, flierprops={"markersize": 3})
        axis.set_xticks(range(1, len(names) + 1), [LABELS[name] for name in names], rotation=30, ha="right", fontsize=8)
        axis.set_ylabel(f"{label} ({unit_of(measure, unit)})")
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    return figure


STUDY = Study(
    NAME,
    "HybridGNet, the MICCAI 2021 article in the thesis, figure 2",
    "Does a graph decoder beat a fully connected one and PCA, and do autoencoders or a second decoder for masks help?",
    "the hybrid networks have a smaller landmark error and Hausdorff distance than FC and PCA (significant); masks "
    "beside the landmarks make no difference; there are no printed numbers.",
    1.2,
    steps,
    {
        "folds": "cxrfactory.studies.hybridgnet_miccai:make_folds",
        SUMMARY: "cxrfactory.studies.hybridgnet_miccai:summarise",
    },
    "landmarks of lungs, heart and clavicles (JSRT)",
    requires=Requirement(organs="LHC"),
)
