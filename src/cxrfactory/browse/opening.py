"""Open what a user names for the browser: a product's folder, measurements, or a CheXmask CSV."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from cxrfactory import products
from cxrfactory.browse.mapped import Mapped
from cxrfactory.browse.measures import BESIDE, Measures, holds_measurements
from cxrfactory.door.product import open_product
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.products.browsed import Browsed

log = get_logger(__name__)

BROWSING = "browsing"  # name of the module in a product's folder that shows the product


def open_browsed(target: Path, roots: Mapping[str, Path], images: Path | None) -> Browsed:
    """Open a product's folder, a folder of measurements or a CheXmask CSV; nothing in it is changed.

    Parameters
    ----------
    target
        Folder of a finished product or of measurements, or a CSV.
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
    if holds_measurements(target):
        from cxrfactory.browse.measured_folder import MeasuredFolder

        return MeasuredFolder(target, list(_beside(target, roots, images)), images)
    return _open_folder(target, roots, images)


def _beside(folder: Path, roots: Mapping[str, Path], images: Path | None) -> Iterator[Browsed]:
    """Open the finished products beside a folder, in the order of their names."""
    for path in sorted(folder.absolute().parent.iterdir()):
        if path.is_dir() and path != folder.absolute() and any(each.belongs(path) for each in _rooms()):
            try:
                yield _open_folder(path, roots, images)
            except CxrError as error:
                log.warning("%s is not shown: %s", path.name, error)


def _open_folder(folder: Path, roots: Mapping[str, Path], images: Path | None) -> Browsed:
    for module in _rooms():
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


def _rooms() -> Iterator[ModuleType]:
    """Return the modules that show a kind of product."""
    rooms = [info.name for info in iter_modules(products.__path__) if info.ispkg]
    inside = {name: [each.name for each in iter_modules([f"{products.__path__[0]}/{name}"])] for name in rooms}
    found = sorted(name for name, modules in inside.items() if BROWSING in modules)
    return (import_module(f"{products.__name__}.{room}.{BROWSING}") for room in found)


def _is_dataset(folder: Path, name: str) -> bool:
    try:
        open_product(folder, roots={name: folder})
    except CxrError:
        return False
    return True


def open_measures(target: Path, product: Browsed, folder: Path | None, mapped: Mapped) -> Measures | None:
    """Open the measurements of a product's images, or return None if there are none.

    Parameters
    ----------
    target
        What the user named.
    product
        The same, opened.
    folder
        Folder that ``measure`` wrote. By default, that is ``target`` itself or the folder ``measure`` beside it.
    mapped
        Where large arrays lie.

    Raises
    ------
    CxrError
        If ``folder`` is given and holds no measurements of these images.
    """
    if folder is not None:
        if not holds_measurements(folder):
            raise CxrError(f"--measure {folder}: holds no measurements; expected the folder that 'measure' wrote")
        found = Measures(folder, product.index, mapped)
        if not found.found():
            raise CxrError(
                f"--measure {folder}: holds none of the {len(product.index)} images of {target}; measure it first: "
                f"python -m cxrfactory measure {target} --output {folder}"
            )
        return found
    place = target if holds_measurements(target) else target.absolute().parent / BESIDE
    return Measures(place, product.index, mapped) if holds_measurements(place) else None
