"""Labelled images as a raw dataset of nnU-Net."""

from pathlib import Path
from typing import Annotated

import typer


def nnunet_export(
    labelled: Annotated[
        list[Path], typer.Option(help="Preprocessed labelled table (preprocess-labelled); repeat for several.")
    ],
    output: Annotated[Path, typer.Option(help="nnU-Net's folder of raw datasets (nnUNet_raw).")],
    name: Annotated[str, typer.Option(help="DatasetNNN_Name.")] = "Dataset501_CXR",
    graph: Annotated[str, typer.Option(help="Landmark graph whose organs are the labels.")] = "lungs-heart",
    size: Annotated[int, typer.Option(min=32, help="Side of images and label maps, pixels.")] = 1024,
    regions: Annotated[bool, typer.Option(help="Keep overlaps: each combination of organs gets a value.")] = False,
    preprocessed: Annotated[
        Path | None, typer.Option(help="nnU-Net's folder of preprocessed datasets; takes the split.")
    ] = None,
) -> None:
    """Write labelled images as a raw dataset of nnU-Net v2, with our split as its only fold."""
    from cxrfactory.train.data.nnunet import export_nnunet

    export_nnunet(labelled, output, name, graph, size, regions, preprocessed)
