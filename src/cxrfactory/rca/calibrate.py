"""Fit an estimate of the true Dice, with an interval, to RCA scores, and check its coverage.

The masks of known Dice come from ``rca-check``. The data are split by image, so that all masks of an image are in the
same part.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.rca import CalibrateConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.conformal import Conformal, fit_conformal
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.calibration import Calibration, FittedOn, ScoreOrigin, write_calibration
from cxrfactory.tables.keys import seed_of

log = get_logger(__name__)

FEATURES = ("mean", "max", "std")
FIT_SHARE = 1 / 3  # share of the images that fit the curves; more images for the margin make the guarantee tighter
TEST_SHARE = 1 / 3  # share of the images that are tested in a coverage check
TRUTH = {"both": "true_dice", "lungs": "lungs_true", "heart": "heart_true"}
_PREFIX = {"both": "dice_rca_", "lungs": "lungs_", "heart": "heart_"}


@dataclass(frozen=True)
class KnownMasks:
    """Output of ``rca-check``: a table with one row per mask, the origin of the scores, and the table's SHA-256."""

    table: pd.DataFrame
    origin: ScoreOrigin
    sha256: str


def read_known(folder: str | Path) -> KnownMasks:
    """Read ``rca_check.csv`` and ``rca_check.json`` from a folder.

    Raises
    ------
    CxrError
        If a file is missing or unreadable, a column is missing, or the origin of the scores was not stored.
    """
    path, facts = Path(folder) / "rca_check.csv", Path(folder) / "rca_check.json"
    for each in (path, facts):
        if not each.is_file():
            raise CxrError(f"{each}: no such file; expected the folder that rca-check wrote")
    try:
        table = pd.read_csv(path, dtype={"image_id": str, "kind": str}, keep_default_na=False, na_values=[""])
        found = json.loads(facts.read_bytes())
    except ValueError as error:  # raised by pandas and by json
        raise CxrError(f"{folder}: not readable as output of rca-check ({' '.join(str(error).split())})") from error
    wanted = ["image_id", "kind", *TRUTH.values(), *(f"{p}{f}" for p in _PREFIX.values() for f in FEATURES[:2])]
    missing = [name for name in wanted if name not in table.columns]
    if missing or not isinstance(found, dict) or "origin" not in found:
        what = f"columns {missing} are missing" if missing else f"{facts.name} lacks 'origin'"
        raise CxrError(f"{folder}: {what}; run rca-check again")
    try:
        origin = ScoreOrigin.model_validate(found["origin"])
    except ValueError as error:  # raised by pydantic
        raise CxrError(f"{facts}: 'origin' is not of this format; run rca-check again") from error
    return KnownMasks(table, origin, hashlib.sha256(path.read_bytes()).hexdigest())


def organ_table(table: pd.DataFrame, organ: str, features: Sequence[str]) -> pd.DataFrame:
    """Return ``image_id``, ``kind``, ``true`` and the features of the masks for which all of them are known.

    Parameters
    ----------
    table
        Table of :class:`KnownMasks`.
    organ
        ``both`` (mean of lungs and heart, like the published score), ``lungs`` or ``heart``.
    features
        Some of :data:`FEATURES`. With ``std``, only predictions remain, because a spoiled mask has no uncertainty.

    Raises
    ------
    CxrError
        If the table lacks a column.
    """
    names = {"std": {"both": "dice_std"}.get(organ, f"{organ}_std")}
    columns = {feature: names.get(feature, f"{_PREFIX[organ]}{feature}") for feature in features}
    absent = [name for name in columns.values() if name not in table.columns]
    if absent:
        raise CxrError(f"the table of rca-check lacks {absent}; leave out the feature or run rca-check again")
    taken = table[["image_id", "kind", TRUTH[organ], *columns.values()]].dropna()
    return taken.set_axis(["image_id", "kind", "true", *columns], axis=1)


