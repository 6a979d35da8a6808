"""Commands of the product `results/hearts`."""

from pathlib import Path
from typing import Annotated

import typer


def package_hearts(
    output: Annotated[Path, typer.Option(help="Folder of the product; the product of an earlier run is replaced.")],
    template: Annotated[Path, typer.Option(help="Template (.npz), as stage hearts-template leaves it.")],
    weights_card: Annotated[Path, typer.Option(help="Card (.json) of the weights that found the meshes.")],
    cases: Annotated[list[Path], typer.Option(help="Table of cases (Parquet); repeat for each shard.")],
    hearts: Annotated[list[Path], typer.Option(help="Rows of stage hearts-meshes; repeat for each shard.")],
    masks: Annotated[list[Path], typer.Option(help="Masks of stage hearts-meshes; repeat for each shard.")],
    slices: Annotated[list[Path], typer.Option(help="Slices of stage hearts-meshes; repeat for each shard.")],
    files: Annotated[list[Path], typer.Option(help="Mesh files of stage hearts-meshes; repeat for each shard.")],
    rejected: Annotated[list[Path] | None, typer.Option(help="Rejected table; repeat for each.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of the cases; by default all cases.")] = None,
    evaluation: Annotated[Path | None, typer.Option(help="Folder of study hearts; copied into the product.")] = None,
    release: Annotated[str, typer.Option(help="Name of the cases' source in the accounts.")] = "virtual",
    credit: Annotated[list[str] | None, typer.Option(help="Source and licence to credit; repeat for each.")] = None,
    config: Annotated[Path | None, typer.Option(help="Config of the run; copied into the product.")] = None,
) -> None:
    """Pack the meshes of hearts: rows, masks, slices, mesh files, evaluation, dataset card, checksums."""
    from cxrfactory.products.hearts.pack import HeartShards
    from cxrfactory.products.hearts.pack import package_hearts as pack

    shards = HeartShards(cases, hearts, masks, slices, files, rejected or [], split)
    pack(shards, output, template, weights_card, evaluation, release, credit or [], config)


COMMANDS = {"package-hearts": package_hearts}
