"""Does RCA see which sex a segmenter serves worse? Pairs of men's and women's masks (bias discovery)."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import pearson_r
from cxrfactory.metrics.intervals import RESAMPLES, percentile_ends
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_parts import WITH_HEART, by_hash
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study

SEXES = {"M": "men", "F": "women"}
ORGANS = {"lungs": "0.90", "heart": "0.92"}  # with the paper's agreement of sign
SMALL_EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24)  # twelve points of a training, early and late
FULL_EPOCHS = (1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 170, 300)
REFERENCES = 0.3  # share of the patients of each sex that serve as references and train no segmenter
LEAST = 0.85  # agreement of sign that is asked for
SLIGHT = 0.02  # a true gap below this is slight: RCA's own bias is as large (docs/validation.md)
KIND = "model epoch-"
PACKAGE = (
    "the package's registration network, whose training images, of both sexes, may include the tested ones (its own "
    "were JSRT, virtual and V7 images)"
)
SURE = 1e-9


def folds(small: bool) -> int:
    """Return the number of models of each sex, one for each fold."""
    return 2 if small else 5


def stopped(context: Context, name: str, table: str) -> Step:
    """Return a step that trains one U-Net and keeps its weights after twelve epochs (``epoch-{epoch}.safetensors``)."""
    settings = context.settings
    epochs = SMALL_EPOCHS if context.small else FULL_EPOCHS
    kept = tuple(f"--keep-epochs={epoch}" for epoch in epochs)
    recipe = ("--segmenter=unet", "--batch-size=4", "--schedule=step", "--average=0", f"--epochs={epochs[-1]}")
    size = (f"--input-size={context.side(128, 1024)}", f"--width={context.side(8, 16)}")
    run = (f"--device={settings.device}", f"--threads={settings.threads}", f"--seed={settings.seed}")
    out = (f"--labelled={table}", f"--output={OUT}/epoch.safetensors", f"--history={OUT}/history.csv")
    return Step(name, (("train", *out, *recipe, *size, *run, *kept),), ("tables",), trains=True)


def steps(context: Context) -> tuple[Step, ...]:
    """Split the images by sex, train the segmenters, score the masks of held-out patients, and compare gaps."""
    settings, folder = context.settings, "{tables}/references.parquet"
    # The encoder only finds similar references.
    encoder = "--weights=pretrained"
    chosen = ("stage", "rca-reference", f"--labelled={folder}", encoder, "--fraction=1")
    references = Step("references", ((*chosen, f"--output={OUT}/references.parquet"),), ("tables",))
    made = [context.part("bias-discovery", "tables", {"labelled": context.tables}), references]
    known, needs = ("--reference={references}/references.parquet",), ("tables", "references")
    if not context.small:  # the package's registration network, which serves in minutes, may know the tested images
        words = ("stage", "train-registration", f"--labelled={folder}", f"--output={OUT}/registration.safetensors")
        run = (f"--seed={settings.seed}", f"--threads={settings.threads}")
        made.append(Step("registration", ((*words, *run),), ("tables",), trains=True))
        known = (*known, "--network={registration}/registration.safetensors")
        needs = (*needs, "registration")
    scores = []
    epochs = SMALL_EPOCHS if context.small else FULL_EPOCHS
    for sex in SEXES.values():
        for fold in range(folds(context.small)):
            name = f"{sex}-{fold + 1}"
            models = tuple(f"--model={{{name}}}/epoch-{epoch:03d}.safetensors" for epoch in epochs)
            held = f"--labelled={{tables}}/{name}.parquet"
            check = ("stage", "rca-check", held, "--split=val", "--count=1000000", encoder, *known, *models)
            made += [
                stopped(context, name, f"{{tables}}/{name}.parquet"),
                Step(f"rca-{name}", ((*check, f"--output={OUT}"),), (*needs, name)),
            ]
            scores.append(f"{{rca-{name}}}/rca_check.csv")
    inputs = {"people": ["{tables}/people.csv"], "scores": scores}
    return (*made, context.part("bias-discovery", SUMMARY, inputs))


def make_tables(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the references (both sexes in equal number), and a table of each sex and fold.

    A fold's table has the fold's own patients in the split ``val``, and the other patients of that sex in ``train``.

    Raises
    ------
    CxrError
        If no table names the sex of patients, or there are too few men or women with lungs and heart.
    """
    table, names = read_tables(inputs["labelled"]), ", ".join(map(str, inputs["labelled"]))
    if not table["sex"].isin(list(SEXES)).any():
        raise CxrError(f"{names}: no image names the patient's sex (column sex); preprocess the labelled set again")
    table = table[table["labels"].isin(WITH_HEART) & table["sex"].isin(list(SEXES))]
    order = {sex: by_hash(rows["patient_id"], "bias-discovery", settings.seed) for sex, rows in table.groupby("sex")}
    fewest = min(len(order.get(sex, [])) for sex in SEXES)
    aside, number = round(REFERENCES * fewest), folds(settings.small)
    if aside < 4 or fewest - aside < 3 * number:
        raise CxrError(
            f"{names}: {fewest} patients of the rarer sex with lungs and heart; expected 14 or more, 22 in the full "
            "size; give more labelled tables"
        )
    kept = {patient for patients in order.values() for patient in patients[:aside]}
    tested = {patient for patients in order.values() for patient in patients[:: max(1, aside // 3)]} & kept
    references = table[table["patient_id"].isin(kept)]
    split = np.where(references["patient_id"].isin(tested), "val", "train")
    write_labelled(references, output / "references.parquet", split)
    fold_of = {patient: place % number for patients in order.values() for place, patient in enumerate(patients[aside:])}
    rest = table[table["patient_id"].isin(list(fold_of))]
    fold = rest["patient_id"].map(fold_of)
    for sex, name in SEXES.items():
        own = rest["sex"] == sex
        for each in range(number):
            place = output / f"{name}-{each + 1}.parquet"
            write_labelled(rest[own], place, np.where(fold[own] == each, "val", "train"))
    people = rest[["image_id", "patient_id", "sex"]].assign(fold=fold + 1).sort_values("image_id")
    people.to_csv(output / "people.csv", index=False, lineterminator="\n")


def gaps_of(
    men: Float[np.ndarray, "*draws men epochs"], women: Float[np.ndarray, "*draws women epochs"]
) -> Float[np.ndarray, "*draws pairs"]:
    """Return the mean of men less that of women for all pairs of a men's and a women's epoch, men's epochs first."""
    gaps = men.mean(axis=-2)[..., :, None] - women.mean(axis=-2)[..., None, :]
    return gaps.reshape(*gaps.shape[:-2], -1)


def same_sign(
    true: Float[np.ndarray, "*draws pairs"], found: Float[np.ndarray, "*draws pairs"]
) -> Float[np.ndarray, "*draws"]:
    """Return the share of pairs with a true gap whose predicted gap has the same sign; NaN without such a pair."""
    sided = np.abs(true) > SURE
    agree = (np.sign(true) == np.sign(found)) & sided
    number = sided.sum(axis=-1)
    return np.where(number > 0, agree.sum(axis=-1) / np.maximum(number, 1), np.nan)


def compare(scores: pd.DataFrame, organ: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the gaps of one organ.

    Parameters
    ----------
    scores
        Rows of the models' masks in ``rca_check.csv``, with the columns ``sex``, ``patient_id`` and ``epoch``.
    organ
        ``lungs`` or ``heart``.
    seed
        Seed of the bootstrap over patients, men and women apart.

    Returns
    -------
    tuple
        One row for each pair of epochs: ``men_epoch``, ``women_epoch``, ``true_gap``, ``rca_gap`` (mean over the
        references) and ``rca_max_gap``. And one row for all pairs and for kinds of them: number, agreement of sign
        with its 95 % interval and with the maximum over references, Pearson r, slope of the RCA gap over the true gap,
        and mean size of the true gap.
    """
    columns = {"true": f"{organ}_true", "mean": f"{organ}_mean", "max": f"{organ}_max"}
    people = {
        sex: {
            name: rows.groupby(["patient_id", "epoch"])[column].mean().unstack("epoch").to_numpy()
            for name, column in columns.items()
        }
        for sex, rows in scores.groupby("sex")
    }
    epochs = sorted(scores["epoch"].unique())
    gaps = {name: gaps_of(people["M"][name], people["F"][name]) for name in columns}
    table = pd.DataFrame(
        [(men, women) for men in epochs for women in epochs], columns=["men_epoch", "women_epoch"]
    ).assign(organ=organ, true_gap=gaps["true"], rca_gap=gaps["mean"], rca_max_gap=gaps["max"])
    size = np.abs(gaps["true"])
    parts = {
        "all": np.ones(len(table), bool),
        f"true gap of {SLIGHT:g} or more": size >= SLIGHT,
        f"true gap below {SLIGHT:g}": size < SLIGHT,
        "men and women at one epoch": (table["men_epoch"] == table["women_epoch"]).to_numpy(),
    }
    drawn = _draws(people, columns, seed)
    rows = []
    for name, part in parts.items():
        true, found, largest = (gaps[each][part] for each in columns)
        low, high = percentile_ends(same_sign(drawn["true"][:, part], drawn["mean"][:, part]))
        rows.append(
            {
                **{"organ": organ, "pairs": name, "number": int(part.sum())},
                **{"same_sign": float(same_sign(true, found)), "low": low, "high": high},
                "same_sign_max": float(same_sign(true, largest)),
                "r": float(pearson_r(true, found)) if len(true) > 2 else np.nan,
                "slope": float((true * found).sum() / (true * true).sum()) if true.any() else np.nan,
                "mean_true_gap": float(np.abs(true).mean()) if len(true) else np.nan,
                "paper": ORGANS[organ] if name == "all" else "",
            }
        )
    return table, pd.DataFrame(rows)


def _draws(people: dict[Any, dict[str, np.ndarray]], names: dict[str, str], seed: int) -> dict[str, np.ndarray]:
    """Return the gaps of resampled patients, ``[draws, pairs]`` by name; one draw for truth and RCA."""
    rng = np.random.default_rng(seed)
    made: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for _ in range(RESAMPLES):
        chosen = {sex: rng.integers(0, len(of["true"]), len(of["true"])) for sex, of in sorted(people.items())}
        for name in names:
            made[name].append(gaps_of(people["M"][name][chosen["M"]], people["F"][name][chosen["F"]]))
    return {name: np.stack(values) for name, values in made.items()}


def read_scores(inputs: Inputs) -> pd.DataFrame:
    """Return the scores of the models' masks with sex, patient and epoch; images are scored with all epochs or none.

    Raises
    ------
    CxrError
        If the masks of a sex are missing.
    """
    people = pd.concat([pd.read_csv(path, dtype={"image_id": str, "patient_id": str}) for path in inputs["people"]])
    scores = pd.concat([pd.read_csv(path, dtype={"image_id": str}) for path in inputs["scores"]])
    scores = scores[scores["kind"].str.startswith(KIND)].merge(people, on="image_id")
    scores["epoch"] = scores["kind"].str.removeprefix(KIND).astype(int)
    if missing := set(SEXES) - set(scores["sex"]):
        raise CxrError(f"{inputs['scores'][0].parent.name}: no scores of {SEXES[min(missing)]}; run the steps anew")
    return scores


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the gaps of all pairs, the agreement of their signs with the truth, and the Dice by epoch."""
    scores = read_scores(inputs)
    found = [compare(scores, organ, settings.seed) for organ in ORGANS]
    gaps, table = (pd.concat(frames, ignore_index=True) for frames in zip(*found, strict=True))
    measures = [f"{organ}_{name}" for organ in ORGANS for name in ("true", "mean")]
    by_epoch = scores.groupby(["sex", "epoch"])[measures].mean().reset_index()
    whole = table[table["pairs"] == "all"].set_index("organ")
    slight = table[table["pairs"] == f"true gap below {SLIGHT:g}"].set_index("organ")
    words = " and ".join(f"{whole.loc[organ, 'same_sign']:.2f} ({organ})" for organ in ORGANS)
    few = " and ".join(f"{slight.loc[organ, 'same_sign']:.2f}" for organ in ORGANS if slight.loc[organ, "number"])
    only = f", and in {few} of those whose true gap is below {SLIGHT:g}" if few else ""
    best = scores[scores["epoch"] == scores["epoch"].max()][measures].mean()
    patients = scores.groupby("sex")["patient_id"].nunique()
    how = PACKAGE if settings.small else "a registration network that was trained on the references"
    finding = Finding(
        f"RCA gives the sign of the true gap in {words} of the pairs{only}. Most pairs set an early epoch "
        "against a later one, so their gaps are larger than those of a finished model; the shares do not hold for it. "
        f"At the last epoch the mean Dice is {best['lungs_true']:.2f} (lungs) and {best['heart_true']:.2f} (heart).",
        table,
        {"gaps": _figure(gaps, table)},
        [
            Sign(
                f"RCA gaps of the {organ} have the sign of the true gaps (share of the pairs)",
                *(float(whole.loc[organ, name]) for name in ("same_sign", "low", "high")),
                "above",
                LEAST,
                published,
            )
            for organ, published in ORGANS.items()
        ],
        {"gaps": gaps, "dice_by_epoch": by_epoch},
        f"{patients['M']} men and {patients['F']} women; each mask is of a patient that its network was not trained "
        f"on; RCA by {how}",
    )
    write_finding(STUDY, finding, output, settings)


def _figure(gaps: pd.DataFrame, table: pd.DataFrame) -> Any:
    from cxrfactory.imaging.drawing.figure import pyplot

    figure, axes = pyplot().subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    for axis, organ in zip(axes, ORGANS, strict=True):
        rows = gaps[gaps["organ"] == organ]
        limit = 1.08 * max(rows[["true_gap", "rca_gap"]].abs().to_numpy().max(), SLIGHT)
        axis.fill_between([-limit, 0], 0, limit, color="0.93", linewidth=0)
        axis.fill_between([0, limit], -limit, 0, color="0.93", linewidth=0)
        axis.plot([-limit, limit], [-limit, limit], color="0.6", linewidth=1)
        later = rows[["men_epoch", "women_epoch"]].min(axis=1)
        dots = axis.scatter(rows["true_gap"], rows["rca_gap"], s=16, c=later.rank(method="dense"), cmap="viridis")
        share = table[(table["organ"] == organ) & (table["pairs"] == "all")]["same_sign"].iloc[0]
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="true gap (Dice of men less that of women)")
        axis.set_title(f"{organ}: same sign in {100 * share:.0f} % of {len(rows)} pairs (grey: other sign)", fontsize=9)
        axis.set_aspect("equal")
    axes[0].set_ylabel("gap by RCA")
    figure.colorbar(dots, ax=axes, label="rank of the earlier epoch of the pair", shrink=0.8)
    return figure


STUDY = Study(
    "bias-discovery",
    "Unsupervised bias discovery in medical image segmentation (2023), masks of men and women",
    "Does RCA tell, without any truth, which sex a segmenter serves worse?",
    "over the 144 pairs of 12 epochs of models of men and of women, the gap by RCA has the sign of the true gap in "
    "0.90 of the pairs for the lungs and in 0.92 for the heart.",
    0.2,
    steps,
    {
        "tables": "cxrfactory.studies.bias_discovery:make_tables",
        SUMMARY: "cxrfactory.studies.bias_discovery:summarise",
    },
    "lungs and heart, and the sex of the patients",
    requires=Requirement(organs="LH", people=("sex",)),
)
