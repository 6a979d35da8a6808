"""Commands that turn radiograph files into square 8-bit images."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import PreprocessConfig
from cxrfactory.config.options import preparation, with_options

Output = Annotated[Path, typer.Option(help="Image shard to write (.parquet).")]
Rejected = Annotated[Path, typer.Option(help="Table of rejected images to write, with reasons (.parquet).")]
FollowLinks = Annotated[bool, typer.Option(help="Allow links in the release to lead out of its folder.")]
Workers = Annotated[int, typer.Option(min=1, help="Number of threads; the output does not depend on it.")]


@with_options(PreprocessConfig)
def preprocess(
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (.parquet).")],
    root: Annotated[Path, typer.Option(help="Folder of the release; the manifest's paths are relative to it.")],
    output: Output,
    rejected: Rejected,
    shard: Annotated[int, typer.Option(min=0, help="Index of the shard, from 0.")] = 0,
    shards: Annotated[int, typer.Option(min=1, help="Number of shards of the release.")] = 1,
    follow_links: FollowLinks = False,
    workers: Workers = 1,
    *,
    preprocess_config: PreprocessConfig,
) -> None:
    """Turn one shard of a manifest's included images into square 8-bit images with their geometry."""
    from cxrfactory.logs import about_shard
    from cxrfactory.preprocess.shard import preprocess_shard

    recipe = preparation(preprocess_config)
    with about_shard(output):
        preprocess_shard(manifest, root, shard, shards, output, rejected, recipe, workers, follow_links)


@with_options(PreprocessConfig)
def preprocess_labelled(
    labelled: Annotated[Path, typer.Option(help="Table of labelled images (stage ingest-labelled).")],
    output: Output,
    rejected: Rejected,
    workers: Workers = 1,
    *,
    preprocess_config: PreprocessConfig,
) -> None:
    """Preprocess the labelled images and carry their landmarks into the preprocessed frame."""
    from cxrfactory.preprocess.labelled import preprocess_labelled as run

    run(labelled, output, rejected, preparation(preprocess_config), workers)
