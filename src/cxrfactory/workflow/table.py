"""Write the map of results as the table in ``docs/architecture.md``."""

from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import write_text
from cxrfactory.workflow.results import STAGES

PAGE = "docs/architecture.md"
BEGIN, END = "<!-- results map: begin -->", "<!-- results map: end -->"


def table() -> str:
    """Return a Markdown table of all stages: rule, wildcards of its runs, files, purpose."""
    lines = ["| stage (rule) | runs once per | files under `results/` | what it does |", "| --- | --- | --- | --- |"]
    for stage in STAGES.values():
        files = ", ".join(f"`{path.replace('{cohort}', 'cohort')}`" for path in stage.outputs.values())
        lines.append(f"| `{stage.name}` | {', '.join(stage.per) or 'run'} | {files} | {stage.purpose} |")
    return "\n".join(lines)


def documented(page: str) -> str:
    """Return a page with a new table between its marks.

    Raises
    ------
    CxrError
        If the page lacks one of the marks.
    """
    if BEGIN not in page or END not in page:
        raise CxrError(f"{PAGE}: the marks of the results map are missing; expected '{BEGIN}' and '{END}'")
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END, 1)[1]}"


def write(root: Path) -> None:
    """Write the table into the page of a checkout; ``python -m cxrfactory config --write`` calls this."""
    path = root / PAGE
    if path.is_file():
        write_text(path, documented(path.read_text(encoding="utf-8")))
