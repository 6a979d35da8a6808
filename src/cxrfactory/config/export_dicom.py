"""Options of the export of DICOM segmentations; they are given on the command line."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section


class DicomExportConfig(Section):
    """For whom DICOM segmentations are, and what is written beside them."""

    mode: Literal["de-identified", "for-archive"] = Field(
        "de-identified",
        description="Whom the files are for. With de-identified, they hold no patient, date, institution or original "
        "UID, and refer to new images of the films. With for-archive, they keep the patient and refer to the release's "
        "DICOM files.",
    )
    with_images: bool = Field(
        False,
        description="Write the images too: each film as Secondary Capture (de-identified), or a copy of its DICOM file "
        "(for-archive).",
    )
    with_measurements: bool = Field(
        False, description="Write the measurements of each image too, as DICOM SR (TID 1500)."
    )
