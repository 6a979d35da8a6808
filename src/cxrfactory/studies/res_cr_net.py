"""Res-CR-Net on sets whose lungs end at the heart (JMS) and on sets whose lungs reach behind it (V7)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.metrics.intervals import difference_interval, mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_tables import write_labelled
from cxrfactory.studies.lung_sets import (
    at_most,
    film_list,
    patient_means,
    read_lungs,
    with_region,
)
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study

SETS = {"jms": "lungs", "v7": "whole_lungs"}  # the paper's sets and their regions
MODELS = {"jms": "jms", "jms-lstm": "jms", "v7": "v7"}  # step of a training -> its set
SMALL = {"train": 200, "val": 100}  # most films of a set in the small size
# Section 1.2.3 names these changes, not their sizes; the probabilities of mirroring are those of its library, Keras.
CHANGES = (
    *("--rotation-degrees=15", "--shear-degrees=10", "--shift=0.1", "--scale=0.2", "--mirror=0.5"),
    *("--padding=reflection", "--appearance=0", "--gamma-low=1", "--gamma-high=1"),
)
MEASURES = {"dice": "dice", "iou": "jaccard", "precision": "precision", "recall": "recall"}
# Table 1, and sections 1.2.2 and 2: films, epochs, images in a step.
PAPER = {
    "jms": {"dice": 0.98, "precision": 0.98, "recall": 0.98, "train": 904, "val": 48, "epochs": 300, "batch": 8},
    "v7": {"dice": 0.96, "precision": 0.96, "recall": 0.96, "train": 6191, "val": 204, "epochs": 100, "batch": 12},
}
MARGINAL = 0.01  # a gain of the Dice that counts as marginal; the paper gives no number


def steps(context: Context) -> tuple[Step, ...]:
    """Make the sets, train the network on each and with the LSTM block on one, and measure all."""
    size = f"--input-size={context.side('60x68', '300x340')}"
    shared = ("--segmenter=res-cr-net", size, "--outputs=softmax", "--normalise=equalise", "--loss=tanimoto", *CHANGES)
    # A patience that is longer than the run keeps the weights of the smallest validation loss.
    chosen = ("--select=loss", "--patience=1000", f"--validate-every={context.epochs(3, 10)}")
    chosen += ("--learning-rate=3e-3",) if context.small else ()  # few steps
    recipes = {"jms": (context.epochs(30, 300), 8), "v7": (context.epochs(45, 100), 12)}
    trained = []
    for name, films in MODELS.items():
        epochs, batch = recipes[films]
        own = (f"--organs={SETS[films]}", f"--epochs={epochs}", f"--batch-size={batch}")
        lstm = ("--lstm-blocks=1",) if name == "jms-lstm" else ()
        table = [f"{{sets}}/{films}.parquet"]
        trained.append(context.train(name, *shared, *chosen, *own, *lstm, labelled=table, needs=("sets",)))
    measured = Step(
        "measured",
        tuple(
            (
                *("evaluate-model", f"--labelled={{sets}}/{films}.parquet", f"--output={OUT}/{films}"),
                *(f"--weights={{{name}}}/weights.safetensors" for name in MODELS if MODELS[name] == films),
                f"--device={context.settings.device}",
            )
            for films in SETS
        ),
        needs=("sets", *MODELS),
    )
    found = {
        "measured": [f"{{measured}}/{films}/per_image.csv" for films in SETS],
        "films": ["{sets}/films.csv"],
        "cards": [f"{{{name}}}/weights.json" for name in MODELS],
        "histories": [f"{{{name}}}/history.csv" for name in MODELS],
    }
    sets = context.part("res-cr-net", "sets", {"tables": context.tables})
    return (sets, *trained, measured, context.part("res-cr-net", SUMMARY, found))


def make_sets(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the two sets as labelled tables, and ``films.csv``, which lists their films."""
    films = read_lungs(inputs["tables"])
    listed = []
    for name, region in SETS.items():
        chosen = with_region(films, region)
        if settings.small:
            chosen = at_most(chosen, SMALL, settings.seed)
        write_labelled(chosen, output / f"{name}.parquet")
        listed.append(film_list(chosen).assign(set=name))
    pd.concat(listed).to_csv(output / "films.csv", index=False, lineterminator="\n")


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the measures of each set beside the paper's, the curves of figures 2 and 4, and the directions."""
    import matplotlib

    matplotlib.use("Agg")
    films = pd.read_csv(inputs["films"][0], dtype=str)
    measured = pd.concat([pd.read_csv(path) for path in inputs["measured"]])
    measured = measured[measured["organ"].isin(SETS.values())]
    cards = dict(zip(MODELS, (json.loads(path.read_text()) for path in inputs["cards"]), strict=True))
    histories = dict(zip(MODELS, (pd.read_csv(path) for path in inputs["histories"]), strict=True))
    patients = films.drop_duplicates("image_id").set_index("image_id")["patient_id"]
    dices = {name: measured[measured["model"] == name].set_index("image_id")["dice"].dropna() for name in MODELS}
    by_patient = {name: patient_means(values, patients).to_numpy() for name, values in dices.items()}
    member = np.repeat([1.0, 0.0], [len(by_patient[name]) for name in SETS])
    gap = difference_interval(np.concatenate([by_patient[name] for name in SETS]), member, settings.seed)
    gain = mean_interval(patient_means(dices["jms-lstm"] - dices["jms"], patients).to_numpy(), settings.seed)
    mean = {name: float(values.mean()) for name, values in dices.items()}
    figures = {"curves": _curves(histories), "dice": _boxes(measured)}
    finding = Finding(
        f"the Dice of the lungs is {mean['jms']:.3f} on JMS and {mean['v7']:.3f} on V7 (the paper: 0.98 and 0.96); the "
        f"LSTM block changes it by {gain[0]:+.3f} on JMS.",
        _table(measured, films, cards, histories, patients, settings.seed),
        figures,
        [
            Sign("the Dice on JMS is above that on V7 (difference)", *gap, "above", published="0.98 and 0.96"),
            Sign(
                f"the LSTM block raises the Dice by less than {MARGINAL:g} (JMS)",
                *gain,
                "below",
                MARGINAL,
                "marginal improvements",
            ),
        ],
        {"sets": _counts(films)},
        _words(films),
    )
    write_finding(STUDY, finding, output, settings)
    from matplotlib import pyplot as plt

    for figure in figures.values():
        plt.close(figure)


