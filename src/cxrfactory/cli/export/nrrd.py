"""Command that writes a product's masks as segmentations of 3D Slicer."""

from cxrfactory.cli.export.common import OutputFolder, Product, WithImages
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.options import with_options


@with_options(ChosenImagesConfig)
def nrrd(
    product: Product, output: OutputFolder, with_images: WithImages = False, *, chosen_images_config: ChosenImagesConfig
) -> None:
    """Write the masks as segmentations of 3D Slicer (.seg.nrrd), with names, colours and codes."""
    from cxrfactory.export.nrrd import export_nrrd

    export_nrrd(product, output, chosen_images_config, with_images)
