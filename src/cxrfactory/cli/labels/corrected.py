"""Commands that read masks which were corrected in an annotation program."""

from pathlib import Path
from typing import Annotated

import typer

SentFolder = Annotated[Path, typer.Option("--sent", help="Folder that the export command wrote.")]
MaskFolder = Annotated[
    Path, typer.Option("--output", help="Folder of masks with table.csv to write; it must not exist or be empty.")
]


def from_label_studio(
    export: Annotated[Path, typer.Argument(help="Label Studio's export of the project, format JSON.")],
    sent: SentFolder,
    output: MaskFolder,
    annotator: Annotated[
        int | None, typer.Option(help="Id of the user whose annotations are used if tasks have several.")
    ] = None,
) -> None:
    """Turn corrected Label Studio tasks into a folder of masks with table.csv, for label masks."""
    from cxrfactory.export.label_studio import import_label_studio

    import_label_studio(export, sent, output, annotator)


def from_cvat(
    annotations: Annotated[Path, typer.Argument(help="CVAT's annotations.xml, format CVAT for images 1.1.")],
    sent: SentFolder,
    output: MaskFolder,
) -> None:
    """Turn corrected annotations of CVAT into a folder of masks with table.csv, for label masks."""
    from cxrfactory.export.cvat import import_cvat

    import_cvat(annotations, sent, output)
