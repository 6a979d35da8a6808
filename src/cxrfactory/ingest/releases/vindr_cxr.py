"""VinDr-CXR 1.0 (PhysioNet): every image is frontal; several rows an image, one a reader or a finding."""

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

LAYOUT = ReleaseLayout(
    slug="vindr-cxr",
    published_name="VinDr-CXR",
    id_column="image_id",
    slots=(
        TableSlot(
            "train",
            with_gz(
                "annotations/image_labels_train.csv",
                "annotations/annotations_train.csv",
                "image_labels_train.csv",
                "annotations_train.csv",
                "train.csv",
                "vinbigdata-train.csv",
            ),
        ),
        TableSlot(
            "test",
            with_gz(
                "annotations/image_labels_test.csv",
                "annotations/annotations_test.csv",
                "image_labels_test.csv",
                "annotations_test.csv",
            ),
        ),
    ),
    view_rule="all images",
)
