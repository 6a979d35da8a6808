"""Arguments that all export commands share; :class:`~cxrfactory.config.export.ChosenImagesConfig` has the options."""

from pathlib import Path
from typing import Annotated

import typer

Product = Annotated[Path, typer.Argument(help="Folder of a finished product, such as results/NAME.")]
ProductOrTable = Annotated[
    Path, typer.Argument(help="Folder of a finished product, such as results/NAME, or a CheXmask table.")
]
OutputFolder = Annotated[Path, typer.Option("--output", help="Folder to write; it must not exist or be empty.")]
Pictures = Annotated[
    bool,
    typer.Option(
        "--pictures/--no-pictures", help="Write each image as an 8-bit PNG into images/ of the output, or do not."
    ),
]
WithImages = Annotated[
    bool,
    typer.Option(
        "--with-images/--no-with-images", help="Write each image beside its masks, in the same format and frame."
    ),
]
