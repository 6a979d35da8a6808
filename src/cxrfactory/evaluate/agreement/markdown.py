"""The table of agreement as Markdown: a row for each finding and system, with the paper's numbers below."""

import numpy as np
import pandas as pd

from cxrfactory.evaluate.agreement.published import CASES
from cxrfactory.evaluate.agreement.statistics import AUC, OWN

_SHOWN = {
    "accuracy": "accuracy",
    "off_by_one": "off by one",
    "macro_f1": "macro-F1",
    "macro_f1_predicted": "macro-F1, answered grades",
    "weighted_f1": "weighted F1",
    "linear_kappa": "linear kappa",
    "quadratic_kappa": "quadratic kappa",
    "binary_accuracy": "binary accuracy",
    AUC: "AUC",
}
_HEADING = (
    "Agreement with the reference grades; in brackets the 95 % bootstrap interval over patients. `macro-F1` averages "
    "over the grades that occur in the reference or among the answers, `macro-F1, answered grades` over those that "
    "were answered at least once (the paper's reading). Paper: RadGenome-Anatomy, on other images."
)


def markdown(agreement: pd.DataFrame) -> str:
    """Write the table ``agreement.csv`` as Markdown; :mod:`cxrfactory.evaluate.agreement.statistics` makes it."""
    names = ["finding", "system", "cases", "pairs", *_SHOWN.values()]
    lines = [_HEADING, "", _line(names), _line(["---"] * len(names))]
    for (finding, measurement), systems in agreement.groupby(["finding", "measurement"], sort=False):
        for (system, cases), rows in systems.groupby(["system", "cases"], sort=False):
            by = rows.set_index("measure")
            cells = [_cell(by, name) for name in _SHOWN]
            title = f"{finding} by {measurement}"
            lines.append(_line([title, str(system), str(cases), str(by["pairs"].iloc[0]), *cells]))
        said = systems[systems["cases"] == OWN].drop_duplicates("measure").set_index("measure")["published"]
        if said.notna().any():
            cells = ["" if np.isnan(said.get(name, np.nan)) else f"{said[name]:.2f}" for name in _SHOWN]
            lines.append(_line([str(finding), "paper", "", str(CASES.get(str(finding), "")), *cells]))
    return "\n".join(lines) + "\n"


def _cell(by: pd.DataFrame, name: str) -> str:
    if name not in by.index or np.isnan(by.loc[name, "value"]):
        return ""
    value, low, high = by.loc[name, ["value", "low", "high"]]
    return f"{value:.2f}" if np.isnan(low) else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
