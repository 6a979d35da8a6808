"""Tables of a card that sum up columns of a product: how values are spread, and how often rows are flagged."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cxrfactory.products.markdown import markdown_table


def spread_table(columns: Mapping[str, pd.Series], counted: tuple[str, str]) -> str:
    """Tabulate number, median and percentiles 5 and 95 of columns; columns without values are left out.

    Parameters
    ----------
    columns
        Values by what they are in words.
    counted
        Heads of the first two columns: what is measured, and what is counted.

    Returns
    -------
    Markdown; an empty text if no column has a value.
    """
    table = []
    for title, column in columns.items():
        values = column.dropna().to_numpy(float)
        if len(values):
            low, middle, high = np.percentile(values, [5, 50, 95])
            table.append([title, f"{len(values):,}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}"])
    return markdown_table([*counted, "median", "5 to 95 % of them"], table) if table else ""


def flag_table(flags: pd.Series, counted: str) -> str:
    """Tabulate how many rows have each flag.

    Parameters
    ----------
    flags
        Lists of flags.
    counted
        Head of the second column: what is counted.

    Returns
    -------
    Markdown; an empty text if no row is flagged.
    """
    counts = pd.Series([flag for each in flags for flag in each], dtype=object).value_counts(sort=False)
    table = [[f"`{name}`", f"{count:,}"] for name, count in sorted(counts.items())]
    return markdown_table(["flag", counted], table) if table else ""
