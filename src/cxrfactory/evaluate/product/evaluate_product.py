"""The evaluate stage: tables, summary and plots that compare a product with the truth."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.product.against_truth import compare_image, read_product, read_truth, true_score
from cxrfactory.evaluate.product.plots import plot_dice, plot_rca
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import write_text

log = get_logger(__name__)

ALL = "all"


def evaluate(truth: str | Path, product: Sequence[str | Path], output: str | Path) -> dict[str, Any]:
    """Compare a product with the truth.

    Parameters
    ----------
    truth
        Truth table (Parquet).
    product
        Folder of the product, or its Parquet tables.
    output
        Folder for ``images.csv`` (one row for each image), ``summary.csv`` (one row for each release and measure),
        ``evaluation.json`` (the same with the counts), ``dice.png`` and ``rca.png``.

    Returns
    -------
    The content of ``evaluation.json``.

    Raises
    ------
    CxrError
        If a table is unreadable or product and truth have no image in common.
    """
    output = Path(output)
    known, found = read_truth(truth), read_product(product)
    both = found.merge(known, on=["release", "image_id"], suffixes=("", "_true"), validate="one_to_one")
    if both.empty:
        raise CxrError(
            f"{truth}: releases {sorted(known['release'].unique())} share no image with the product's "
            f"{sorted(found['release'].unique())}; give the truth of the same images"
        )
    renamed = {name: f"{name}_true" for name in ("landmarks", *ORGANS)}
    rows = []
    for record in progress(both.sort_values(["release", "image_id"]).to_dict("records"), "evaluate"):
        rows.append(compare_image({name: record[true] for name, true in renamed.items()}, record))
    images = pd.DataFrame(rows)
    images.insert(2, "dice_true", [true_score(row) for row in rows])
    counts = _counts(known, found, both)
    summary = summarise(images)
    for release, count in counts.items():
        log.info("%s: %s", release, ", ".join(f"{value} {name}" for name, value in count.items()))
    result = {"counts": counts, "summary": _nested(summary), "rca_pearson_r": _rca_r(images)}
    write_text(output / "images.csv", images.to_csv(index=False, float_format="%.6f"))
    write_text(output / "summary.csv", summary.to_csv(index=False, float_format="%.6f"))
    write_text(output / "evaluation.json", json.dumps(result, indent=2, allow_nan=False) + "\n")
    plot_dice(images, output / "dice.png")
    plot_rca(images, output / "rca.png")
    log.info("wrote %s", output)
    return result


def summarise(images: pd.DataFrame) -> pd.DataFrame:
    """Summarise the measures of every release and of all releases together.

    Returns
    -------
    One row for each release and measure. ``images`` is the number of finite values and ``infinite`` that of infinite
    values (one of the two masks is empty). The finite values give ``mean``, ``sd`` (sample; empty for one image),
    ``median``, ``min`` and ``max``.
    """
    groups = [(release, rows) for release, rows in images.groupby("release")]
    if len(groups) > 1:
        groups.append((ALL, images))
    measures = [name for name in images.columns if name not in ("release", "image_id")]
    rows = []
    for release, group in groups:
        for measure in measures:
            values = group[measure].dropna().to_numpy(dtype=np.float64)
            finite = values[np.isfinite(values)]
            row = {"release": release, "measure": measure, "images": finite.size}
            row["infinite"] = int(values.size - finite.size)
            if finite.size:
                row |= {
                    "mean": finite.mean(),
                    "sd": finite.std(ddof=1) if finite.size > 1 else None,
                    "median": np.median(finite),
                    "min": finite.min(),
                    "max": finite.max(),
                }
            rows.append(row)
    columns = ["release", "measure", "images", "infinite", "mean", "sd", "median", "min", "max"]
    return pd.DataFrame(rows, columns=columns)


def _counts(known: pd.DataFrame, found: pd.DataFrame, both: pd.DataFrame) -> dict[str, dict[str, int]]:
    counts = {}
    for release in sorted(set(known["release"]) | set(found["release"])):
        compared = int((both["release"] == release).sum())
        counts[release] = {
            "compared": compared,
            "truth without a row": int((known["release"] == release).sum()) - compared,
            "rows without truth": int((found["release"] == release).sum()) - compared,
        }
    return counts


def _nested(summary: pd.DataFrame) -> dict[str, dict[str, dict[str, float | int | None]]]:
    nested: dict[str, dict[str, dict[str, float | int | None]]] = {}
    for row in summary.to_dict("records"):
        values = {name: None if pd.isna(row[name]) else row[name] for name in summary.columns[2:]}
        nested.setdefault(row["release"], {})[row["measure"]] = values
    return nested


def _rca_r(images: pd.DataFrame) -> dict[str, float | None]:
    """Return Pearson's r of RCA with the true Dice; None if one of them does not vary."""
    found: dict[str, float | None] = {}
    for name in ("dice_rca_mean", "dice_rca_max"):
        varies = images["dice_true"].nunique() > 1 and images[name].nunique() > 1
        found[name] = float(np.corrcoef(images["dice_true"], images[name])[0, 1]) if varies else None
    return found
