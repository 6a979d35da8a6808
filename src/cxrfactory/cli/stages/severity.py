"""Command that reads findings and their severity from reports."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.severity import SeverityConfig


@with_options(SeverityConfig)
def severity(
    reports: Annotated[Path, typer.Argument(help="Table of reports (stage reports, .parquet).")],
    output: Annotated[Path, typer.Option(help="Table to write (.parquet): one row a report and finding.")],
    summary: Annotated[
        Path | None, typer.Option(help="Also write the counts by finding, polarity and grade (.csv).")
    ] = None,
    *,
    severity_config: SeverityConfig,
) -> None:
    """Read from reports which findings that masks can measure are there, how severe, and how they changed."""
    from cxrfactory.severity.table import write_severity

    write_severity(reports, output, summary, severity_config)