def _table(
    measured: pd.DataFrame,
    films: pd.DataFrame,
    cards: dict,
    histories: dict[str, pd.DataFrame],
    patients: pd.Series,
    seed: int,
) -> pd.DataFrame:
    rows = []
    for name, films_of in MODELS.items():
        part = measured[measured["model"] == name]
        sources = [*sorted(part["source"].unique()), "all"]
        for source in sources[1:] if len(sources) == 2 else sources:
            group = part if source == "all" else part[part["source"] == source]
            row = {"model": name, "source": source, "images": len(group)}
            for measure, shown in MEASURES.items():
                values = group.set_index("image_id")[measure].dropna()
                row[shown] = values.mean()
                if measure == "dice":
                    _, row["dice_low"], row["dice_high"] = mean_interval(patient_means(values, patients), seed)
            if source == "all":
                kept = histories[name].dropna(subset=["val_loss"]).sort_values("val_loss").iloc[0]
                facts = cards[name]
                row |= {"tanimoto": 1 - kept["val_loss"], "train": facts["data"]["train"]}
                row |= {"epochs": len(histories[name]), "batch": facts["training"]["batch_size"]}
                row |= {f"paper_{key}": value for key, value in PAPER[films_of].items() if name in PAPER}
            rows.append(row)
    return pd.DataFrame(rows)


def _counts(films: pd.DataFrame) -> pd.DataFrame:
    """Count films and patients by set, source and split."""
    groups = films.groupby(["set", "source", "split"], sort=True)
    return groups.agg(images=("image_id", "nunique"), patients=("patient_id", "nunique")).reset_index()


def _words(films: pd.DataFrame) -> str:
    counts = films.groupby(["set", "split"])["image_id"].nunique()
    words = [
        f"{name.upper()}: {counts[name, 'train']} training and {counts[name, 'val']} validation films" for name in SETS
    ]
    sources = {name: ", ".join(sorted(films.loc[films["set"] == name, "source"].unique())) for name in SETS}
    return "; ".join(f"{text} ({sources[name]})" for text, name in zip(words, SETS, strict=True)) + (
        "; no patient is in both splits. Values are means over films with the weights of the smallest validation loss; "
        "Tanimoto is the weighted coefficient with complement of the validation films"
    )


def _curves(histories: dict[str, pd.DataFrame]):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for number, (name, history) in enumerate(histories.items()):
        known = history.dropna(subset=["val_loss"])
        axes[0].plot(history["epoch"], history["loss"], color=f"C{number}", label=f"{name}, training")
        axes[0].plot(known["epoch"], known["val_loss"], "o--", color=f"C{number}", ms=3, label=f"{name}, validation")
        axes[1].plot(known["epoch"], 1 - known["val_loss"], "o-", color=f"C{number}", ms=3, label=name)
    axes[0].set(xlabel="epoch", ylabel="weighted Tanimoto loss")
    axes[1].set(xlabel="epoch", ylabel="Tanimoto coefficient, validation")
    for axis in axes:
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(fontsize=7, frameon=False)
    return figure


def _boxes(measured: pd.DataFrame):
    from matplotlib import pyplot as plt

    groups = [(f"{model}\n{source}", part["dice"].dropna()) for (model, source), part in
              measured.groupby(["model", "source"])]  # fmt: skip
    figure, axis = plt.subplots(figsize=(1.5 + 1.1 * len(groups), 3.6), layout="constrained")
    axis.boxplot([values for _, values in groups], tick_labels=[name for name, _ in groups], widths=0.5)
    for name, level in (("JMS", 0.98), ("V7", 0.96)):
        axis.axhline(level, color="0.6", linestyle=":", linewidth=1)
        axis.text(0.52, level, f"paper, {name}", fontsize=7, va="bottom", color="0.4")
    axis.set_ylabel("Dice of the lungs")
    return figure


STUDY = Study(
    "res-cr-net",
    "Res-CR-Net, table 1, figures 2 and 4",
    "How well does a small network without pooling find lungs that end at the heart (JMS), and whole lungs (V7)?",
    "Dice, precision and recall of 0.98 on JMS (904 training and 48 validation films, 300 epochs) and 0.96 on V7 "
    "(6,191 and 204 films, 100 epochs); an LSTM block improves the masks only marginally.",
    1.5,
    steps,
    {SUMMARY: "cxrfactory.studies.res_cr_net:summarise", "sets": "cxrfactory.studies.res_cr_net:make_sets"},
    "lungs of both definitions: tables of label masks with --definition lungs and with --definition whole-lungs",
    requires=Requirement(definitions=True),
)
