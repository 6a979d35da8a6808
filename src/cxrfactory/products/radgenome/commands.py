"""Commands of the product `results/radgenome`."""

from pathlib import Path
from typing import Annotated

import typer


def package_radgenome(
    manifest: Annotated[list[Path], typer.Option(help="Manifest of studies (Parquet); repeat for each release.")],
    output: Annotated[Path, typer.Option(help="Folder of the product; the product of an earlier run is replaced.")],
    masks: Annotated[list[Path] | None, typer.Option(help="Shard of masks, sorted by study; repeat for each.")] = None,
    images: Annotated[list[Path] | None, typer.Option(help="Shard of images; repeat for each.")] = None,
    studies: Annotated[list[Path] | None, typer.Option(help="Shard of studies; repeat for each.")] = None,
    rejected: Annotated[list[Path] | None, typer.Option(help="Rejected table; repeat for each.")] = None,
    validation_fraction: Annotated[
        float, typer.Option(help="Share of patients in validation, chosen by a hash of patient_id.")
    ] = 0.06,
    mask_png: Annotated[bool, typer.Option(help="Also write every mask that is not empty as a PNG file.")] = False,
    credit: Annotated[list[str] | None, typer.Option(help="Source and licence to credit; repeat for each.")] = None,
    config: Annotated[Path | None, typer.Option(help="Config of the run; copied into the product.")] = None,
) -> None:
    """Pack projected studies: images, masks, regions, splits, COCO files, statistics, dataset card, checksums."""
    from cxrfactory.anatomy.taxonomy import classes, region_plan
    from cxrfactory.products.radgenome.inputs import ProjectionShards, Taxonomy
    from cxrfactory.products.radgenome.pack import package_radgenome as pack

    shards = ProjectionShards(manifest, studies or [], masks or [], images or [], rejected or [])
    pack(shards, output, Taxonomy(classes(), region_plan), validation_fraction, mask_png, credit or [], config)


COMMANDS = {"package-radgenome": package_radgenome}
