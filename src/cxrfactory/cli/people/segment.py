"""Command that segments the user's own radiographs."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.infer import SegmentConfig
from cxrfactory.config.options import preparation, with_options
from cxrfactory.config.preprocess import PreprocessConfig


@with_options(SegmentConfig, PreprocessConfig)
def segment(
    paths: Annotated[list[Path], typer.Argument(help="Radiographs or folders of them: JPEG, PNG, TIFF, DICOM.")],
    output: Annotated[
        Path,
        typer.Option(
            help="CSV to write (NAME.csv), CheXmask columns at the original resolution. Beside it: NAME.rejected.csv, "
            "NAME.std.csv, NAME.quality.csv, NAME.card.json."
        ),
    ],
    weights: Annotated[
        Path, typer.Option(help="Trained weights (.safetensors with card), pretrained, or pretrained-whole-lungs.")
    ] = Path("pretrained"),
    masks: Annotated[Path | None, typer.Option(help="Folder for masks (PNG), one for each organ and image.")] = None,
    overlays: Annotated[Path | None, typer.Option(help="Folder for pictures of the contours.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of images processed in parallel on the CPU.")] = 2,
    *,
    segment_config: SegmentConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Segment radiographs: one row or one named rejection for every file."""
    from functools import partial

    from cxrfactory.infer.segment import segment as run
    from cxrfactory.rca.judge import QualityJudge

    judge = partial(
        QualityJudge,
        reference=segment_config.reference,
        compare=segment_config.compare,
        device=segment_config.device,
        calibration=segment_config.calibration,
        flag_worst=segment_config.flag_worst,
    )
    run(paths, weights, output, segment_config, preparation(preprocess_config), masks, overlays, workers, judge)
