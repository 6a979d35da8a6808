"""Names of the image files in an export: paths relative to the release's folder, or pictures written beside it."""

from pathlib import Path

from cxrfactory.export.chosen import ChosenImages
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import get_logger
from cxrfactory.products.opened import ProductImage
from cxrfactory.tables.file_names import file_stem

PICTURES = "images"  # folder of the pictures in an export

log = get_logger(__name__)


class ImageFiles:
    """Names of the files of a product's images.

    Parameters
    ----------
    chosen
        The chosen images.
    folder
        Folder of the export, into which each image is written as 8-bit PNG; None writes none.
    """

    def __init__(self, chosen: ChosenImages, folder: Path | None = None) -> None:
        self._product, self._folder = chosen.product, folder
        self._known: dict[str, dict[str, str]] = {}

    def name(self, image: ProductImage) -> str:
        """Return the relative path of an image's file, with ``/`` between names.

        With a folder of pictures, the image is written, and the path is relative to the folder of the export. Without
        one, the path is relative to the product's folder if the image is part of the product, else to the release's
        folder. If that is not known, the image id stands for the path, which is logged once for each release.

        Raises
        ------
        CxrError
            If a picture is to be written and the image cannot be read.
        """
        if self._folder is not None:
            return self._written(self._folder, image)
        if self._product.holds_images:
            return image.path().relative_to(self._product.folder).as_posix()
        return self._names(image.release).get(image.image_id, image.image_id)

    def _names(self, release: str) -> dict[str, str]:
        if release not in self._known:
            source = self._product.sources.get(release)
            if source is None:
                log.warning("%s: the folder of the release is not known; image ids stand for file names", release)
            self._known[release] = {} if source is None else source.names()
        return self._known[release]

    def _written(self, folder: Path, image: ProductImage) -> str:
        path = folder / PICTURES / image.release / f"{file_stem(image.image_id)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(image.image()))
        return path.relative_to(folder).as_posix()
