"""Command that reads a hospital's release, or a folder of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import FolderSourcesConfig
from cxrfactory.config.options import with_options
from cxrfactory.config.preprocess import ViewWordsConfig


@with_options(FolderSourcesConfig, ViewWordsConfig)
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
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=NAME",
            help="Only for a folder of your own: column of the table for image_id, path, patient_id, study_id, view, "
            "sex, age or findings; repeat.",
        ),
    ] = None,
    frontal: Annotated[
        list[str] | None,
        typer.Option(help="Only for a folder of your own: value of the view that counts as frontal; repeat."),
    ] = None,
    follow_links: Annotated[
        bool, typer.Option(help="Only for a folder of your own: list links that lead out of its folder.")
    ] = False,
    exclude: Annotated[
        Path | None,
        typer.Option(
            help="Table of verdicts (.csv: dataset, image_id, verdict), as browse exports it: images whose verdict is "
            "bad are excluded."
        ),
    ] = None,
    *,
    folder_sources_config: FolderSourcesConfig,
    view_words_config: ViewWordsConfig,
) -> None:
    """Write the manifest of a release: one row for each image, kept or excluded with the reason."""
    from cxrfactory.config import DatasetConfig
    from cxrfactory.ingest.one_dataset import ingest_dataset

    settings = DatasetConfig(
        root=str(root),
        layout=layout,
        check_files=check_files,
        view_from_procedure=view_from_procedure,
        follow_links=follow_links,
        exclude=None if exclude is None else str(exclude),
        columns=_columns(column or []),
        frontal=frontal or None,
        **folder_sources_config.model_dump(),
    )
    ingest_dataset(settings, name or layout, output, summary, view_words_config.view_words)


def _columns(pairs: list[str]) -> dict[str, str] | None:
    from cxrfactory.config import TableColumnsConfig
    from cxrfactory.errors import CxrError
    from cxrfactory.tables.named_values import named_values

    keys = ", ".join(TableColumnsConfig.model_fields)
    columns = named_values(pairs, "--column", "KEY=NAME", f"with one of {keys}")
    for key in columns:
        if key not in TableColumnsConfig.model_fields:
            raise CxrError(f"--column '{key}={columns[key]}': expected KEY=NAME, with one of {keys}")
    return columns or None
