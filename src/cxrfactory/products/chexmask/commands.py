"""Commands of the product `results/chexmask`."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.estimate import FlagConfig
from cxrfactory.config.options import with_options


@with_options(FlagConfig)
def package(
    manifest: Annotated[Path, typer.Option(help="Manifest of the dataset (Parquet).")],
    landmarks: Annotated[list[Path], typer.Option(help="Landmark shard; repeat for each.")],
    rca: Annotated[list[Path], typer.Option(help="RCA shard; repeat for each.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset in the config.")],
    release_name: Annotated[str, typer.Option(help="Published name of the release; it names files.")],
    id_column: Annotated[str, typer.Option(help="Name of the release's id column, e.g. dicom_id.")],
    output: Annotated[Path, typer.Option(help="Folder of the product.")],
    part: Annotated[Path, typer.Option(help="Folder, outside the product, for the release's accounts.")],
    rejected: Annotated[list[Path] | None, typer.Option(help="Rejected table; repeat for each.")] = None,
    product: Annotated[str, typer.Option(help="Product to make: chexmask.")] = "chexmask",
    workers: Annotated[int, typer.Option(help="Number of processes; the output does not depend on it.")] = 1,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="Calibration (calibrate-quality, stage rca-calibrate, or pretrained); it adds estimates of the true "
            "Dice to the Parquet."
        ),
    ] = None,
    *,
    flag_config: FlagConfig,
) -> None:
    """Pack one release of a product: CSV in both resolutions, Parquet, accounts."""
    from cxrfactory.errors import CxrError
    from cxrfactory.products.chexmask.inputs import ChexmaskInputs, TableNames
    from cxrfactory.products.chexmask.release import package_chexmask

    if product != "chexmask":
        raise CxrError(f"unknown product '{product}'; expected chexmask")
    inputs = ChexmaskInputs(manifest, landmarks, rca, rejected or [], calibration, flag_config)
    package_chexmask(inputs, TableNames(dataset, release_name, id_column), output, part, workers)


def package_card(
    output: Annotated[Path, typer.Option(help="Folder of the product.")],
    part: Annotated[
        list[Path], typer.Option(help="Folder of a release's accounts (--part of stage package-chexmask); repeat.")
    ],
    weights_card: Annotated[Path, typer.Option(help="JSON card of the weights.")],
    config: Annotated[Path, typer.Option(help="Config of the run; copied into the product.")],
    collect: Annotated[
        list[Path] | None, typer.Option(help="Product folder of one release to include; repeat for each.")
    ] = None,
    credit: Annotated[list[str] | None, typer.Option(help="Source and licence to credit; repeat for each.")] = None,
) -> None:
    """Close a product: rejected and excluded tables, dataset card, SHA256SUMS."""
    from cxrfactory.products.chexmask.card import package_card as close_product

    close_product(output, part, weights_card, config, credit or [], collect or [])


def package_worst(
    product: Annotated[Path, typer.Option(help="Product folder of the release (--output of stage package-chexmask).")],
    part: Annotated[Path, typer.Option(help="Folder of the release's accounts (--part of stage package-chexmask).")],
    images: Annotated[list[Path], typer.Option(help="Image shard (stage preprocess); repeat for each.")],
    picture: Annotated[Path, typer.Option(help="PNG to write: the images with contours and scores.")],
    table: Annotated[Path, typer.Option(help="CSV to write: ids, scores, the organ with the lower score.")],
    count: Annotated[int, typer.Option(min=1, help="Number of images.")] = 24,
) -> None:
    """Draw and list the images of a release with the lowest RCA scores."""
    from cxrfactory.products.chexmask.worst import draw_worst

    draw_worst(product, part, images, picture, table, count)


COMMANDS = {
    "package-chexmask": package,
    "close-chexmask": package_card,
    "worst-chexmask": package_worst,
}
