"""Commands of the study that leaves one source (hospital) out."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.generalise import GeneraliseTestConfig
from cxrfactory.config.options import with_options

Labelled = Annotated[
    list[Path], typer.Option(help="Preprocessed labelled table (stage preprocess-labelled); repeat for several.")
]
Source = Annotated[
    list[str] | None, typer.Option(help="Source to test; repeat for several. By default all of the tables.")
]


def generalise_images(
    labelled: Labelled,
    output: Annotated[Path, typer.Option(help="Table of the tested images to write (.parquet).")],
    references: Annotated[Path, typer.Option(help="Table of images for stage rca-reference to write (.parquet).")],
    source: Source = None,
    without_sources: Annotated[
        list[str] | None, typer.Option(help="Source that the model was trained without; repeat.")
    ] = None,
) -> None:
    """Collect the images that a model is tested on, and those of the sources that it saw, for quality scores."""
    from cxrfactory.evaluate.generalise.model_images import write_model_images

    write_model_images(labelled, output, references, source, without_sources or [])


@with_options(GeneraliseTestConfig)
def generalise_test(
    labelled: Labelled,
    weights: Annotated[Path, typer.Option(help="Trained weights (.safetensors with card), or an nnU-Net folder.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and the worst images (PNG).")],
    source: Source = None,
    without_sources: Annotated[
        list[str] | None,
        typer.Option(help="Source that the model was trained without; repeat. By default those that its card names."),
    ] = None,
    scores: Annotated[
        list[Path] | None, typer.Option(help="Quality scores of the model's masks by image_id (stage rca); repeat.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Calibration of those RCA scores (stage rca-calibrate), for intervals.")
    ] = None,
    pixel_mm: Annotated[
        list[str] | None,
        typer.Option(help="SOURCE=MM, side of a pixel of the source's image files in mm; repeat for each source."),
    ] = None,
    *,
    generalise_test_config: GeneraliseTestConfig,
) -> None:
    """Test a model on all images of the sources that it was trained without, and on split val of the others."""
    from cxrfactory.evaluate.generalise.pixel_sizes import pixel_sizes
    from cxrfactory.evaluate.generalise.testing import measure_model

    sides = pixel_sizes(pixel_mm or [])
    measure_model(
        *(labelled, weights, output, generalise_test_config, source, without_sources),
        *(scores or [], calibration, sides),
    )


def generalise(
    test: Annotated[list[Path], typer.Option(help="Folder of study generalise-test; repeat for each model.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV, Markdown) and pictures (PNG).")],
) -> None:
    """Tabulate by source what models find on it without having seen it and with it, and how scores rank their masks."""
    from cxrfactory.evaluate.generalise.tabulate import tabulate

    tabulate(test, output)
