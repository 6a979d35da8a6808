"""Command that shows a product in the browser."""

from pathlib import Path
from typing import Annotated

import typer


def browse(
    target: Annotated[
        Path,
        typer.Argument(
            help="Folder of a finished product or of measurements (results/NAME), or a CheXmask CSV of any variant."
        ),
    ],
    root: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER",
            help="Folder of a release's radiographs, by the name of the dataset; repeat. Default: that of the config.",
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of radiographs whose file names are the image ids, with any ending.")
    ] = None,
    measure: Annotated[
        Path | None,
        typer.Option(
            help="Folder that 'measure' wrote: each image shows its measurements. Default: 'measure' beside the target."
        ),
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            help="File that keeps your verdicts (.jsonl). Default: verdicts/NAME.jsonl in the working folder."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address only; open no browser.")] = False,
) -> None:
    """Look at a product in the browser: worst masks first, filters, verdicts. It changes nothing in the product."""
    from cxrfactory.browse.start import start

    start(target, root or [], images, verdicts, port, open_page=not no_open, measured=measure)
