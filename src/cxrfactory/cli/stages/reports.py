"""Command that turns reports into a table of sections."""

from pathlib import Path
from typing import Annotated

import typer


def reports(
    source: Annotated[Path, typer.Argument(help="Folder, .zip, .tar.gz or .tgz of reports, or a CSV table.")],
    layout: Annotated[
        str,
        typer.Option(
            help="Layout of the reports, e.g. text (a file <study>.txt for each study) or table (a CSV); "
            "an unknown name lists all layouts."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Table of reports to write (.parquet).")],
    rejected: Annotated[
        Path | None, typer.Option(help="Table of rejected reports (.parquet); by default beside the output.")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Also write the counts (.csv).")] = None,
    follow_links: Annotated[bool, typer.Option(help="Allow links in a folder of reports to lead out of it.")] = False,
    private: Annotated[
        Path | None, typer.Option(help="Private folder of pseudonyms (ingest --pseudonymise), for the studies' ids.")
    ] = None,
) -> None:
    """Split reports into sections and join findings and impression: one row for each study."""
    from cxrfactory.config import ReportsConfig
    from cxrfactory.ingest.reports.collect import collect_reports

    beside = output.with_name(f"{output.stem}.rejected.parquet")
    settings = ReportsConfig(source=str(source), layout=layout)
    collect_reports(settings, output, rejected or beside, summary, follow_links, private)
