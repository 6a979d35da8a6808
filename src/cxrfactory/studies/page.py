"""The page of all findings: one table of directions, the studies that are missing and why, then each study."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.studies.catalogue import all_studies
from cxrfactory.studies.requirement import holdings_of

log = get_logger(__name__)


def write_page(findings: Sequence[Path], output: Path, tables: Sequence[Path] = ()) -> None:
    """Write the findings of several studies as one page (Markdown).

    Parameters
    ----------
    findings
        Folders that :func:`cxrfactory.studies.finding.write_finding` wrote, named after their studies.
    output
        File to write; links to pictures are relative to its folder.
    tables
        Labelled tables of the studies; of each study without a finding the page says what they lack.

    Raises
    ------
    CxrError
        If a folder holds no finding, or a table cannot be read.
    """
    missing = _missing({folder.name for folder in findings}, tables)
    lines = ["# What the papers found, and what we found", ""]
    lines += ["| study | claim | here | 95 % interval | the paper | verdict |", "| --- | --- | --- | --- | --- | --- |"]
    counts: dict[str, int] = {}
    for folder in findings:
        if not (folder / "finding.md").is_file():
            raise CxrError(f"{folder}: no finding.md; expected the folder of a study (results/study/NAME)")
        for row in pd.read_csv(folder / "signs.csv", keep_default_na=False, na_values=["nan"]).itertuples():
            counts[row.verdict] = counts.get(row.verdict, 0) + 1
            lines.append(
                f"| {folder.name} | {row.claim} | {row.value:.4g} | {row.low:.4g} to {row.high:.4g} | "
                f"{row.published} | {row.verdict} |"
            )
    if missing:
        lines += ["", "## Not made", "", "| study | paper | why |", "| --- | --- | --- |", *missing]
    for folder in findings:
        text = (folder / "finding.md").read_text(encoding="utf-8")
        lines += ["", text.replace("](", f"]({folder.name}/").replace("# ", "## ", 1).rstrip()]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    log.info("wrote %s: %d studies; %s", output, len(findings), ", ".join(f"{n} {name}" for name, n in counts.items()))


def _missing(made: set[str], tables: Sequence[Path]) -> list[str]:
    """Return a row of a table for each study that was not made: its name, its paper, and why."""
    holdings = holdings_of(tables) if tables else None
    rows = []
    for name, study in all_studies().items():
        if name not in made:
            why = holdings and study.requires.unmet(holdings)
            needs = f"; needs {study.needs}" if study.needs else ""
            rows.append(f"| {name} | {study.paper} | {f'{why}{needs}' if why else 'not asked for'} |")
    return rows
