"""MIMIC-CXR-JPG 2.0 (PhysioNet): frontal where ``ViewPosition`` is PA or AP."""

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

LAYOUT = ReleaseLayout(
    slug="mimic-cxr-jpg",
    published_name="MIMIC-CXR-JPG",
    id_column="dicom_id",
    slots=(
        TableSlot("metadata", with_gz("mimic-cxr-2.0.0-metadata.csv.gz", "mimic-cxr-2.1.0-metadata.csv.gz")),
        TableSlot(
            "labels",
            with_gz("mimic-cxr-2.0.0-chexpert.csv.gz", "mimic-cxr-2.1.0-chexpert.csv.gz"),
            lists_images=False,
        ),
    ),
    view_rule="ViewPosition is PA or AP",
    has_procedure_text=True,
)
