"""Command that reads a hospital's release."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.preprocess import ViewWordsConfig


@with_options(ViewWordsConfig)
def ingest(
    layout: Annotated[
        str,
        typer.Argument(help="Layout of the release (docs/ingest.md); an unknown name lists all layouts."),
    ],
    root: Annotated[Path, typer.Option(help="Folder of the release; the tables are sufficient.")],
    output: Annotated[Path, typer.Option(help="Manifest to write (.parquet).")],
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset in messages and counts; default: the layout.")
    ] = None,
    check_files: Annotated[
        bool, typer.Option("--check-files", help="Exclude images whose file is missing or empty.")
    ] = False,
    view_from_procedure: Annotated[
        bool,
        typer.Option(
            "--view-from-procedure",
            help="Take a missing view from the view code and the text of the procedure, "
            "in layouts whose tables have them.",
        ),
    ] = False,
    summary: Annotated[Path | None, typer.Option(help="Also write the counts, by reason of exclusion (.csv).")] = None,
    *,
    view_words_config: ViewWordsConfig,
) -> None:
    """Write the manifest of a release: one row for each image, kept or excluded with the reason."""
    from cxrfactory.config import DatasetConfig
    from cxrfactory.ingest.manifest import ingest_release

    settings = DatasetConfig(
        root=str(root), layout=layout, check_files=check_files, view_from_procedure=view_from_procedure
    )
    ingest_release(settings, name or layout, output, summary, view_words_config.view_words)
