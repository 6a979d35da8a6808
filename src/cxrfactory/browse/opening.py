"""Open what a user names for the browser: a product's folder, or a CheXmask CSV."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from cxrfactory import products
from cxrfactory.door.product import open_product
from cxrfactory.errors import CxrError
from cxrfactory.products.browsed import Browsed

BROWSING = "browsing"  # name of the module in a product's folder that shows the product


def open_browsed(target: Path, roots: Mapping[str, Path], images: Path | None) -> Browsed:
    """Open a product's folder or a CheXmask CSV; nothing in it is changed.

    Parameters
    ----------
    target
        Folder of a finished product, or a CSV.
    roots
        Folders of releases, by the dataset's name in the config or the release's name in the product.
    images
        Folder of radiographs whose names are image ids, for releases without another place.

    Raises
    ------
    CxrError
        If there is no such thing, or a folder does not exist.
    """
    for folder in (*roots.values(), *([] if images is None else [images])):
        if not folder.is_dir():
            raise CxrError(f"{folder}: no such folder; expected radiographs")
    if target.is_file():
        if roots:
            raise CxrError("--root: a table has no releases; name the folder of its radiographs by --images")
        from cxrfactory.browse.table_file import TableFile

        return TableFile(target, images)
    if not target.exists():
        raise CxrError(f"{target}: no such file or folder; expected a finished product or a CheXmask CSV")
    return _open_folder(target, roots, images)


def _open_folder(folder: Path, roots: Mapping[str, Path], images: Path | None) -> Browsed:
    rooms = [info.name for info in iter_modules(products.__path__) if info.ispkg]
    inside = {name: [each.name for each in iter_modules([f"{products.__path__[0]}/{name}"])] for name in rooms}
    for room in sorted(name for name, modules in inside.items() if BROWSING in modules):
        module = import_module(f"{products.__name__}.{room}.{BROWSING}")
        if module.belongs(folder):
            opened = open_product(folder)
            known = {*opened.sources, *map(opened.dataset_of, opened.sources)}
            in_config = {name: root for name, root in roots.items() if _is_dataset(folder, name)}
            if in_config:
                opened = open_product(folder, roots=in_config)
            # A root without the run's manifests is a folder to look in by image id.
            by_id = {name: root for name, root in roots.items() if name not in known}
            browsed = module.Browsing(opened, by_id | ({"": images} if images is not None else {}))
            browsed.folder, browsed.roots = folder, [f"{name}={root}" for name, root in in_config.items()]
            return browsed
    open_product(folder)  # says what was expected
    raise CxrError(f"{folder}: the browser does not know this kind of product")


def _is_dataset(folder: Path, name: str) -> bool:
    try:
        open_product(folder, roots={name: folder})
    except CxrError:
        return False
    return True
