"""Subcommands ``preprocess`` and ``preprocess-labelled``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cxrfactory.imaging.prepare import Preparation

Output = Annotated[Path, typer.Option(help="Parquet file of images to write.")]
Rejected = Annotated[Path, typer.Option(help="Parquet table of rejected images to write, with reasons.")]
Size = Annotated[int, typer.Option(help="Side of the square image, pixels.")]
RemoveBorders = Annotated[
    bool, typer.Option("--remove-borders/--keep-borders", help="Cut uniform black borders off first.")
]
ClaheClip = Annotated[
    float | None,
    typer.Option(
        help="Apply CLAHE with this clip limit, in the engine's unit: opencv, multiple of the mean bin count "
        "(2-4); skimage, fraction of a tile's pixels (0.01)."
    ),
]
ClaheTiles = Annotated[int, typer.Option(help="CLAHE tiles a side.")]
ClaheEngine = Annotated[str, typer.Option(help="CLAHE engine: opencv or skimage.")]
Equalise = Annotated[bool, typer.Option("--equalise", help="Equalise the histogram of the whole image.")]
MaxMegapixels = Annotated[float, typer.Option(help="Refuse larger images by their header, undecoded.")]
Workers = Annotated[int, typer.Option(help="Threads; the output does not depend on their number.")]


def preprocess(
    manifest: Annotated[Path, typer.Option(help="Manifest of the release (Parquet).")],
    root: Annotated[Path, typer.Option(help="Folder of the release; the manifest's paths are relative to it.")],
    output: Output,
    rejected: Rejected,
    shard: Annotated[int, typer.Option(help="Number of the shard, from 0.")] = 0,
    shards: Annotated[int, typer.Option(help="Number of shards of the release.")] = 1,
    size: Size = 1024,
    remove_borders: RemoveBorders = True,
    clahe_clip: ClaheClip = None,
    clahe_tiles: ClaheTiles = 8,
    clahe_engine: ClaheEngine = "opencv",
    equalise: Equalise = False,
    max_megapixels: MaxMegapixels = 100.0,
    workers: Workers = 1,
) -> None:
    """Turn one shard of a manifest's included images into square 8-bit images with their geometry."""
    from cxrfactory.preprocess.shard import preprocess_shard

    recipe = _recipe(size, remove_borders, clahe_clip, clahe_tiles, clahe_engine, equalise, max_megapixels)
    preprocess_shard(manifest, root, shard, shards, output, rejected, recipe, workers)


def preprocess_labelled(
    labelled: Annotated[Path, typer.Option(help="Labelled set (Parquet).")],
    output: Output,
    rejected: Rejected,
    size: Size = 1024,
    remove_borders: RemoveBorders = True,
    clahe_clip: ClaheClip = None,
    clahe_tiles: ClaheTiles = 8,
    clahe_engine: ClaheEngine = "opencv",
    equalise: Equalise = False,
    max_megapixels: MaxMegapixels = 100.0,
    workers: Workers = 1,
) -> None:
    """Preprocess the labelled images and carry their landmarks into the preprocessed frame."""
    from cxrfactory.preprocess.labelled import preprocess_labelled as run

    recipe = _recipe(size, remove_borders, clahe_clip, clahe_tiles, clahe_engine, equalise, max_megapixels)
    run(labelled, output, rejected, recipe, workers)


def _recipe(
    size: int,
    remove_borders: bool,
    clahe_clip: float | None,
    clahe_tiles: int,
    clahe_engine: str,
    equalise: bool,
    max_megapixels: float,
) -> "Preparation":
    from cxrfactory.imaging.intensity import Clahe, Enhancement
    from cxrfactory.imaging.prepare import Preparation

    clahe = None if clahe_clip is None else Clahe(clahe_clip, clahe_tiles, clahe_engine)
    return Preparation(size, remove_borders, Enhancement(clahe, equalise), max_megapixels)
