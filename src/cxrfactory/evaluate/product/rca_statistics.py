"""Tier 2 of the technical validation: the distribution of RCA scores, by release and organ.

The product's own accounts hold quantiles and a histogram of the score of the whole image. This table adds mean and
standard deviation, and covers every organ, for any set of tables including published ones.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.logs import get_logger
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.chexmask import DICE_COLUMNS, read_chexmask
from cxrfactory.tables.parquet import read_table, stored_schema
from cxrfactory.tables.rca_threshold import RECOMMENDED_RCA_MEAN

log = get_logger(__name__)

# Column -> (organ, aggregation over the references).
SCORES = {
    "dice_rca_mean": ("all", "mean"),
    "dice_rca_max": ("all", "max"),
    "lungs_mean": ("lungs", "mean"),
    "lungs_max": ("lungs", "max"),
    "heart_mean": ("heart", "mean"),
    "heart_max": ("heart", "max"),
}
PERCENTILES = (1, 5, 25, 50, 75)
BINS = 50  # number of bins over [0, 1], as in the product's accounts
ALL = "all"


def rca_statistics(product: Sequence[str | Path], output: str | Path) -> pd.DataFrame:
    """Write statistics and histograms of the scores of one or several releases.

    Parameters
    ----------
    product
        Folders of the product (of which ``Parquet/*.parquet`` is read), its Parquet tables, or CheXmask CSV files,
        which have no scores of single organs. The file name gives the release's name.
    output
        Folder for ``rca_statistics.csv``, ``rca_histogram.csv`` and ``rca_histogram.png``.

    Returns
    -------
    The statistics: one row for each release (and ``all``, if there are several), organ and aggregation. ``images`` is
    the number of images with a score and ``missing`` the number without; then ``mean``, ``sd`` (sample), ``min``,
    ``p1``, ``p5``, ``p25``, ``p50``, ``p75`` (linear percentiles), ``max``, and ``recommended``, the share of images
    with a score of 0.7 or more.

    Raises
    ------
    CxrError
        If a table is unreadable, two have the same name, no table has a score, or a score lies outside [0, 1].
    """
    output = Path(output)
    tables = {path.stem: _read(path) for path in _files(product)}
    if len(tables) > 1:
        tables[ALL] = pd.concat(tables.values(), ignore_index=True)
    rows, counts = [], []
    for release, table in tables.items():
        for column, (organ, aggregation) in SCORES.items():
            if column not in table or not table[column].notna().any():
                continue
            key = {"release": release, "organ": organ, "aggregation": aggregation}
            values = table[column].dropna().to_numpy(np.float64)
            rows.append(key | {"missing": len(table) - values.size} | _statistics(values))
            heights, edges = np.histogram(values, bins=BINS, range=(0.0, 1.0))
            counts += [key | {"low": low, "high": high, "images": count}
                       for low, high, count in zip(edges[:-1], edges[1:], heights, strict=True)]  # fmt: skip
    if not rows:
        raise CxrError(f"{', '.join(map(str, product))}: no RCA score in any table; run the rca stage first")
    first = ["release", "organ", "aggregation", "images", "missing"]
    statistics = pd.DataFrame(rows)
    statistics = statistics[first + [name for name in statistics if name not in first]]
    histogram = pd.DataFrame(counts)
    for name, frame in (("rca_statistics.csv", statistics), ("rca_histogram.csv", histogram)):
        write_text(output / name, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    _plot(histogram, output / "rca_histogram.png")
    for row in statistics[(statistics["organ"] == "all") & (statistics["aggregation"] == "mean")].itertuples():
        log.info("%s: RCA %.3f +- %.3f over %d images, %.1f %% at %.1f or more", row.release, row.mean, row.sd,
                 row.images, 100 * row.recommended, RECOMMENDED_RCA_MEAN)  # fmt: skip
    log.info("wrote %s", output)
    return statistics


def _files(product: Sequence[str | Path]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, product):
        files += sorted(path.glob("Parquet/*.parquet")) if path.is_dir() else [path]
    if not files:
        raise CxrError(f"{', '.join(map(str, product))}: no Parquet/*.parquet; expected the product's folder or tables")
    names = [path.stem for path in files]
    if len(set(names)) < len(names):
        raise CxrError(f"releases {sorted(names)}: one is named twice; give each table once")
    return files


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        read_table(path, columns=["image_id", *list(SCORES)[:2]])
        stored = stored_schema(path).names
        table = read_table(path, columns=[name for name in SCORES if name in stored])
    else:
        # Only the two score columns are parsed; RLE and landmarks are skipped.
        table = read_chexmask(path, columns=DICE_COLUMNS)[list(DICE_COLUMNS)]
        table.columns = list(SCORES)[:2]
    for name in table:
        outside = ~table[name].dropna().between(0, 1)
        if outside.any():
            raise CxrError(f"{path}: column '{name}' holds {table[name].dropna()[outside].iloc[0]}; expected [0, 1]")
    return table


def _statistics(values: np.ndarray) -> dict[str, float | int | None]:
    row: dict[str, float | int | None] = {"images": values.size, "mean": values.mean()}
    row["sd"] = values.std(ddof=1) if values.size > 1 else None
    row["min"] = values.min()
    row |= {f"p{level}": np.percentile(values, level) for level in PERCENTILES}
    return row | {"max": values.max(), "recommended": (values >= RECOMMENDED_RCA_MEAN).mean()}


def _plot(histogram: pd.DataFrame, path: Path) -> None:
    """Draw one panel for each organ and one line for each release, of the mean over the references."""
    rows = histogram[histogram["aggregation"] == "mean"]
    organs = list(dict.fromkeys(rows["organ"]))
    titles = {"all": "whole image", "lungs": "lungs", "heart": "heart"}
    figure, axes = pyplot().subplots(
        1, len(organs), figsize=(4.4 * len(organs), 3.6), sharey=True, squeeze=False, layout="constrained"
    )
    lowest = min(rows.loc[rows["images"] > 0, "low"].min(), RECOMMENDED_RCA_MEAN - 0.1)
    for axis, organ in zip(axes[0], organs, strict=True):
        part = rows[(rows["organ"] == organ) & (rows["release"] != ALL)]
        for release, counts in part.groupby("release", sort=False):
            total = counts["images"].sum()
            edges = [*counts["low"], counts["high"].iloc[-1]]
            axis.stairs(counts["images"] / total, edges, label=f"{release} ({total})", linewidth=1.4)
        axis.axvline(RECOMMENDED_RCA_MEAN, color="0.4", linestyle="--", linewidth=1)
        axis.set(title=titles[organ], xlabel="RCA Dice (mean)", xlim=(lowest, 1), ylim=(0, None))
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize="small", loc="upper left")
    axes[0][0].set_ylabel("share of images")
    save_figure(figure, path)
