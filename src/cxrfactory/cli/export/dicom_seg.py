"""Command that writes DICOM segmentations of a product's masks."""

from cxrfactory.cli.export.common import OutputFolder, Product
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.export_dicom import DicomExportConfig
from cxrfactory.config.options import with_options


@with_options(ChosenImagesConfig, DicomExportConfig)
def dicom_seg(
    product: Product,
    output: OutputFolder,
    *,
    chosen_images_config: ChosenImagesConfig,
    dicom_export_config: DicomExportConfig,
) -> None:
    """Write the masks as DICOM SEG: one object an image, with SNOMED CT codes; needs highdicom."""
    from cxrfactory.export.dicom_parts import highdicom

    highdicom()  # its absence is told before anything else
    from cxrfactory.export.dicom_folder import export_dicom

    export_dicom(product, output, chosen_images_config, dicom_export_config)
