"""Commands that send masks to annotation programs."""

from typing import Annotated

import typer

from cxrfactory.cli.export.common import OutputFolder, Product
from cxrfactory.config.export import ChosenImagesConfig, ShapesConfig
from cxrfactory.config.options import with_options


@with_options(ChosenImagesConfig, ShapesConfig)
def label_studio(
    product: Product,
    output: OutputFolder,
    prefix: Annotated[
        str, typer.Option(help="Address of the folder above images/, as Label Studio serves it.")
    ] = "/data/local-files/?d=",
    *,
    chosen_images_config: ChosenImagesConfig,
    shapes_config: ShapesConfig,
) -> None:
    """Write pictures and Label Studio tasks with the masks as brushes or polygons to correct."""
    from cxrfactory.export.label_studio import export_label_studio

    export_label_studio(product, output, chosen_images_config, shapes_config, prefix)


@with_options(ChosenImagesConfig, ShapesConfig)
def cvat(
    product: Product, output: OutputFolder, *, chosen_images_config: ChosenImagesConfig, shapes_config: ShapesConfig
) -> None:
    """Write pictures and annotations for CVAT (CVAT for images 1.1), masks or polygons to correct."""
    from cxrfactory.export.cvat import export_cvat

    export_cvat(product, output, chosen_images_config, shapes_config)
