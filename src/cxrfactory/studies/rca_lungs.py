"""RCA of lungs alone, as in the thesis's chapter, beside RCA of lungs and heart: does it follow the true Dice?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import pearson_r
from cxrfactory.metrics.intervals import bootstrap_interval, mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_parts import WITH_HEART, WITH_LUNGS, lungs_only
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study

SMALL_EPOCHS = tuple(range(1, 13))  # where the twelve U-Nets stop
FULL_EPOCHS = (1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 170, 300)
GRAPHS = {"lungs": "lungs", "joint": "lungs-heart"}  # what RCA reads, with the encoder's graph
NAMES = {"lungs": "lungs alone", "joint": "lungs and heart"}
MEASURES = {  # columns of rca_check.csv: true Dice, RCA as mean and as maximum over the references
    ("lungs", "lungs"): ("lungs_true", "lungs_mean", "lungs_max"),
    ("joint", "lungs"): ("lungs_true", "lungs_mean", "lungs_max"),
    ("joint", "heart"): ("heart_true", "heart_mean", "heart_max"),
    ("joint", "both"): ("true_dice", "dice_rca_mean", "dice_rca_max"),
}
PAPER = {"r_mean": 0.94, "r_max": 0.93}
STRONG = 0.9  # a correlation above this is strong
MODEL = "model epochs-"
STOPPED, LONGEST, SPOILED = "networks stopped at 12 epochs", "the network trained longest", "spoiled on purpose"


def steps(context: Context) -> tuple[Step, ...]:
    """Train encoders and U-Nets, in the full size also registration, and compare RCA with the true Dice."""
    settings = context.settings
    epochs = SMALL_EPOCHS if context.small else FULL_EPOCHS
    made = [context.part("rca-lungs", "tables", {"labelled": context.tables}), _unets(context, epochs)]
    models = tuple(f"--model={{unets}}/epochs-{number:03d}.safetensors" for number in epochs)
    size = f"--input-size={context.side(128, 1024)}"
    for name, graph in GRAPHS.items():
        table, encoder = f"{{tables}}/{name}.parquet", f"encoder-{name}"
        options = (f"--graph={graph}", f"--epochs={context.epochs(40, 3000)}", size)
        made.append(context.train(encoder, *options, labelled=[table], needs=("tables",)))
        weights = f"--weights={{{encoder}}}/weights.safetensors"
        chosen = ("stage", "rca-reference", f"--labelled={table}", weights, "--split=train", "--fraction=1")
        references = f"references-{name}"
        made.append(Step(references, ((*chosen, f"--output={OUT}/references.parquet"),), ("tables", encoder)))
        needs, network = ["tables", encoder, references, "unets"], ()
        if not context.small:  # the package's network serves in minutes; its training takes an hour
            registration = f"registration-{name}"
            network = (f"--network={{{registration}}}/registration.safetensors",)
            run = (f"--seed={settings.seed}", f"--threads={settings.threads}")
            words = ("stage", "train-registration", f"--labelled={table}", f"--output={OUT}/registration.safetensors")
            made.append(Step(registration, ((*words, *run),), ("tables",), trains=True))
            needs.append(registration)
        known = (f"--reference={{{references}}}/references.parquet", *network)
        check = ("stage", "rca-check", f"--labelled={table}", "--split=val", "--count=1000000", weights, *known)
        made.append(Step(f"check-{name}", ((*check, *models, f"--output={OUT}"),), tuple(needs)))
    inputs = {name: [f"{{check-{name}}}/rca_check.csv"] for name in GRAPHS}
    return (*made, context.part("rca-lungs", SUMMARY, inputs))


def _unets(context: Context, epochs: tuple[int, ...]) -> Step:
    """Return the step that trains U-Nets of lungs and heart that stop at twelve epochs.

    The full size trains twelve U-Nets, as the paper did; the small size keeps the weights of one after twelve epochs.
    """
    settings = context.settings
    recipe = ("--segmenter=unet", "--schedule=step", "--average=0", f"--batch-size={4 if context.small else 8}")
    size = (f"--input-size={context.side(64, 1024)}", f"--width={context.side(8, 16)}")
    run = (f"--device={settings.device}", f"--threads={settings.threads}")
    words = ("train", "--labelled={tables}/all.parquet", *recipe, *size, *run)
    if context.small:
        kept = tuple(f"--keep-epochs={number}" for number in epochs)
        seed = f"--seed={settings.seed}"
        commands = ((*words, f"--output={OUT}/epochs.safetensors", f"--epochs={epochs[-1]}", seed, *kept),)
    else:
        commands = tuple(
            (*words, f"--output={OUT}/epochs-{number:03d}.safetensors", f"--epochs={number}", f"--seed={seed}")
            for seed, number in enumerate(epochs, settings.seed)
        )
    return Step("unets", commands, ("tables",), trains=True)


def make_tables(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write ``all.parquet``, ``lungs.parquet`` (all images, lungs alone) and ``joint.parquet`` (images with hearts).

    Raises
    ------
    CxrError
        If no image for training, or fewer than two for validation, have lungs and heart.
    """
    table, names = read_tables(inputs["labelled"]), ", ".join(map(str, inputs["labelled"]))
    table, joint = (table[table["labels"].isin(codes)] for codes in (WITH_LUNGS, WITH_HEART))
    number = joint["split"].value_counts()
    if number.get("train", 0) < 5 or number.get("val", 0) < 2:
        raise CxrError(
            f"{names}: {number.get('train', 0)} images of train and {number.get('val', 0)} of val have lungs and "
            "heart; expected 5 and 2 or more"
        )
    for name, part in (("all", table), ("lungs", lungs_only(table)), ("joint", joint)):
        write_labelled(part, output / f"{name}.parquet")


