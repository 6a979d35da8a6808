"""Command that writes a product as COCO files."""

from cxrfactory.cli.export.common import OutputFolder, Pictures, ProductOrTable
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.options import with_options


@with_options(ChosenImagesConfig)
def coco(
    product: ProductOrTable,
    output: OutputFolder,
    pictures: Pictures = False,
    *,
    chosen_images_config: ChosenImagesConfig,
) -> None:
    """Write the masks as COCO instances: one JSON file a release, with compressed RLE."""
    from cxrfactory.errors import CxrError

    if product.is_file():
        from cxrfactory.export.coco_table import export_coco_table

        if pictures:
            raise CxrError(f"{product}: a table has no pictures; leave out --pictures, or name a product's folder")
        export_coco_table(product, output, chosen_images_config)
        return
    from cxrfactory.export.coco import export_coco

    export_coco(product, output, chosen_images_config, pictures)
