"""Command that measures masks."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.measure import MeasureConfig, MeasureInputConfig
from cxrfactory.config.options import with_options


@with_options(MeasureInputConfig, MeasureConfig)
def measure(
    targets: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of finished products (results/NAME, segment --anatomy), CheXmask tables, or masks: "
            "IMAGE.STRUCTURE.png or .nii.gz, IMAGE.seg.nrrd, DICOM segmentations, and label maps with a --legend."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder to write; one of an earlier measurement is replaced.")],
    drawings: Annotated[
        Path | None,
        typer.Option(help="Folder for pictures of some images of products, with the points of their measurements."),
    ] = None,
    drawn: Annotated[int, typer.Option(min=1, help="Number of those images, of each dataset and view.")] = 6,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 2,
    *,
    measure_input_config: MeasureInputConfig,
    measure_config: MeasureConfig,
) -> None:
    """Measure masks: heart, lungs, spine and more, with points, grades, intervals and flags of quality."""
    from cxrfactory.door.measured import measure_files

    measure_files(targets, output, measure_config, measure_input_config, workers)
    if drawings is not None:
        from cxrfactory.door.measured_drawing import draw_some

        draw_some(targets, output, drawings, drawn, measure_input_config)
