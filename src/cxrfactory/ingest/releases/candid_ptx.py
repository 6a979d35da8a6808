"""CANDID-PTX: every image is frontal; one DICOM file an image, named by its SOP Instance UID."""

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

LAYOUT = ReleaseLayout(
    slug="candid-ptx",
    published_name="CANDID-PTX",
    id_column="ImageID",
    slots=(TableSlot("reports", with_gz("Pneumothorax_reports.csv")),),
    view_rule="all images",
)
