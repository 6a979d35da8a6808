"""Tables of the study: the measures by source for models trained without it and with it."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from cxrfactory.evaluate.generalise.measures import MEASURED
from cxrfactory.metrics.agreement import pearson_r
from cxrfactory.tables.rows import Row

CTR = "ctr"
MEAN_OF_SOURCES = "mean of sources"
UNSEEN, UNSEEN_VAL, SEEN = "unseen", "unseen, val only", "seen, val"
GROUPS = (UNSEEN, UNSEEN_VAL, SEEN)
_DICE = ("mean", "median", "p05")
_HD95 = ("mean", "median", "infinite")
COLUMNS = [
    *("source", "group", "organ", "images"),
    *(f"dice_{name}" for name in _DICE),
    *(f"hd95_px_{name}" for name in _HD95),
    *("hd95_mm_mean", "hd95_mm_median"),
    *("ctr_r", "ctr_mae"),
]
_HEADING = "Dice: mean, median, 5 % quantile. HD95: mean of both lungs in px at 1024. CTR: r, mean absolute error."
_AVERAGED = [name for name in COLUMNS if name not in ("source", "group", "organ", "images", "hd95_px_infinite")]


def groups_of(images: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split tested images by whether their source was seen: all unseen, their split ``val``, and the seen ``val``."""
    unseen = images[images["unseen"]]
    return {UNSEEN: unseen, UNSEEN_VAL: unseen[unseen["split"] == "val"], SEEN: images[~images["unseen"]]}


def summarise(images: pd.DataFrame) -> pd.DataFrame:
    """Summarise the measures by source, group and organ.

    Parameters
    ----------
    images
        Tables of :func:`cxrfactory.evaluate.generalise.testing.measure_model`, one below the other; an image may occur
        twice, unseen and seen.

    Returns
    -------
    Columns :data:`COLUMNS`. ``images`` counts the images with a Dice. Infinite distances are counted and left out of
    the mean and the median. The organ ``ctr`` has Pearson's r and the mean absolute error of the cardiothoracic ratio.
    The source ``mean of sources`` has, for each group and organ, the mean of the sources' values, each with equal
    weight.
    """
    rows = [
        {"source": source, "group": group} | row
        for group, part in groups_of(images).items()
        for source, own in part.groupby("source", sort=True)
        for row in _of_source(own)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return pd.concat([table, _means(table)], ignore_index=True) if len(table) else table


def _of_source(images: pd.DataFrame) -> Iterator[Row]:
    for organ in MEASURED:
        dice = images[f"dice_{organ}"].dropna().to_numpy(np.float64)
        if not dice.size:
            continue
        row: Row = {"organ": organ, "images": int(dice.size)}
        row |= {"dice_mean": dice.mean(), "dice_median": np.median(dice), "dice_p05": np.quantile(dice, 0.05)}
        yield row | _distances(images[f"hd95_px_{organ}"], "px") | _distances(images[f"hd95_mm_{organ}"], "mm")
    ratios = images[["ctr_true", "ctr"]].astype(np.float64).dropna().to_numpy()
    if len(ratios):
        r = float(pearson_r(*ratios.T)) if len(ratios) > 1 else float("nan")
        yield {"organ": CTR, "images": len(ratios), "ctr_r": r, "ctr_mae": np.abs(ratios[:, 0] - ratios[:, 1]).mean()}


def _distances(values: pd.Series, unit: str) -> Row:
    known = values.dropna().to_numpy(np.float64)
    finite = known[np.isfinite(known)]
    if not known.size:
        return {}
    found: Row = {"hd95_px_infinite": int(known.size - finite.size)} if unit == "px" else {}
    if finite.size:
        found |= {f"hd95_{unit}_mean": finite.mean(), f"hd95_{unit}_median": np.median(finite)}
    return found


def _means(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (group, organ), part in table.groupby(["group", "organ"], sort=False):
        row = {"source": MEAN_OF_SOURCES, "group": group, "organ": organ, "images": int(part["images"].sum())}
        row["hd95_px_infinite"] = part["hd95_px_infinite"].sum(min_count=1)
        rows.append(row | {name: part[name].astype(np.float64).mean() for name in _AVERAGED})
    return pd.DataFrame(rows, columns=COLUMNS)


def markdown(table: pd.DataFrame, ranks: pd.DataFrame | None = None) -> str:
    """Write the summary as a Markdown table with one row for each source and group.

    Parameters
    ----------
    table
        Table of :func:`summarise`.
    ranks
        Table of :func:`cxrfactory.evaluate.generalise.ranking.rank_scores`; adds a second table.
    """
    organs = [organ for organ in MEASURED if (table["organ"] == organ).any()]
    names = ["source", "group", "images", *(each.replace("_", " ") for each in organs), "HD95", "CTR"]
    lines = [_HEADING, "", *_lines(names, _wide(table, organs))]
    if ranks is not None and len(ranks):
        lines += ["", "Quality scores over the models' own masks.", ""]
        lines += _lines(list(ranks.columns), ([_cell(value) for value in row] for row in ranks.itertuples(index=False)))
    return "\n".join(lines) + "\n"


def _wide(table: pd.DataFrame, organs: list[str]) -> Iterator[list[str]]:
    for source in dict.fromkeys(table["source"]):
        for group in GROUPS:
            part = table[(table["source"] == source) & (table["group"] == group)].set_index("organ")
            if part.empty:
                continue
            dice = [_joined(part, organ, ("dice_mean", "dice_median", "dice_p05")) for organ in organs]
            hd95 = _joined(part, "lungs" if "lungs" in part.index else "outline", ("hd95_px_mean",), 1)
            images = str(int(part["images"].max()))
            yield [str(source), group, images, *dice, hd95, _joined(part, CTR, ("ctr_r", "ctr_mae"))]


def _joined(part: pd.DataFrame, organ: str, names: tuple[str, ...], digits: int = 3) -> str:
    if organ not in part.index:
        return ""
    return ", ".join(_cell(part.loc[organ, name], digits) for name in names)


def _cell(value: object, digits: int = 3) -> str:
    if isinstance(value, float | np.floating):
        return "-" if np.isnan(value) else f"{value:.{digits}f}"
    return str(value)


def _lines(names: list[str], rows: Iterable[list[str]]) -> list[str]:
    table = [names, ["---"] * len(names), *rows]
    return [f"| {' | '.join(_plain(each) for each in row)} |" for row in table]


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
