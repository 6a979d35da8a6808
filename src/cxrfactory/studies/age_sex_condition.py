"""True Dice by age, sex and condition, with the young left out of the training (HybridGNet, figure 3; CheXmask)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import pearson_r
from cxrfactory.metrics.intervals import bootstrap_interval, difference_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_sets import evaluated
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study
from cxrfactory.tables.keys import seed_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORGANS = ("lungs", "heart")
ADULT_YEARS = 18  # the paper finds the drop from 0 to 18 years
NORMAL = ("normal", "non-nodule", "no finding", "healthy")
FEWEST = 5  # films of a condition that stands alone in the table
GROUPS = {"age": ("young", "adult"), "sex": ("F", "M"), "condition": ("abnormal", "normal")}


def folds_of(settings: StudyRunConfig) -> int:
    """Return the number of folds for the study's size."""
    return 3 if settings.small else 5


def steps(context: Context) -> tuple[Step, ...]:
    """Divide the patients into folds, train without each, and measure each with the network that did not see it."""
    options = (f"--epochs={context.epochs(120, 3000)}", f"--input-size={context.side(128, 1024)}")
    numbers = range(1, folds_of(context.settings) + 1)
    divided = context.part("age-sex-condition", "folds", {"tables": list(context.tables)})
    result: list[Step] = [divided]
    for number in numbers:
        table = f"{{folds}}/fold{number}.parquet"
        result.append(
            context.train(f"without{number}", "--segmenter=hybridgnet", *options, labelled=(table,), needs=("folds",))
        )
        result.append(evaluated(context, f"measure{number}", {"fold": table}, (f"without{number}",), ("folds",)))
    scores = [f"{{measure{number}}}/fold/per_image.csv" for number in numbers]
    inputs = {"scores": scores, "people": ["{folds}/people.csv"]}
    return (*result, context.part("age-sex-condition", SUMMARY, inputs))


