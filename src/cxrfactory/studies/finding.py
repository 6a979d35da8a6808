"""What a study found, written as a folder: ``table.csv``, ``signs.csv``, pictures, and ``finding.md``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.logs import get_logger
from cxrfactory.studies.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = get_logger(__name__)


@dataclass(frozen=True)
class Sign:
    """A direction that the paper found, and what our run says about it.

    Parameters
    ----------
    claim
        The paper's claim in words.
    value, low, high
        Our figure and its 95 % interval; NaN ends where there is none.
    side
        Side of ``limit`` on which the claim lies.
    limit
        The value between the sides.
    published
        The paper's figure in words, empty if it gives none.
    """

    claim: str
    value: float
    low: float
    high: float
    side: Literal["above", "below"]
    limit: float = 0.0
    published: str = ""

    @property
    def verdict(self) -> str:
        """``agrees`` or ``differs`` if the whole interval lies on one side, ``undecided`` otherwise."""
        if self.low > self.limit or self.high < self.limit:
            above = self.low > self.limit
            return "agrees" if above == (self.side == "above") else "differs"
        return "undecided"


@dataclass(frozen=True)
class Finding:
    """What a study found.

    Parameters
    ----------
    sentence
        One sentence that sets our figures beside the paper's.
    table
        The main table, ours beside the paper's where the paper has figures.
    figures
        Matplotlib figures by the name of their file without ``.png``.
    signs
        Directions that must agree with the paper.
    tables
        Further tables by the name of their file without ``.csv``.
    data
        What it was measured on, in words: sources and numbers of images.
    """

    sentence: str
    table: pd.DataFrame
    figures: "Mapping[str, Figure]"
    signs: Sequence[Sign] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    data: str = ""


def write_finding(study: Study, finding: Finding, output: Path, settings: StudyRunConfig) -> None:
    """Write a finding: tables (CSV), pictures (PNG), ``signs.csv``, and ``finding.md`` for people.

    Parameters
    ----------
    study
        The study.
    finding
        What it found.
    output
        Folder to write; it is made if it does not exist.
    settings
        Settings of the run, which the page names.
    """
    output.mkdir(parents=True, exist_ok=True)
    finding.table.to_csv(output / "table.csv", index=False, lineterminator="\n")
    for name, table in finding.tables.items():
        table.to_csv(output / f"{name}.csv", index=False, lineterminator="\n")
    columns = ["claim", "value", "low", "high", "side", "limit", "published"]
    rows = [{**{name: getattr(each, name) for name in columns}, "verdict": each.verdict} for each in finding.signs]
    pd.DataFrame(rows, columns=[*columns, "verdict"]).to_csv(output / "signs.csv", index=False, lineterminator="\n")
    for name, figure in finding.figures.items():
        figure.savefig(output / f"{name}.png", dpi=120, metadata={"Software": None})
    (output / "finding.md").write_text(_page(study, finding, settings), encoding="utf-8")
    log.info("%s: %s", study.name, finding.sentence)
    for each in finding.signs:
        log.info(
            "%s: %s (%.4g, 95 %% interval %.4g to %.4g)", each.verdict, each.claim, each.value, each.low, each.high
        )


def _page(study: Study, finding: Finding, settings: StudyRunConfig) -> str:
    lines = [
        f"# {study.name}",
        "",
        f"**{study.question}** ({study.paper})",
        "",
        f"The paper: {study.published}",
        "",
        f"Here: {finding.sentence}",
        "",
        f"Measured with size `{settings.size}`, seed {settings.seed}"
        + (f", on {finding.data}." if finding.data else "."),
        "",
    ]
    if finding.signs:
        lines += [
            "| claim of the paper | here | 95 % interval | the paper | verdict |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {each.claim} | {each.value:.4g} | {each.low:.4g} to {each.high:.4g} | {each.published} | "
            f"{each.verdict} |"
            for each in finding.signs
        ]
        lines += [""]
    lines += [f"![{name}]({name}.png)" for name in finding.figures]
    return "\n".join(lines).rstrip() + "\n"
