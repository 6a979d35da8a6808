"""Command that traces roots in single pictures."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.roots import RootsFindConfig, RootsLinesConfig, RootsScaleConfig


@with_options(RootsScaleConfig, RootsFindConfig, RootsLinesConfig)
def trace(
    pictures: Annotated[list[Path], typer.Argument(help="Pictures of plates (JPEG, PNG, TIFF), each for itself.")],
    output: Annotated[Path, typer.Option(help="Folder to write; it must be new or empty.")],
    mask: Annotated[
        list[Path] | None,
        typer.Option(help="Mask of the roots, bright on black; repeat for each picture, in their order."),
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="Trained weights (.safetensors) that find the roots where no mask is given; may be repeated."
        ),
    ] = None,
    plants_table: Annotated[
        Path | None,
        typer.Option(
            help="Table (.csv) of seeds: plate (the picture's name without its suffix), plant, seed_x, seed_y; without "
            "it the plants are found."
        ),
    ] = None,
    *,
    roots_scale_config: RootsScaleConfig,
    roots_find_config: RootsFindConfig,
    roots_lines_config: RootsLinesConfig,
) -> None:
    """Trace the roots in single pictures of plates: RSML, traits, and the graphs drawn over each picture.

    Each picture NAME gives NAME.rsml with all its plants, NAME.jpg with the graphs over the picture, and NAME.mask.png.
    Without a picture, the mask may be given twice, as PICTURE and as --mask.
    traits.csv has a row for each plant, laterals.csv for each lateral, and plants.csv the places of the seeds. A series
    of pictures of one plate belongs into the product instead (docs/roots.md), which follows the roots over time.
    """
    from cxrfactory.config.roots import RootsGraphConfig, RootsReadConfig, RootsSegmentConfig
    from cxrfactory.roots.trace.run import TraceSettings, trace_pictures

    settings = TraceSettings(
        RootsReadConfig(**roots_scale_config.model_dump()),
        RootsSegmentConfig(**roots_find_config.model_dump()),
        RootsGraphConfig(**roots_lines_config.model_dump()),
    )
    trace_pictures(pictures, output, settings, mask or [], weights or [], plants_table)
