"""Command that writes labelled images as a raw dataset of nnU-Net."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import NnunetConfig
from cxrfactory.config.options import with_options


@with_options(NnunetConfig)
def nnunet_export(
    labelled: Annotated[
        list[Path], typer.Option(help="Preprocessed labelled table (stage preprocess-labelled); repeat for several.")
    ],
    output: Annotated[Path, typer.Option(help="nnU-Net's folder of raw datasets (nnUNet_raw).")],
    preprocessed: Annotated[
        Path | None, typer.Option(help="nnU-Net's folder of preprocessed datasets; the split is written there.")
    ] = None,
    *,
    nnunet_config: NnunetConfig,
) -> None:
    """Write labelled images as a raw dataset of nnU-Net v2, with our split as its only fold."""
    from cxrfactory.train.data.nnunet import export_nnunet

    export_nnunet(labelled, output, nnunet_config, preprocessed)
