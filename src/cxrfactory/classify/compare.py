"""Compare classifiers on original and segmented pictures: rates by class and averaged, intervals and a paired test.

The rates are accuracy, sensitivity and specificity.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.classify.pictures import PICTURES
from cxrfactory.classify.plot import plot_rates
from cxrfactory.classify.train import PREDICTIONS
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.metrics.agreement import holm
from cxrfactory.metrics.classification import MEASURES, compare_rates, counted_images, ranked_area, youden_threshold
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.parquet import read_table

MEAN = "mean"  # name of the mean over the labels
HALF = 0.5  # threshold if the validation set has no positive or no negative image
RATES, TESTS, THRESHOLDS, FIGURE = "rates.csv", "tests.csv", "thresholds.csv", "rates.png"

log = get_logger(__name__)


def compare(predictions: Sequence[str | Path], output: str | Path, seed: int = 0) -> pd.DataFrame:
    """Compare the classifiers' predictions on the test images.

    An image counts as positive if its probability reaches a threshold. The threshold maximises sensitivity +
    specificity on the validation images and is chosen for each trained network and label. Rates of several repeats are
    averaged.

    Parameters
    ----------
    predictions
        Files of predictions (schema ``PREDICTIONS``) of all models, both kinds of pictures and all repeats.
    output
        Folder to write: ``rates.csv`` (model, picture, label, measure, value with its interval), ``tests.csv``
        (segmented minus original: difference with its interval, p, and p after Holm's correction over the averaged
        measures of all models), ``thresholds.csv`` and ``rates.png``. A folder of an earlier run is replaced.
    seed
        Seed of the bootstrap and of the random exchanges of the paired test.

    Returns
    -------
    The table of tests.

    Raises
    ------
    CxrError
        If a file is unreadable, or if the two kinds of pictures were not classified on the same images.
    """
    frame = pd.concat([read_table(path, PREDICTIONS) for path in predictions], ignore_index=True)
    thresholds = _thresholds(frame[frame["split"] == "validate"], frame)
    test = frame[frame["split"] == "test"].merge(thresholds, on=["model", "picture", "repeat", "label"])
    test["right"] = ((test["probability"] >= test["threshold"]) == test["truth"]).astype(np.float64)
    rates, tests = [], []
    for model, rows in test.groupby("model", sort=False):
        found = _of_model(rows, seed)
        rates += [{"model": model, **row} for row in found[0]]
        tests += [{"model": model, **row} for row in found[1]]
    table = pd.DataFrame(tests)
    averaged = table["label"] == MEAN
    table["p_holm"] = np.nan
    table.loc[averaged, "p_holm"] = holm(table.loc[averaged, "p"].to_numpy())
    with replaced_folder(output) as folder:
        for name, rows in ((RATES, pd.DataFrame(rates)), (TESTS, table), (THRESHOLDS, thresholds)):
            write_text(folder / name, rows.to_csv(index=False, float_format="%.6g"))
        plot_rates(pd.DataFrame(rates), folder / FIGURE)
    for row in table[averaged].to_dict("records"):
        log.info("%s, mean %s: original %.3f, segmented %.3f, difference %.3f (%.3f to %.3f), p %.3g", row["model"],
                 row["measure"], row["original"], row["segmented"], row["difference"], row["low"], row["high"],
                 row["p"])  # fmt: skip
    return table


def _thresholds(validation: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    keys = ["model", "picture", "repeat", "label"]
    chosen = {
        key: youden_threshold(rows["probability"].to_numpy(), rows["truth"].to_numpy(bool))
        for key, rows in validation.groupby(keys)
    }
    table = frame[keys].drop_duplicates(ignore_index=True)
    values = [chosen.get(key) for key in table.itertuples(index=False, name=None)]
    if missing := sum(value is None for value in values):
        log.warning("%d of %d thresholds are %g: validation lacks positive or negative images", missing, len(values),
                    HALF)  # fmt: skip
    return table.assign(
        threshold=[HALF if value is None else value for value in values],
        chosen_on=["nothing" if value is None else "validate" for value in values],
    )


def _of_model(rows: pd.DataFrame, seed: int) -> tuple[list[dict], list[dict]]:
    labels = list(dict.fromkeys(rows["label"]))
    right, truth, patients = _arranged(rows, labels)
    per_repeat = right.shape[1]
    rates, tests = [], []
    areas = {picture: _areas(rows[rows["picture"] == picture], labels) for picture in PICTURES}
    for label in (*labels, MEAN):
        chosen = list(range(len(labels))) if label == MEAN else [labels.index(label)]
        known = ~np.isnan(truth[chosen]).all(axis=0)
        numbers = np.unique(patients[known], return_inverse=True)[1]
        judged = right[:, :, chosen][..., known]
        mean = judged.mean(axis=1)
        compared = compare_rates(mean[0], mean[1], truth[chosen][:, known], numbers, seed)
        counts = {
            "images": int(known.sum()),
            "patients": int(numbers.max()) + 1,
            "positives": int((truth[chosen] == 1).sum()),
        }
        for place, picture in enumerate(PICTURES):
            for measure in MEASURES:
                one = compared[measure]
                value, ends = ((one.first, one.first_ends), (one.second, one.second_ends))[place]
                row = {"picture": picture, "label": label, "measure": measure, "value": value}
                rates.append(row | {"low": ends[0], "high": ends[1]} | counts)
            area = float(np.mean([areas[picture][name] for name in labels] if label == MEAN else areas[picture][label]))
            rates.append({"picture": picture, "label": label, "measure": "roc_area", "value": area} | counts)
        for measure in MEASURES:
            one = compared[measure]
            spread = _spread(judged, truth[chosen][:, known], measure) if per_repeat > 1 else np.nan
            tests.append(
                {
                    "label": label,
                    "measure": measure,
                    "original": one.first,
                    "segmented": one.second,
                    "difference": one.second - one.first,
                    "low": one.difference_ends[0],
                    "high": one.difference_ends[1],
                    "p": one.p,
                    "repeats": per_repeat,
                    "sd_of_repeats": spread,
                }
            )
    return rates, tests


def _arranged(rows: pd.DataFrame, labels: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrange the predictions of one model in arrays.

    Returns
    -------
    tuple
        Whether each prediction is correct, [picture, repeat, label, image]; the truth [label, image], with NaN where it
        is unknown; and the number of each image's patient.
    """
    images = rows.drop_duplicates("image_id").sort_values("image_id")[["image_id", "patient_id"]]
    order = pd.Index(images["image_id"])
    repeats = sorted(rows["repeat"].unique())
    shape = (len(PICTURES), len(repeats), len(labels), len(order))
    right, truth = np.full(shape, np.nan), np.full(shape, np.nan)
    places = (
        rows["picture"].map(PICTURES.index).to_numpy(),
        rows["repeat"].map(repeats.index).to_numpy(),
        rows["label"].map(labels.index).to_numpy(),
        order.get_indexer(rows["image_id"]),
    )
    right[places], truth[places] = rows["right"], rows["truth"]
    if not (np.isnan(truth) == np.isnan(truth[0, 0])).all():
        raise CxrError(
            f"{rows['model'].iloc[0]}: original and segmented were not judged on the same images; train both again "
            "from one table of pictures"
        )
    return np.nan_to_num(right), truth[0, 0], pd.factorize(images["patient_id"])[0]


def _areas(rows: pd.DataFrame, labels: list[str]) -> dict[str, float]:
    """Return the area under the ROC curve of each label, averaged over the repeats."""
    return {
        label: float(
            np.mean(
                [
                    ranked_area(part["probability"].to_numpy(), part["truth"].to_numpy(bool))
                    for _, part in rows[rows["label"] == label].groupby("repeat")
                ]
            )
        )
        for label in labels
    }


def _spread(right: np.ndarray, truth: np.ndarray, measure: str) -> float:
    """Return the standard deviation over the repeats of the difference segmented minus original."""
    taken = counted_images(truth)[measure]
    rates = (right * taken).sum(axis=-1) / taken.sum(axis=-1)  # [picture, repeat, label]
    return float((rates[1] - rates[0]).mean(axis=-1).std(ddof=1))
