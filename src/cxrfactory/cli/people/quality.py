"""Commands that make quality calibrations: estimates of the Dice of a network's own masks."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.estimate import CalibrateQualityConfig
from cxrfactory.config.options import with_options


@with_options(CalibrateQualityConfig)
def calibrate_quality(
    masks: Annotated[
        list[Path],
        typer.Option(help="CSV of masks of known Dice, such as images.csv of results/generalise; repeat for several."),
    ],
    weights: Annotated[Path, typer.Option(help="Weights (.safetensors) for whose masks it is made, or pretrained.")],
    output: Annotated[Path, typer.Option(help="Quality calibration to write (.json).")],
    landmarks: Annotated[
        list[Path] | None, typer.Option(help="Landmark shard of the same images, which adds signals; repeat.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="CSV to write: the estimate on each source, fitted without it.")
    ] = None,
    *,
    calibrate_quality_config: CalibrateQualityConfig,
) -> None:
    """Fit estimates of the Dice of a network's own masks, with intervals for a new hospital."""
    from cxrfactory.evaluate.quality.calibrate import calibrate_quality as run

    run(masks, weights, output, calibrate_quality_config, landmarks or [], check)


def recalibrate_quality(
    calibration: Annotated[Path, typer.Option(help="Quality calibration (.json), or pretrained.")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shard (stage infer) with your films; repeat.")],
    output: Annotated[Path, typer.Option(help="Quality calibration to write (.json).")],
    labelled: Annotated[
        list[Path] | None, typer.Option(help="Preprocessed labelled table with your films (.parquet); repeat.")
    ] = None,
    annotations: Annotated[
        list[Path] | None,
        typer.Option(help="Corrections of your films: table of gold-import (RELEASE_annotations.csv); repeat."),
    ] = None,
) -> None:
    """Sharpen a quality calibration with 20 to 50 films of your own hospital."""
    from cxrfactory.evaluate.quality.recalibrate import recalibrate_quality as run

    run(calibration, landmarks, output, labelled or [], annotations or [])