def calibrate(folder: str | Path, output: str | Path, settings: CalibrateConfig) -> Calibration:
    """Fit one model per organ and write the calibration file.

    Parameters
    ----------
    folder
        Folder that ``rca-check`` wrote, with the same reference library and settings as the scores to be calibrated.
    output
        JSON file to write.
    settings
        Share of masks allowed outside their interval, and the features of the estimate (:func:`organ_table`).

    Raises
    ------
    CxrError
        If ``rca-check`` did not write the folder, a feature is unknown, or there are too few images.
    """
    features, alpha = _checked(settings), settings.alpha
    known = read_known(folder)
    ids = sorted(known.table["image_id"].unique(), key=lambda each: seed_of(each, "rca-calibrate"))
    fit, rest = _divided(ids)
    models = {}
    for organ, rows in _organs(known.table, features, str(folder)).items():
        models[organ] = _fit(rows, fit, rest, features, alpha, f"{folder}: {organ}").as_dict()
    used = organ_table(known.table, "both", features)
    on = FittedOn(
        table=known.sha256,
        images_fit=len(fit),
        images_calibration=len(rest),
        masks=len(used),
        kinds={str(kind): int(count) for kind, count in used["kind"].value_counts().sort_index().items()},
    )
    calibration = Calibration(origin=known.origin, alpha=alpha, features=features, fitted_on=on, models=models)
    write_calibration(calibration, output)
    log.info("%s: %d masks of %d images to fit on and %d to calibrate on; wrote %s for %s",
             folder, on.masks, on.images_fit, on.images_calibration, output, ", ".join(models))  # fmt: skip
    return calibration


def coverage(folder: str | Path, output: str | Path, settings: CalibrateConfig, splits: int) -> pd.DataFrame:
    """Fit and calibrate on random parts of the images, and measure how often the interval covers the others' Dice.

    A third of the images is tested in each split. The others are divided as in :func:`calibrate`.

    Parameters
    ----------
    folder
        Folder that ``rca-check`` wrote.
    output
        CSV file to write, with one row per split and organ.
    settings
        Settings as in :func:`calibrate`.
    splits
        Number of random splits of the images.

    Returns
    -------
    DataFrame
        Columns ``split``, ``organ``, ``images_calibration``, ``images_tested``, ``masks_tested``, ``coverage``,
        ``coverage_predictions`` (of masks that are not spoiled, models' masks included; empty where there is none),
        ``median_width``, and ``mean_absolute_error`` of the estimate.

    Raises
    ------
    CxrError
        Under the conditions of :func:`calibrate`, or if ``splits`` is below 1.
    """
    features, alpha = _checked(settings), settings.alpha
    if splits < 1:
        raise CxrError(f"{splits} splits to check; expected 1 or more")
    known = read_known(folder)
    organs = _organs(known.table, features, str(folder))
    ids = sorted(known.table["image_id"].unique())
    rows = []
    for split in progress(range(splits), "coverage", splits):
        order = [ids[place] for place in np.random.default_rng(split).permutation(len(ids))]
        tested = order[: max(round(TEST_SHARE * len(ids)), 1)]
        fit, rest = _divided(order[len(tested) :])
        for organ, table in organs.items():
            model = _fit(table, fit, rest, features, alpha, f"{folder}: {organ}, split {split}")
            held = table[table["image_id"].isin(tested)]
            if held.empty:
                raise CxrError(f"{folder}: no mask with {organ} among {len(tested)} tested images; check more images")
            estimate, low, high = model.interval(held[list(features)].to_numpy()).T
            truth = held["true"].to_numpy()
            inside = (low <= truth) & (truth <= high)
            plain = _unspoiled(held)
            rows.append(
                {
                    "split": split,
                    "organ": organ,
                    "images_calibration": len(rest),
                    "images_tested": int(held["image_id"].nunique()),
                    "masks_tested": len(held),
                    "coverage": float(inside.mean()),
                    "coverage_predictions": float(inside[plain].mean()) if plain.any() else None,
                    "median_width": float(np.median(high - low)),
                    "mean_absolute_error": float(np.abs(estimate - truth).mean()),
                }
            )
    found = pd.DataFrame(rows)
    write_text(output, found.to_csv(index=False, float_format="%.6f"))
    for organ, part in found.groupby("organ", sort=False):
        log.info("%s: coverage %.3f (%.3f of predictions), %.3f wanted; median width %.3f, mean error %.3f; %d splits",
                 organ, part["coverage"].mean(), part["coverage_predictions"].mean(), 1 - alpha,
                 part["median_width"].median(), part["mean_absolute_error"].mean(), splits)  # fmt: skip
    return found


