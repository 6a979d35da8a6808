"""PadChest (BIMCV): frontal where ``Projection`` is PA or AP."""

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

LAYOUT = ReleaseLayout(
    slug="padchest",
    published_name="Padchest",
    id_column="ImageID",
    slots=(TableSlot("labels", with_gz("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz")),),
    view_rule="Projection is PA or AP (AP_horizontal is left out)",
)