def folds(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write a table for each fold, in which its patients have split ``val``, and ``people.csv``.

    People below 18 years are in no training: in every fold, those of the other folds are left out.
    """
    table = read_tables(inputs["tables"], by_id=True)
    table["age"] = table["age"].where(table["age"] > 0)  # JSRT writes 0 for an unknown age
    if table[["age", "sex", "condition"]].isna().all(axis=None):
        raise CxrError(
            f"{', '.join(map(str, inputs['tables']))}: no film has an age, a sex or a condition; make the tables anew "
            "with ingest-labelled and preprocess-labelled from a clinical.csv that has them"
        )
    number = folds_of(settings)
    people = sorted(set(table["patient_id"]), key=lambda each: (seed_of(str(each), "fold", settings.seed), each))
    fold_of = {patient: place % number + 1 for place, patient in enumerate(people)}
    table["fold"] = table["patient_id"].map(fold_of)
    for fold in range(1, number + 1):
        own = table["fold"] == fold
        kept = table[own | ~(table["age"] < ADULT_YEARS)]
        splits = np.where(kept["fold"] == fold, "val", "train")
        write_labelled(kept.assign(split=splits).drop(columns="fold"), output / f"fold{fold}.parquet")
    columns = ["image_id", "patient_id", "source", "sex", "age", "condition", "fold"]
    table[columns].to_csv(output / "people.csv", index=False, lineterminator="\n")


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write Dice against age, and tests between groups of age, sex and condition."""
    from cxrfactory.metrics.group_tests import holm_over

    scores = pd.concat([pd.read_csv(path) for path in inputs["scores"]])
    people = pd.read_csv(inputs["people"][0], dtype={"patient_id": str, "sex": str, "condition": str})
    dice = scores[scores["organ"].isin(ORGANS)][["image_id", "organ", "dice"]].merge(people, on="image_id")
    dice = dice.assign(age_group=_age_groups(dice["age"]), condition_group=dice["condition"].map(condition_group))
    correlations, tests, rows = [], [], []
    for organ in [each for each in ORGANS if (dice["organ"] == each).any()]:
        own = dice[(dice["organ"] == organ) & dice["dice"].notna()]
        for source, part in [("all", own), *own.groupby("source")]:
            correlations.append({"organ": organ, "source": source} | _spearman(part, settings.seed))
        for trait, (first, second) in GROUPS.items():
            column = trait if trait == "sex" else f"{trait}_group"
            for source, part in [("all", _of_both(own, column, first, second)), *own.groupby("source")]:
                row = _compared(part, column, first, second, settings.seed)
                if row is not None:
                    tests.append(row[0])
                    rows.append({"organ": organ, "trait": trait, "source": source} | row[1])
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["p_holm"] = holm_over(tests) if tests else []
    ages = pd.DataFrame(correlations)
    named = dice["condition"].str.split().str.join(" ")
    by_condition = dice.assign(condition=named).groupby(["organ", "condition"])["dice"].agg(["count", "mean", "std"])
    by_condition = by_condition[by_condition["count"] >= FEWEST].reset_index()
    lungs = table[(table["organ"] == "lungs") & (table["source"] == "all")].set_index("trait")
    told = [
        f"{trait}: {lungs.loc[trait, 'first']} {lungs.loc[trait, 'mean_first']:.4f}, {lungs.loc[trait, 'second']} "
        f"{lungs.loc[trait, 'mean_second']:.4f}, p = {lungs.loc[trait, 'p_mann_whitney']:.2g}"
        if trait in lungs.index
        else f"{trait}: too few films of a group to compare"
        for trait in GROUPS
    ]
    first = ages.iloc[0]
    sentence = (
        f"Dice of the lungs and age have a rank correlation of {first['rho']:.2f} (95 % interval {first['low']:.2f} to "
        f"{first['high']:.2f}, {first['films']} films); mean Dice of the lungs by {'; by '.join(told)}."
    )
    figures = {"age": _scatter(dice), "groups": _boxes(dice)}
    data = (
        f"{people['image_id'].nunique()} films of {', '.join(sorted(people['source'].unique()))}, each measured by a "
    )
    data += "network that did not see its patient, nor anyone below 18 years"
    more = {"age": ages, "conditions": by_condition}
    write_finding(STUDY, Finding(sentence, table, figures, _signs(lungs), more, data), output, settings)


def condition_group(condition: object) -> str | None:
    """Return ``normal`` or ``abnormal`` for the words of a release; None where it says nothing."""
    if not isinstance(condition, str) or not condition.strip():
        return None
    return "normal" if condition.strip().lower() in NORMAL else "abnormal"


def spearman(a: Float[np.ndarray, "*draws n"], b: Float[np.ndarray, "*draws n"]) -> Float[np.ndarray, "*draws"]:
    """Compute Spearman's rank correlation along the last axis: Pearson's of the ranks."""
    from scipy.stats import rankdata

    return pearson_r(rankdata(a, axis=-1), rankdata(b, axis=-1))


_COLUMNS = ["organ", "trait", "source", "first", "second", "n_first", "n_second", "mean_first", "mean_second",
            "difference", "low", "high", "cliffs_delta", "p_mann_whitney"]  # fmt: skip


def _age_groups(age: pd.Series) -> pd.Series:
    groups = pd.Series(np.where(age < ADULT_YEARS, "young", "adult"), age.index, dtype=object)
    return groups.where(age.notna(), None)


def _spearman(part: pd.DataFrame, seed: int) -> dict:
    known = part.dropna(subset=["age"])
    age, dice = known["age"].to_numpy(float), known["dice"].to_numpy(float)
    if len(known) < 3:
        return {"films": len(known), "rho": np.nan, "low": np.nan, "high": np.nan}
    low, high = bootstrap_interval(spearman, age, dice, seed=seed)
    return {"films": len(known), "rho": float(spearman(age, dice)), "low": low, "high": high}


def _of_both(own: pd.DataFrame, column: str, first: str, second: str) -> pd.DataFrame:
    """Return the films of sources in which both groups have three films or more, so that sources are not compared."""
    counts = own.groupby("source")[column].value_counts().unstack(fill_value=0).reindex(columns=[first, second])
    enough = counts.index[(counts.fillna(0) >= 3).all(axis=1)]
    return own[own["source"].isin(enough)]


def _compared(part: pd.DataFrame, column: str, first: str, second: str, seed: int) -> tuple | None:
    """Compare two groups: the test, and a row of the table; None where a group has fewer than three films."""
    from cxrfactory.metrics.group_tests import compare_groups

    own = part[part[column].isin([first, second])]
    if own[column].value_counts().reindex([first, second]).fillna(0).min() < 3:
        return None
    patients, groups = own["patient_id"].tolist(), own[column].tolist()
    # groups are compared in the order of their names, so the first is 0 and the second 1
    (test,) = compare_groups(own["dice"].to_numpy(float), [f"{int(each == second)}" for each in groups], patients)
    _, low, high = difference_interval(own["dice"].to_numpy(float), (own[column] == first).to_numpy(float), seed)
    row = {"first": first, "second": second}
    row |= {name: getattr(test, name) for name in ("n_first", "n_second", "mean_first", "mean_second")}
    row |= {"difference": test.mean_first - test.mean_second, "low": low, "high": high}
    return test, row | {name: getattr(test, name) for name in ("cliffs_delta", "p_mann_whitney")}


def _signs(lungs: pd.DataFrame) -> list[Sign]:
    claims = {
        "age": ("Dice of the lungs is lower below 18 years than above (young less adult)", "drops drastically"),
        "sex": ("Dice of the lungs is slightly lower in women (F less M)", "slightly lower in women (RCA, CheXmask)"),
        "condition": ("Dice of the lungs is lower with a finding (abnormal less normal)", "differs by release"),
    }
    missing = pd.Series({"difference": np.nan, "low": np.nan, "high": np.nan})
    return [
        Sign(claim, *(lungs.loc[trait] if trait in lungs.index else missing)[["difference", "low", "high"]],
             "below", 0.0, said)
        for trait, (claim, said) in claims.items()
    ]  # fmt: skip


def _scatter(dice: pd.DataFrame) -> "Figure":
    from matplotlib.figure import Figure

    organs = [each for each in ORGANS if (dice["organ"] == each).any()]
    figure = Figure(figsize=(4.5 * len(organs), 3.6), layout="constrained")
    for axis, organ in zip(np.atleast_1d(figure.subplots(1, len(organs))), organs, strict=True):
        for source, part in dice[dice["organ"] == organ].groupby("source"):
            axis.scatter(part["age"], part["dice"], s=8, label=source)
        axis.axvline(ADULT_YEARS, color="grey", linewidth=1, linestyle=":")
        axis.set(title=organ, xlabel="age (years)", ylabel="Dice")
        axis.legend(fontsize=7)
    return figure


def _boxes(dice: pd.DataFrame) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    own = dice[(dice["organ"] == "lungs") & dice["dice"].notna()]
    for axis, (trait, groups) in zip(figure.subplots(1, len(GROUPS), sharey=True), GROUPS.items(), strict=True):
        column = trait if trait == "sex" else f"{trait}_group"
        values = [own.loc[own[column] == group, "dice"] for group in groups]
        names = [f"{group}\n({len(each)})" for group, each in zip(groups, values, strict=True)]
        axis.boxplot(values, tick_labels=names)
        axis.set(title=trait)
    figure.axes[0].set_ylabel("Dice of the lungs")
    return figure


STUDY = Study(
    "age-sex-condition",
    "HybridGNet, section 5.3 and figure 3 of the thesis' article; CheXmask, figure 8",
    "Does the true Dice depend on age, sex or condition, and do networks that saw no young people fail on them?",
    "trained on JSRT, which has almost no young people, the Dice of the lungs drops drastically from 0 to 18 years in "
    "Montgomery and Shenzhen; estimates by RCA are slightly lower in women, and differ by finding in two releases.",
    0.4,
    steps,
    {"folds": "cxrfactory.studies.age_sex_condition:folds", SUMMARY: "cxrfactory.studies.age_sex_condition:summarise"},
    "age, sex or condition of the people",
    requires=Requirement(people=("age", "sex", "condition")),
)
