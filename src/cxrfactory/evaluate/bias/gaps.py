"""Compare the RCA scores of a release's masks between groups of patients: view, sex, age and finding."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.studies import BiasConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.bias.groups import Attribute, attributes, read_people
from cxrfactory.evaluate.bias.plots import plot_differences
from cxrfactory.logs import get_logger
from cxrfactory.metrics.agreement import holm
from cxrfactory.metrics.groups import GroupGap, group_gaps, mann_whitney, patient_means
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.parquet import read_table, stored_schema
from cxrfactory.tables.rows import Row

log = get_logger(__name__)

SCORES = {"dice_rca_mean": "all", "lungs_mean": "lungs", "heart_mean": "heart"}  # column -> organ
COLUMNS = [
    *("release", "attribute", "group", "organ", "images", "patients", "mean", "ci_low", "ci_high", "median"),
    *("below", "rest_images", "rest_patients", "patients_in_both", "rest_mean", "difference", "difference_low"),
    *("difference_high", "rank_biserial", "p", "p_holm", "note"),
]


def measure_bias(
    product: str | Path,
    manifest: str | Path,
    output: str | Path,
    settings: BiasConfig,
) -> pd.DataFrame:
    """Compare the RCA scores of every group of a release with those of the other images.

    Parameters
    ----------
    product
        Packed release: ``Parquet/<Release>.parquet`` of the product, or a CheXmask CSV, which has no scores of single
        organs. The file name gives the release's name.
    manifest
        Manifest of the release, with patients, views, sexes, ages (years) and findings.
    output
        Folder for ``bias.csv`` and ``bias.png``.
    settings
        ``at_least`` is the score below which a mask counts in ``below``. ``least_patients`` is the number of patients
        that a group and the rest need for a comparison. The bootstrap runs over patients.

    Returns
    -------
    One row for each group and organ (``all`` is the score of the whole image). ``mean`` and ``median`` run over images;
    ``ci_low`` to ``ci_high`` is the 95 % interval over patients; ``below`` is the share of images under ``at_least``.
    ``difference`` is the group's mean minus the mean of the rest, which is all other images with a known value of the
    property. ``rank_biserial`` and ``p`` come from the Mann-Whitney test on patients' means; ``p_holm`` is corrected
    over all tests of the table. Two groups that are each other's rest count as one test. ``note`` gives the reason if a
    group was not compared.

    Raises
    ------
    CxrError
        If a table is unreadable, an image occurs twice or is not in the manifest, or a score lies outside [0, 1].
    """
    output, product = Path(output), Path(product)
    scores, people = _read_scores(product), read_people([manifest])
    unknown = scores.index.difference(people["image_id"])
    if len(unknown):
        raise CxrError(
            f"{product}: {len(unknown)} images are not among the included of {manifest}, first '{unknown[0]}'; "
            "give the manifest that the product was made from"
        )
    people = people[people["image_id"].isin(scores.index)].reset_index(drop=True)
    scores = scores.loc[people["image_id"]]
    patients = pd.factorize(people["patient"])[0]
    log.info("%s: %d images of %d patients", product, len(people), len(set(patients)))
    rows = []
    for attribute in attributes(people):
        unstated = int((~attribute.known).sum())
        log.info("%s: %d groups, not stated for %d images", attribute.name, len(attribute.groups), unstated)
        for column, organ in SCORES.items():
            if column in scores:
                values = scores[column].to_numpy(np.float64)
                rows += _compare(attribute, organ, values, patients, settings)
    table = pd.DataFrame(rows, columns=[*COLUMNS, "test"])
    table["release"] = product.stem
    table["p_holm"] = _corrected(table)
    table = table[COLUMNS]
    write_text(output / "bias.csv", table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    plot_differences(table, output / "bias.png")
    _report(table)
    log.info("wrote %s", output)
    return table


def _read_scores(path: Path) -> pd.DataFrame:
    """Return the scores by image id, for those columns of SCORES that the table has."""
    if path.suffix == ".parquet":
        read_table(path, columns=["image_id", "dice_rca_mean"])  # raises an error that names missing columns
        stored = stored_schema(path).names
        table = read_table(path, columns=["image_id", *(name for name in SCORES if name in stored)])
    else:
        table = read_chexmask(path, columns=["Dice RCA (Mean)"])
        table = table.rename(columns={"Dice RCA (Mean)": "dice_rca_mean"})[["image_id", "dice_rca_mean"]]
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{table.loc[twice, 'image_id'].iloc[0]}' occurs twice; expected it once")
    for name in table.columns.drop("image_id"):
        outside = ~table[name].dropna().between(0, 1)
        if outside.any():
            raise CxrError(f"{path}: column '{name}' holds {table[name].dropna()[outside].iloc[0]}; expected [0, 1]")
    return table.set_index("image_id")


def _compare(
    attribute: Attribute,
    organ: str,
    values: np.ndarray,
    patients: np.ndarray,
    settings: BiasConfig,
) -> list[Row]:
    there = attribute.known & ~np.isnan(values)
    if not there.any():
        return []
    values, members = values[there], attribute.members[:, there]
    numbers = pd.factorize(patients[there])[0]
    rows = []
    for number, gap in enumerate(group_gaps(values, numbers, members, settings.resamples, seed=settings.seed)):
        if not gap.images:
            continue
        member = members[number]
        row = {
            "attribute": attribute.name,
            "group": attribute.groups[number],
            "organ": organ,
            "images": gap.images,
            "patients": gap.patients,
            "mean": gap.mean,
            "median": float(np.median(values[member])),
            "below": float((values[member] < settings.at_least).mean()),
            "rest_images": gap.rest_images,
            "rest_patients": gap.rest_patients,
            "patients_in_both": gap.patients_in_both,
            "note": _why_not(gap, settings.least_patients),
        }
        if not row["note"]:
            row |= {"rest_mean": gap.rest_mean, "ci_low": gap.low, "ci_high": gap.high, "difference": gap.difference}
            row |= {"difference_low": gap.difference_low, "difference_high": gap.difference_high}
            sides = (patient_means(values[side], numbers[side]) for side in (member, ~member))
            row["rank_biserial"], row["p"] = mann_whitney(*sides)
            row["test"] = f"{attribute.name}/{organ}" + ("" if attribute.mirrored else f"/{row['group']}")
        rows.append(row)
    return rows


def _why_not(gap: GroupGap, least_patients: int) -> str:
    if gap.patients < least_patients:
        return f"fewer than {least_patients} patients"
    if gap.rest_patients < least_patients:
        return f"fewer than {least_patients} patients in the rest"
    return ""


def _corrected(table: pd.DataFrame) -> pd.Series:
    """Correct p by Holm's method over the tests of the table; rows of one test share its p."""
    tests = table.dropna(subset="p").drop_duplicates("test").set_index("test")["p"].astype(np.float64)
    return table["test"].map(pd.Series(holm(tests.to_numpy()), index=tests.index, dtype=np.float64))


def _report(table: pd.DataFrame) -> None:
    tested = table[table["p"].notna()]
    found = tested[(tested["p_holm"] < 0.05) & (tested["organ"] == "all")]
    log.info("%d groups and organs compared, %d differ after Holm's correction", len(tested),
             int((tested["p_holm"] < 0.05).sum()))  # fmt: skip
    for row in found.sort_values("difference").head(20).itertuples():
        log.info("%s %s: RCA %.3f, %+.3f [%.3f, %.3f] from the rest, %d patients", row.attribute, row.group, row.mean,
                 row.difference, row.difference_low, row.difference_high, row.patients)  # fmt: skip
