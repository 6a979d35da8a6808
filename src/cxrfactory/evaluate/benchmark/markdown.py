"""The benchmark as Markdown: ranks, levels and views, groups, and the number of significant pairs."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cxrfactory.evaluate.benchmark.summary import ALL

_HEADING = (
    "Mean Dice over classes and views, with 95 % bootstrap intervals over the classes; ranks with their intervals; "
    "cost of one image on this machine."
)


def markdown(ranks: pd.DataFrame, summary: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Write the tables of the benchmark as Markdown.

    Parameters
    ----------
    ranks, summary, pairs
        Tables of :mod:`cxrfactory.evaluate.benchmark.summary`.
    """
    lines = [_HEADING, ""]
    lines += table_lines(
        ["model", "Dice", "interval", "rank", "parameters (M)", "GFLOP", "ms"],
        (
            [
                row.model,
                _cell(row.dice),
                f"{_cell(row.dice_low)} to {_cell(row.dice_high)}",
                f"{row.rank} ({row.rank_low} to {row.rank_high})",
                _cell(row.parameters / 1e6, 2),
                _cell(row.gflops, 2),
                _cell(row.ms_median, 1),
            ]
            for row in ranks.itertuples()
        ),
    )
    for partition, title in (("level", "level and view"), ("group", "group"), ("pathology", "pathology"),
                             ("size", "size"), ("finding", "finding")):  # fmt: skip
        part = summary[summary["partition"] == partition]
        if len(part):
            lines += ["", f"Mean Dice by {title}.", ""]
            lines += table_lines(*_wide(part, list(ranks["model"]), views=partition == "level"))
    dice = pairs[pairs["measure"] == "dice"]
    if len(dice):
        lines += [
            "",
            f"Of {len(dice)} pairs of models, {int(dice['significant'].sum())} differ in Dice after Bonferroni's "
            f"correction (Wilcoxon), and {int(dice['bootstrap_significant'].sum())} by the paired bootstrap.",
        ]
    return "\n".join(lines) + "\n"


def table_lines(names: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in
            [names, ["---"] * len(names), *rows]]  # fmt: skip


def _wide(part: pd.DataFrame, models: list[str], views: bool) -> tuple[list[str], list[list[str]]]:
    """Return the names of columns and the rows of a table with one row for each model."""
    whole = part if views else part[(part["view"] == ALL) | (part.groupby("value")["view"].transform("nunique") == 1)]
    keys = list(dict.fromkeys(zip(whole["value"], whole["view"], strict=True)))
    values = whole.set_index(["value", "view", "model"])["dice"]
    names = [f"{value}, {view}" if views else str(value) for value, view in keys]
    rows = [[model, *(_cell(values.get((*key, model), np.nan)) for key in keys)] for model in models]
    return ["model", *names], rows


def _cell(value: float, digits: int = 3) -> str:
    return "-" if pd.isna(value) else f"{value:.{digits}f}"
