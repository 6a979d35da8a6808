"""The retraining check of CheXmask: a network trained on our own masks, measured on the images that experts drew."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.intervals import mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_parts import WITH_HEART, WITH_LUNGS, by_hash
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study
from cxrfactory.tables.parquet import stored_rows, write_table
from cxrfactory.tables.schemas import IMAGES, MANIFEST

DRAWN, OWN = "expert-drawings", "own-masks"  # the steps of both networks, which are the names of the models
TRAINED_ON = {DRAWN: "drawings of experts", OWN: "masks of the first network"}
ALL, VAL, TAUGHT, MASKED = "all", "val", "taught", "masked"  # what an image was used for
PARTS = {
    ALL: "all labelled images, as in the paper",
    VAL: "validation split, new to both networks",
    TAUGHT: "images that taught the first network",
    MASKED: "images whose own masks taught the second network",
}
PAPER = {  # Dice of the network of experts' drawings, and of those of own masks of six releases
    ("lungs", DRAWN, VAL): "0.967 (20 % of the images)",
    ("lungs", OWN, ALL): "0.946 to 0.960",
    ("heart", DRAWN, VAL): "0.937 (20 % of the images)",
    ("heart", OWN, ALL): "0.888 to 0.927",
}
ORGANS = ("lungs", "heart")
LOSSES = {"lungs": (0.007, 0.021), "heart": (0.010, 0.049)}  # Dice that own masks cost in the paper: least, most


def steps(context: Context) -> tuple[Step, ...]:
    """Train on half of the images, mask the other half with that network, train on those masks, and measure both."""
    options = (f"--epochs={context.epochs(150, 3000)}", f"--input-size={context.side(128, 1024)}")
    images, device = "--images={tables}/images.parquet", f"--device={context.settings.device}"
    weights = f"--weights={{{DRAWN}}}/weights.safetensors"
    found, scores = f"{OUT}/landmarks.parquet", f"{OUT}/rca.parquet"
    infer = ("stage", "infer", images, weights, device, f"--output={found}", f"--rejected={OUT}/unmasked.parquet")
    reference = ("stage", "rca-reference", "--labelled={tables}/drawn.parquet", "--split=train", "--fraction=1")
    rca = ("stage", "rca", images, f"--landmarks={found}", f"--reference={OUT}/references.parquet")
    label = ("label", "own-masks", images, f"--landmarks={found}", f"--rca={scores}", "--source=own")
    masks = Step(
        "masks",
        (
            infer,
            (*reference, weights, f"--output={OUT}/references.parquet"),
            (*rca, f"--output={scores}", f"--rejected={OUT}/unscored.parquet"),
            (
                *(*label, "--manifest={tables}/manifest.parquet", "--count=1000000"),
                *(f"--output={OUT}/own.parquet", f"--rejected={OUT}/left_out.parquet"),
            ),
        ),
        ("tables", DRAWN),
    )
    both = tuple(f"--weights={{{name}}}/weights.safetensors" for name in TRAINED_ON)
    measure = ("evaluate-model", "--labelled={tables}/all.parquet", *both, f"--output={OUT}", device)
    inputs = {
        "images": ["{evaluate}/per_image.csv"],
        "parts": ["{tables}/parts.csv"],
        "own": ["{masks}/own.parquet"],
    }
    return (
        context.part("retrain", "tables", {"labelled": context.tables}),
        context.train(DRAWN, *options, labelled=["{tables}/drawn.parquet"], needs=("tables",)),
        masks,
        context.train(OWN, *options, labelled=["{masks}/own.parquet"], needs=("masks",)),
        Step("evaluate", (measure,), ("tables", *TRAINED_ON)),
        context.part("retrain", SUMMARY, inputs),
    )


def make_tables(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Halve the patients of the training split: drawings of one half, images without drawings of the other.

    ``drawn.parquet`` has the first half, and the validation split for the course of the training. ``images.parquet``
    and ``manifest.parquet`` are the second half as a release without labels. ``all.parquet`` has every image in one
    split, and ``parts.csv`` says what each was used for.

    Raises
    ------
    CxrError
        If the training split has too few images with hearts, or the validation split none.
    """
    table, names = read_tables(inputs["labelled"]), ", ".join(map(str, inputs["labelled"]))
    table = table[table["labels"].isin(WITH_LUNGS)]
    train = table[table["split"] == "train"]
    patients = by_hash(train["patient_id"], "retrain", settings.seed)
    taught = set(patients[::2])
    part = np.where(table["patient_id"].isin(taught), TAUGHT, MASKED)
    part = pd.Series(np.where(table["split"] == "train", part, VAL), index=table.index)
    hearts = part[table["labels"].isin(WITH_HEART)].value_counts()
    if hearts.get(TAUGHT, 0) < 10 or hearts.get(VAL, 0) < 2 or (part == MASKED).sum() < 10:
        raise CxrError(
            f"{names}: {hearts.get(TAUGHT, 0)} images with hearts in half of the training split, "
            f"{hearts.get(VAL, 0)} in the validation split; expected 10 and 2 or more"
        )
    write_labelled(table[part != MASKED], output / "drawn.parquet")
    write_labelled(table, output / "all.parquet", "val")
    masked = table[part == MASKED]
    write_table(masked[[name for name in IMAGES.names if name in masked]], output / "images.parquet", IMAGES)
    manifest = masked[["image_id", "patient_id"]].assign(included=True)
    manifest = manifest.reindex(columns=MANIFEST.names).astype({"age": float})
    write_table(manifest, output / "manifest.parquet", MANIFEST)
    rows = table[["image_id", "source"]].assign(part=part).sort_values("image_id")
    rows.to_csv(output / "parts.csv", index=False, lineterminator="\n")


