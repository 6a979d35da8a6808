"""Command that segments the user's own radiographs."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.infer import AnatomyConfig, SegmentConfig
from cxrfactory.config.options import preparation, with_options
from cxrfactory.config.preprocess import PreprocessConfig


@with_options(AnatomyConfig, SegmentConfig, PreprocessConfig)
def segment(
    paths: Annotated[list[Path], typer.Argument(help="Radiographs or folders of them: JPEG, PNG, TIFF, DICOM.")],
    output: Annotated[
        Path,
        typer.Option(
            help="CSV to write (NAME.csv), CheXmask columns at the original resolution. Beside it: NAME.rejected.csv, "
            "NAME.std.csv, NAME.quality.csv, NAME.card.json. With --anatomy, a new folder."
        ),
    ],
    weights: Annotated[
        Path,
        typer.Option(
            help="Trained weights (.safetensors with card), pretrained, or pretrained-whole-lungs. With --anatomy, "
            "weights of a pixel network of structures, or pretrained for those of the package."
        ),
    ] = Path("pretrained"),
    anatomy: Annotated[
        bool,
        typer.Option(
            "--anatomy/--no-anatomy",
            help="Segment all structures, such as ribs, vertebrae and lobes, in frontal and lateral films, instead of "
            "lungs and heart with landmarks.",
        ),
    ] = False,
    masks: Annotated[Path | None, typer.Option(help="Folder for masks (PNG), one for each organ and image.")] = None,
    overlays: Annotated[Path | None, typer.Option(help="Folder for pictures of the contours.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of images processed in parallel on the CPU.")] = 2,
    *,
    anatomy_config: AnatomyConfig,
    segment_config: SegmentConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Segment radiographs: one row or one named rejection for every file."""
    if anatomy:
        _segment_anatomy(
            *(paths, weights, output, masks, overlays, workers),
            *(anatomy_config, segment_config, preprocess_config),
        )
        return
    _refuse_options(anatomy_config)
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


def _segment_anatomy(
    paths: list[Path],
    weights: Path,
    output: Path,
    masks: Path | None,
    overlays: Path | None,
    workers: int,
    anatomy: AnatomyConfig,
    settings: SegmentConfig,
    preprocess: PreprocessConfig,
) -> None:
    from cxrfactory.errors import CxrError
    from cxrfactory.infer.anatomy.run import WEIGHTS, segment_anatomy
    from cxrfactory.rca.picture import PictureJudge

    if masks is not None or overlays is not None:
        raise CxrError("--masks, --overlays: with --anatomy, masks and overlays are in the folder of --output")
    chosen = WEIGHTS if weights == Path("pretrained") else weights
    segment_anatomy(paths, chosen, output, settings, anatomy, preparation(preprocess), workers, PictureJudge())


def _refuse_options(anatomy: AnatomyConfig) -> None:
    """Refuse options that have a meaning with --anatomy only."""
    from cxrfactory.config.options import option_name
    from cxrfactory.errors import CxrError

    if given := [name for name, value in anatomy if value != AnatomyConfig.model_fields[name].default]:
        raise CxrError(f"{option_name(given[0])} goes with --anatomy; give both, or leave it out")
