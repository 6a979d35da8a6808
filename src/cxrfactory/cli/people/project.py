"""Command that projects one chest CT."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import SingleProjectionConfig, StoredAxesConfig
from cxrfactory.config.options import with_options


@with_options(SingleProjectionConfig, StoredAxesConfig)
def project(
    ct: Annotated[Path, typer.Option(help="CT in HU: NIfTI, NRRD, MHA, or a folder of one DICOM series.")],
    labels: Annotated[Path, typer.Option(help="Label volume, or a folder of one binary volume for each structure.")],
    output: Annotated[Path, typer.Option(help="Folder for PA.png, LL.png, PA_16.png, LL_16.png, masks.parquet.")],
    names: Annotated[
        Path | None,
        typer.Option(
            help="Names of the label values: CSV, JSON or a colour table (docs/projection.md), totalsegmentator-v2 or "
            "totalsegmentator-v1."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Number of threads; the output does not depend on it.")] = 1,
    *,
    single_projection_config: SingleProjectionConfig,
    stored_axes_config: StoredAxesConfig,
) -> None:
    """Project one CT and its labels into PA and lateral (LL) radiographs and masks.

    Both views show the head at the top. In PA, the patient's right is on the left of the picture; in LL, the patient
    faces left. Rays are parallel unless a point source is given. PA.png and LL.png scale each picture from its darkest
    to its brightest pixel (8 bit); PA_16.png and LL_16.png hold the path integral of the attenuation, 4096 counts for
    1, on the same scale for every CT. masks.parquet has one row for each structure and view, including empty masks:
    source_id is the label's value, class_id the taxonomy's number (empty for labels outside the taxonomy), rle holds
    1-based "start length" pairs row by row, and lengths are in pixels.
    """
    from cxrfactory.drr.recipe import ProjectionRecipe, layout_of, rules_of
    from cxrfactory.drr.single_study import project as run

    recipe = ProjectionRecipe.of(single_projection_config, threads)
    run(ct, labels, output, names, recipe, layout_of(stored_axes_config), rules_of(stored_axes_config))
