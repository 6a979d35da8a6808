"""ChestX-ray8 (NIH): every image is frontal."""

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

LAYOUT = ReleaseLayout(
    slug="chestx-ray8",
    published_name="ChestX-Ray8",
    id_column="Image Index",
    slots=(TableSlot("entries", with_gz("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")),),
    view_rule="all images; View Position is PA or AP in each row",
)
