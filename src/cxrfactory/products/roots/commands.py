"""Commands of the product `results/roots`."""

from pathlib import Path
from typing import Annotated

import typer

Tables = Annotated[list[Path], typer.Option(help="Table of stage roots-graphs; repeat for each shard.")]


def package_roots(
    output: Annotated[Path, typer.Option(help="Folder of the product; the product of an earlier run is replaced.")],
    frames: Annotated[Path, typer.Option(help="Table of pictures of stage roots-read (Parquet).")],
    plants: Tables,
    nodes: Tables,
    edges: Tables,
    traits: Tables,
    laterals: Tables,
    masks: Annotated[list[Path], typer.Option(help="Masks of stage roots-segment; repeat for each shard.")],
    pictures: Annotated[list[Path], typer.Option(help="Pictures of stage roots-files; repeat for each shard.")],
    files: Annotated[list[Path], typer.Option(help="Folder of files of stage roots-files; repeat for each shard.")],
    weights_card: Annotated[list[Path], typer.Option(help="Card (.json) of weights that found the roots; repeat.")],
    growth: Annotated[Path, typer.Option(help="Folder of stage roots-growth; copied into the product.")],
    rejected: Annotated[list[Path] | None, typer.Option(help="Rejected table; repeat for each.")] = None,
    evaluation: Annotated[Path | None, typer.Option(help="Folder of study roots; copied into the product.")] = None,
    release: Annotated[str, typer.Option(help="Name of the plates' source in the accounts.")] = "own",
    credit: Annotated[list[str] | None, typer.Option(help="Source and licence to credit; repeat for each.")] = None,
    config: Annotated[Path | None, typer.Option(help="Config of the run; copied into the product.")] = None,
) -> None:
    """Pack the root systems: traits, graphs, masks, RSML, growth, evaluation, dataset card, checksums."""
    from cxrfactory.products.roots.pack import RootShards
    from cxrfactory.products.roots.pack import package_roots as pack

    shards = RootShards(frames, plants, nodes, edges, traits, laterals, masks, pictures, files, rejected or [])
    pack(shards, output, weights_card, growth, evaluation, release, credit or [], config)


COMMANDS = {"package-roots": package_roots}
