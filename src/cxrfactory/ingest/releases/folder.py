"""A folder of one's own: any tree of images, with or without a table; it is no release."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout

if TYPE_CHECKING:
    from pandas import DataFrame

    from cxrfactory.config import DatasetConfig
    from cxrfactory.imaging.vocabulary.words import Vocabulary

LAYOUT = ReleaseLayout(
    name="folder",
    published_name=None,
    id_column="image_id",
    slots=(),
    view_rule="as the config says",
    id_is_file_name=False,
)


def read(settings: "DatasetConfig", name: str, words: "Vocabulary | None" = None) -> "DataFrame":
    """List the images of a folder as manifest rows; see :func:`cxrfactory.ingest.folder.rows.read_folder`."""
    from cxrfactory.ingest.folder.rows import read_folder

    return read_folder(settings, name, words)
