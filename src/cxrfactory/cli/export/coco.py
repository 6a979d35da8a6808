"""Command that writes a product as COCO files."""

from cxrfactory.cli.export.common import OutputFolder, Pictures, Product
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.options import with_options


@with_options(ChosenImagesConfig)
def coco(
    product: Product, output: OutputFolder, pictures: Pictures = False, *, chosen_images_config: ChosenImagesConfig
) -> None:
    """Write the masks as COCO instances: one JSON file a release, with compressed RLE."""
    from cxrfactory.export.coco import export_coco

    export_coco(product, output, chosen_images_config, pictures)
