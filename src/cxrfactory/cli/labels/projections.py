"""Command that turns radiographs projected from CT into a labelled table."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import LabelProjectionsConfig, PreprocessConfig
from cxrfactory.config.options import preparation, with_options


@with_options(LabelProjectionsConfig, PreprocessConfig)
def label_projections(
    product: Annotated[
        Path, typer.Argument(help="Folder of the projected radiographs: studies.parquet, masks.parquet.")
    ],
    output: Annotated[Path, typer.Option(help="Labelled table to write (.parquet), for train.")],
    *,
    label_projections_config: LabelProjectionsConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Label radiographs projected from CT: the masks of all structures that the source labels."""
    from cxrfactory.labelling.projections import label_projections as run

    run(product, output, preparation(preprocess_config), label_projections_config)
