"""Command that writes a product's masks as NIfTI."""

from cxrfactory.cli.export.common import OutputFolder, Product, WithImages
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.options import with_options


@with_options(ChosenImagesConfig)
def nifti(
    product: Product, output: OutputFolder, with_images: WithImages = False, *, chosen_images_config: ChosenImagesConfig
) -> None:
    """Write the masks as NIfTI: a folder an image, a file a structure, and a table of names and colours."""
    from cxrfactory.export.nifti import export_nifti

    export_nifti(product, output, chosen_images_config, with_images)