def plot_calibration(folder: str | Path, calibration: Calibration, path: str | Path) -> None:
    """Draw the true Dice of every mask over its estimate, with the ends of the intervals, one panel per organ (PNG)."""
    known = read_known(folder)
    figure, axes = pyplot().subplots(
        1, len(calibration.models), figsize=(4.2 * len(calibration.models), 4.4), squeeze=False, layout="compressed"
    )
    for axis, (organ, values) in zip(axes[0], calibration.models.items(), strict=True):
        rows = organ_table(known.table, organ, calibration.features)
        found = Conformal.from_dict(values).interval(rows[list(calibration.features)].to_numpy())
        estimate, low, high = found[np.argsort(found[:, 0], kind="stable")].T
        axis.vlines(estimate, low, high, color="tab:blue", alpha=0.15, linewidth=1.2)
        plain = _unspoiled(rows)
        axis.scatter(found[~plain, 0], rows["true"][~plain], s=6, color="black", alpha=0.6, label="spoiled")
        axis.scatter(found[plain, 0], rows["true"][plain], s=12, color="tab:orange", label="prediction")
        axis.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        axis.set(xlabel="estimated Dice", ylabel="true Dice", xlim=(0, 1.01), ylim=(0, 1.01), aspect="equal")
        axis.set_title(f"{organ}: {100 * (1 - calibration.alpha):g} % intervals")
    axes[0][0].legend(fontsize="small", loc="upper left")
    save_figure(figure, path)


def _unspoiled(rows: pd.DataFrame) -> np.ndarray:
    """Mark the masks that are a case's own or a model's, that is, not spoiled."""
    return ((rows["kind"] == "none") | rows["kind"].str.startswith("model ")).to_numpy()


def _checked(settings: CalibrateConfig) -> tuple[str, ...]:
    features, alpha = settings.features, settings.alpha
    if not features or set(features) - set(FEATURES) or len(set(features)) != len(features):
        raise CxrError(f"features {', '.join(features) or 'none'}; expected one or more of {', '.join(FEATURES)}, once")
    if not 0 < alpha < 1:
        raise CxrError(f"alpha {alpha:g}; expected a number between 0 and 1")
    return tuple(name for name in FEATURES if name in features)


def _divided(ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split ids into the images to fit on and the images to calibrate on."""
    number = max(round(FIT_SHARE * len(ids)), 1)
    return list(ids[:number]), list(ids[number:])


def _organs(table: pd.DataFrame, features: Sequence[str], where: str) -> dict[str, pd.DataFrame]:
    """Return the rows of each organ that the table contains."""
    found = {organ: organ_table(table, organ, features) for organ in TRUTH}
    if found["both"].empty:
        raise CxrError(f"{where}: no mask with {', '.join(features)} known; leave 'std' out or give predictions")
    return {organ: rows for organ, rows in found.items() if not rows.empty}


def _fit(
    rows: pd.DataFrame, fit: Sequence[str], rest: Sequence[str], features: Sequence[str], alpha: float, where: str
) -> Conformal:
    parts = [rows[rows["image_id"].isin(ids)] for ids in (fit, rest)]
    if parts[1].empty:
        raise CxrError(f"{where}: no image is left to calibrate on; run rca-check on more images")
    pairs = [(part[list(features)].to_numpy(np.float64), part["true"].to_numpy(np.float64)) for part in parts]
    try:
        return fit_conformal(*pairs, pd.factorize(parts[1]["image_id"])[0], alpha)
    except CxrError as error:
        raise CxrError(f"{where}: {error}; run rca-check on more images") from error
