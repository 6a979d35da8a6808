"""Command that turns masks into landmarks."""

from pathlib import Path
from typing import Annotated

import typer


def mask_to_landmarks(
    source: Annotated[
        Path,
        typer.Argument(
            help="Folder of masks (PNG, TIFF, GIF, BMP), a CheXmask table (CSV, Parquet), or a labelled table with "
            "drawn or projected masks (Parquet)."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            help="CSV to write, with CheXmask columns; coordinates are pixels of the masks. For a labelled table: "
            "labelled table to write (.parquet), for train."
        ),
    ],
    value: Annotated[
        list[str] | None,
        typer.Option(help="Value of an organ in label maps, as organ=value, e.g. right_lung=1; repeat for each organ."),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="Id column of the table, if it is not recognised by its name.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(min=1, help="Side in pixels of the square masks, for tables without Height and Width.")
    ] = None,
    overlays: Annotated[
        Path | None, typer.Option(help="Folder for pictures of the contours drawn over the masks.")
    ] = None,
    follow_links: Annotated[bool, typer.Option(help="Let links in the folder lead out of it.")] = False,
) -> None:
    """Turn masks into landmarks: each image gives one row or one named rejection."""
    if output.suffix.lower() == ".parquet":
        from cxrfactory.errors import CxrError
        from cxrfactory.labelling.table_landmarks import landmarks_of_table

        if source.is_dir():
            raise CxrError(f"{source}: a folder of masks gives a CSV; expected --output FILE.csv, or a labelled table")
        if value or id_column or frame or overlays:
            raise CxrError(f"{output}: a labelled table takes no --value, --id-column, --frame or --overlays")
        landmarks_of_table(source, output)
        return
    from cxrfactory.infer.from_masks import masks_to_landmarks, parse_values

    masks_to_landmarks(source, output, parse_values(value) if value else None, id_column, frame, overlays, follow_links)
