"""Turn dense masks into landmarks."""

from pathlib import Path
from typing import Annotated

import typer


def mask_to_landmarks(
    source: Annotated[Path, typer.Argument(help="Folder of PNG masks, or a CheXmask table (CSV, Parquet).")],
    output: Annotated[Path, typer.Option(help="CSV to write, CheXmask columns in the frame of the masks.")],
    value: Annotated[
        list[str] | None, typer.Option(help="organ=value of label maps, e.g. right_lung=1; repeat for each organ.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="Id column of a table, where it cannot be told.")] = None,
    frame: Annotated[
        int | None, typer.Option(min=1, help="Side of the square masks, for tables without Height and Width.")
    ] = None,
    overlays: Annotated[Path | None, typer.Option(help="Folder for pictures of the contours over the masks.")] = None,
) -> None:
    """Turn masks of lungs and heart into corresponding landmarks: one row or one named rejection an image."""
    from cxrfactory.infer.from_masks import masks_to_landmarks, parse_values

    masks_to_landmarks(source, output, parse_values(value) if value else None, id_column, frame, overlays)
