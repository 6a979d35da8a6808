"""The images of a finished product, to be measured."""

from collections.abc import Iterator
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.measure.items import FRONTAL_VIEWS, Item, check_view
from cxrfactory.measure.pixels import PICTURES
from cxrfactory.measure.source import Source
from cxrfactory.products.opened import ContouredImage, OpenedProduct, ProductImage, ReleaseSource
from cxrfactory.tables.parquet import read_table, stored_schema
from cxrfactory.tables.paths import path_inside


def product_items(product: OpenedProduct, manifests: str | Path | None) -> Source:
    """Return the images of a product.

    Parameters
    ----------
    product
        The opened product.
    manifests
        Folder of the manifests; by default that beside the product.
    """
    return Source(_items(product, manifests), len(product))


def _items(product: OpenedProduct, manifests: str | Path | None) -> Iterator[Item]:
    beside = product.folder.absolute().parent / "manifest" if manifests is None else Path(manifests)
    facts: dict[str, _ReleaseFacts] = {}
    for image in product:
        if image.release not in facts:
            dataset = product.dataset_of(image.release)
            facts[image.release] = _ReleaseFacts(dataset, beside, product.sources.get(image.release))
        yield _item(image, facts[image.release])


class _ReleaseFacts:
    """What the manifest of a release says about its images: their views, and the files of their films.

    Parameters
    ----------
    dataset
        Name of the release in the config.
    manifests
        Folder of the manifests.
    source
        Folder of the films, where it is known.
    """

    def __init__(self, dataset: str, manifests: Path, source: ReleaseSource | None) -> None:
        self.dataset, self._source = dataset, source
        manifest = manifests / f"{dataset}.parquet" if source is None else source.manifest
        self._views: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        if not manifest.is_file():
            return
        names = [name for name in ("image_id", "view", "path") if name in stored_schema(manifest).names]
        frame = read_table(manifest, columns=names)
        if "view" in names:
            self._views = dict(zip(frame["image_id"], frame["view"], strict=True))
        if source is not None and "path" in names:
            self._paths = dict(zip(frame["image_id"], frame["path"], strict=True))

    def view(self, image_id: str) -> str:
        """Return the view of a frontal film by the manifest; ``frontal`` where it says none of the known ones."""
        said = self._views.get(image_id)
        return said if said in FRONTAL_VIEWS else FRONTAL_VIEWS[0]

    def film(self, image_id: str) -> Path | None:
        """Return the file of a film whose header may state the pixel size; None for pictures and unknown places."""
        path = self._paths.get(image_id)
        if self._source is None or not isinstance(path, str) or path.lower().endswith(PICTURES):
            return None
        try:
            return path_inside(self._source.root, path, self._source.follow_links)
        except CxrError:
            return None


def _item(image: ProductImage, facts: _ReleaseFacts) -> Item:
    own_view, own_mm = getattr(image, "view", None), getattr(image, "pixel_mm", None)
    contoured = isinstance(image, ContouredImage)
    return Item(
        dataset=facts.dataset,
        image_id=image.image_id,
        view=facts.view(image.image_id) if own_view is None else check_view(own_view, image.image_id),
        height=image.height,
        width=image.width,
        rles=image.rles,
        landmarks=image.landmarks if contoured else None,
        spread=image.uncertainty if contoured else None,
        orientation=image.orientation,
        spacing_mm=None if own_mm is None else (own_mm, own_mm),
        film=facts.film(image.image_id) if own_mm is None else None,
        group="" if image.group_id == image.image_id else image.group_id,
    )