def by_part(images: pd.DataFrame, parts: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the Dice of both networks by organ and part: rows are images, columns the networks' names."""
    images = images[images["organ"].isin(ORGANS)].merge(parts[["image_id", "part"]], on="image_id")
    if missing := set(TRAINED_ON) - set(images["model"]):
        raise CxrError(f"per_image.csv: no rows of the network '{min(missing)}'; found {sorted(set(images['model']))}")
    found = {}
    for organ in ORGANS:
        wide = images[images["organ"] == organ].pivot(index=["image_id", "part"], columns="model", values="dice")
        wide = wide[list(TRAINED_ON)].dropna()
        for part in PARTS:
            found[organ, part] = wide if part == ALL else wide[wide.index.get_level_values("part") == part]
    return found


def tabulate(found: dict[tuple[str, str], pd.DataFrame], seed: int) -> pd.DataFrame:
    """Return the mean Dice and its 95 % interval by organ, part of the images and network, beside the paper's."""
    rows: list[dict[str, Any]] = []
    for (organ, part), dice in found.items():
        for model, words in TRAINED_ON.items():
            mean, low, high = mean_interval(dice[model].to_numpy(), seed)
            rows.append(
                {
                    **{"organ": organ, "measured_on": PARTS[part], "images": len(dice), "trained_on": words},
                    **{"dice": mean, "low": low, "high": high},
                    "paper": PAPER.get((organ, model, part), ""),
                }
            )
    return pd.DataFrame(rows)


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the Dice of both networks on all images and on the validation split, and what own masks cost."""
    images = pd.read_csv(inputs["images"][0], dtype={"image_id": str})
    parts = pd.read_csv(inputs["parts"][0], dtype={"image_id": str})
    found = by_part(images, parts)
    table = tabulate(found, settings.seed)
    signs, words = [], []
    for organ in ORGANS:
        dice = found[organ, VAL]
        lost = (dice[DRAWN] - dice[OWN]).to_numpy()
        least, most = LOSSES[organ]
        interval = mean_interval(lost, settings.seed)
        claim = f"{organ}: own masks cost {{}} (Dice, on the validation split)"
        published = f"{least:.3f} to {most:.3f}"
        for what, side, limit in (
            ("some of the agreement", "above", 0.0),
            ("no more than in the paper", "below", most),
        ):
            signs.append(Sign(claim.format(what), *interval, side, limit, published))
        whole = found[organ, ALL]
        words.append(
            f"{dice[OWN].mean():.3f} on new images ({dice[DRAWN].mean():.3f} where experts' drawings taught it) and "
            f"{whole[OWN].mean():.3f} on all for the {organ}"
        )
    number, of = stored_rows(inputs["own"][0]), int((parts["part"] == MASKED).sum())
    finding = Finding(
        f"a network that learned from {number} masks of another network has a Dice of {' and '.join(words)}. All "
        "labelled images include those that taught the first network, so only the validation split tests both on new "
        "patients.",
        table,
        {"dice": _figure(found)},
        signs,
        data=f"{len(parts)} images of {', '.join(sorted(parts['source'].unique()))}; {number} of {of} own masks had an "
        "RCA mean of 0.7 or more",
    )
    write_finding(STUDY, finding, output, settings)


def _figure(found: dict[tuple[str, str], pd.DataFrame]) -> Any:
    from cxrfactory.imaging.drawing.figure import pyplot

    figure, axes = pyplot().subplots(1, len(ORGANS), figsize=(9, 4.2), layout="constrained")
    for axis, organ in zip(axes, ORGANS, strict=True):
        for part in (TAUGHT, MASKED, VAL):
            dice = found[organ, part]
            axis.scatter(dice[DRAWN], dice[OWN], s=10, label=f"{PARTS[part]} ({len(dice)})")
        low = min(found[organ, ALL].to_numpy().min(), 0.9) - 0.01
        axis.plot([low, 1], [low, 1], color="0.7", linewidth=1, zorder=0)
        axis.set(xlim=(low, 1), ylim=(low, 1), title=f"Dice of the {organ}", xlabel="trained on experts' drawings")
        axis.set_aspect("equal")
    axes[0].set_ylabel("trained on own masks")
    axes[0].legend(fontsize=7, loc="upper left")
    return figure


STUDY = Study(
    "retrain",
    "CheXmask and the thesis, section 5.3.4: evaluation by retraining",
    "Does a network that is trained on our own masks agree with experts nearly as well as the one that made them?",
    "networks trained on the masks of one release each have a Dice of 0.946 to 0.960 (lungs) and 0.888 to 0.927 "
    "(heart) on all 911 labelled images; the network of experts' drawings has 0.967 and 0.937 on a fifth of them, "
    "which was new to it.",
    0.3,
    steps,
    {"tables": "cxrfactory.studies.retrain:make_tables", SUMMARY: "cxrfactory.studies.retrain:summarise"},
    "lungs and heart",
    requires=Requirement(organs="LH"),
)
