"""Command that projects the studies of a shard of a CT release."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import ProjectionConfig, ScanFilesConfig
from cxrfactory.config.options import with_options


@with_options(ScanFilesConfig, ProjectionConfig)
def project_shard(
    manifest: Annotated[Path, typer.Option(help="Manifest of the CT release (stage ingest-scans).")],
    shard: Annotated[int, typer.Option(help="Index of the shard, from 0.")],
    images: Annotated[Path, typer.Option(help="Pictures to write (.parquet).")],
    masks: Annotated[Path, typer.Option(help="Masks to write (.parquet).")],
    studies: Annotated[Path, typer.Option(help="Table of projected studies to write (.parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected studies to write (.parquet).")],
    threads: Annotated[int, typer.Option(min=1, help="Number of threads; the output does not depend on it.")] = 1,
    *,
    scan_files_config: ScanFilesConfig,
    projection_config: ProjectionConfig,
) -> None:
    """Project the studies of one shard of a CT release into pictures and masks of taxonomy classes."""
    from cxrfactory.drr.recipe import ProjectionRecipe
    from cxrfactory.drr.shard import project_shard as run
    from cxrfactory.logs import about_shard

    outputs = {"images": images, "masks": masks, "studies": studies, "rejected": rejected}
    with about_shard(images):
        run(manifest, scan_files_config, shard, outputs, ProjectionRecipe.of(projection_config, threads))
