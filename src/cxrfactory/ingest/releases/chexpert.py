"""CheXpert 1.0: frontal where ``Frontal/Lateral`` is Frontal."""

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

_FOLDERS = ("", "CheXpert-v1.0/", "CheXpert-v1.0-small/")

LAYOUT = ReleaseLayout(
    slug="chexpert",
    published_name="CheXpert",
    id_column="Path",
    slots=(
        TableSlot("train", with_gz(*(f"{folder}train.csv" for folder in _FOLDERS), "chexpert_train.csv")),
        TableSlot("valid", with_gz(*(f"{folder}valid.csv" for folder in _FOLDERS), "chexpert_valid.csv")),
    ),
    view_rule="Frontal/Lateral is Frontal",
)