def by_image(rows: pd.DataFrame, column: str) -> Float[np.ndarray, "images masks"]:
    """Return a column of ``rca_check.csv`` by image and mask; every image has the same masks."""
    return rows.pivot(index="image_id", columns=["kind", "severity"], values=column).to_numpy(np.float64)


def correlation(
    true: Float[np.ndarray, "*draws images masks"], found: Float[np.ndarray, "*draws images masks"]
) -> Float[np.ndarray, "*draws"]:
    """Compute Pearson's r over all masks of all images."""
    return pearson_r(*(values.reshape(*values.shape[:-2], -1) for values in (true, found)))


def compare(scores: dict[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Compare RCA with the true Dice by method, organ and kind of masks.

    Parameters
    ----------
    scores
        ``rca_check.csv`` of the RCA of lungs alone (``lungs``) and of lungs and heart (``joint``).
    seed
        Seed of the bootstrap over images; all masks of an image are drawn together.

    Returns
    -------
    DataFrame
        ``rca``, ``organ``, ``masks`` (their kind), ``images``, ``number`` of masks, ``r_mean`` and ``r_max`` with
        their 95 % intervals, ``below`` (mean of true Dice less RCA mean, positive where RCA is the lower), and the
        range of the true Dice (5 and 95 %).
    """
    rows = []
    for (method, organ), (true_name, mean_name, max_name) in MEASURES.items():
        for masks, part in _kinds(scores[method]).items():
            true, mean, largest = (by_image(part, name) for name in (true_name, mean_name, max_name))
            row: dict[str, Any] = {"rca": NAMES[method], "organ": organ, "masks": masks}
            row |= {"images": len(true), "number": true.size}
            for name, found in (("r_mean", mean), ("r_max", largest)):
                low, high = bootstrap_interval(correlation, true, found, seed=seed)
                row |= {name: float(correlation(true, found)), f"{name}_low": low, f"{name}_high": high}
            row["below"] = float((true - mean).mean())
            row["true_5"], row["true_95"] = (float(each) for each in np.percentile(true, (5, 95)))
            published = method == "lungs" and masks == STOPPED
            rows.append(row | {f"paper_{name}": value if published else "" for name, value in PAPER.items()})
    return pd.DataFrame(rows)


def _kinds(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    models = table[table["kind"].str.startswith(MODEL)]
    if models.empty:
        raise CxrError("rca_check.csv: no masks of the U-Nets; run the steps anew")
    spoiled = table[~table["kind"].str.startswith("model ") & (table["kind"] != "none")]
    return {STOPPED: models, LONGEST: models[models["kind"] == models["kind"].max()], SPOILED: spoiled}


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the correlations, a figure of the U-Nets' masks, and what the paper found."""
    scores = {name: pd.read_csv(inputs[name][0], dtype={"image_id": str}) for name in GRAPHS}
    table = compare(scores, settings.seed)
    rows = table.set_index(["rca", "organ", "masks"]).sort_index()
    lungs, both = rows.loc[NAMES["lungs"], "lungs"], rows.loc[NAMES["joint"], "both"]
    models = _kinds(scores["lungs"])[STOPPED]
    apart = (by_image(models, "lungs_true") - by_image(models, "lungs_mean")).mean(axis=1)
    more = bootstrap_interval(
        lambda true, mean, largest: correlation(true, mean) - correlation(true, largest),
        *(by_image(models, name) for name in MEASURES["lungs", "lungs"]),
        seed=settings.seed,
    )
    registration = "the package's registration network" if settings.small else "registration trained on train"
    stopped, longest, spoiled = (lungs.loc[kind] for kind in (STOPPED, LONGEST, SPOILED))
    finding = Finding(
        f"over the masks of U-Nets stopped at different epochs, RCA of the lungs has r = {stopped['r_mean']:.3f} "
        f"(mean) and {stopped['r_max']:.3f} (max), RCA of lungs and heart {both.loc[STOPPED, 'r_mean']:.3f} and "
        f"{both.loc[STOPPED, 'r_max']:.3f}. A wide range of quality makes these figures: over masks that were spoiled "
        f"on purpose r is {spoiled['r_mean']:.3f}, over the masks of the U-Net trained longest alone "
        f"{longest['r_mean']:.3f} [{longest['r_mean_low']:.2f}, {longest['r_mean_high']:.2f}]. A high r over "
        "such a range does not say that RCA ranks the masks of one good network.",
        table,
        {"scores": _figure(scores, table)},
        [
            Sign(
                f"{NAMES[method]}: RCA ({each.removeprefix('r_')} over the references) follows the true Dice (r)",
                *(float(row[name]) for name in (each, f"{each}_low", f"{each}_high")),
                "above",
                STRONG,
                f"{PAPER[each]:.2f}" if method == "lungs" else "",
            )
            for method, row in (("lungs", stopped), ("joint", both.loc[STOPPED]))
            for each in PAPER
        ]
        + [
            Sign(
                "lungs alone: the mean over the references follows better than the maximum (difference of r)",
                float(stopped["r_mean"] - stopped["r_max"]),
                *more,
                "above",
                published="0.01",
            ),
            Sign(
                "lungs alone: RCA is below the true Dice (true Dice less RCA)",
                *mean_interval(apart, settings.seed),
                "above",
                published="slightly",
            ),
        ],
        data=f"{int(stopped['images'])} images of the split val and 12 masks of each, with {registration}",
    )
    write_finding(STUDY, finding, output, settings)


def _figure(scores: dict[str, pd.DataFrame], table: pd.DataFrame) -> Any:
    from cxrfactory.imaging.drawing.figure import pyplot

    figure, axes = pyplot().subplots(1, len(MEASURES), figsize=(13, 3.7), layout="constrained")
    values = table[table["masks"] == STOPPED].set_index(["rca", "organ"])
    for axis, ((method, organ), (true_name, mean_name, _)) in zip(axes, MEASURES.items(), strict=True):
        kinds = _kinds(scores[method])
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for name, size in ((STOPPED, 6), (LONGEST, 9)):
            axis.scatter(kinds[name][true_name], kinds[name][mean_name], s=size, label=name)
        shown = values.loc[(NAMES[method], organ), "r_mean"]
        axis.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"true Dice ({organ})", ylabel="RCA, mean over references")
        axis.set_title(f"RCA of {NAMES[method]}: {organ}, r = {shown:.3f}", fontsize=9)
        axis.set_aspect("equal")
    axes[0].legend(fontsize=7, loc="upper left")
    return figure


STUDY = Study(
    "rca-lungs",
    "CheXmask and the thesis, section 5.3.3: validation of RCA",
    "Does RCA of the lungs alone follow the true Dice, and does RCA of lungs and heart?",
    "with the lungs alone, references from 80 % of the images and the masks of 12 U-Nets stopped at different epochs, "
    "Pearson's r is 0.94 (mean over 5 references) and 0.93 (max), and RCA is slightly below the true Dice.",
    0.2,
    steps,
    {"tables": "cxrfactory.studies.rca_lungs:make_tables", SUMMARY: "cxrfactory.studies.rca_lungs:summarise"},
    "lungs and heart; images with lungs alone also count for the RCA of lungs",
    requires=Requirement(organs="LH"),
)
