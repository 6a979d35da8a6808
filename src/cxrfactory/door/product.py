"""Recognise finished products by their files, and open them for reading."""

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from cxrfactory import products
from cxrfactory.errors import CxrError
from cxrfactory.products.opened import OpenedProduct, ReleaseSource

READING = "reading"  # name of the module in a product's folder that opens the product


def open_product(
    folder: str | Path,
    roots: Mapping[str, str | Path] | None = None,
    manifests: str | Path | None = None,
) -> OpenedProduct:
    """Open a finished product for reading; no file is changed, and no table is read as a whole.

    Parameters
    ----------
    folder
        The product's folder, such as ``results/NAME``. The kind of product is recognised by its files.
    roots
        Folders of radiographs, by the dataset's name in the config or the release's name in the product. They are for
        products that hold masks but not the radiographs. By default, the folders in the product's ``config.yaml`` are
        used if they exist (relative paths start at the folder above the results).
    manifests
        Folder of the manifests, which hold the path of each image; by default ``manifest`` beside the product.

    Returns
    -------
    OpenedProduct
        The opened product has ``len(product)`` images. Iterating yields one object for each image, with ``masks``,
        ``scores``, ``image()`` and ``overlay()``. ``product[image_id]`` reads one image without the rest.
        ``product.accounts`` gives the kept, excluded and rejected rows of each release, whose sum is ``rows``.

    Raises
    ------
    CxrError
        If the folder is missing or not a product, or a root belongs to no dataset of the product.

    Examples
    --------
    >>> product = cxr.open_product(results)
    >>> len(product), product.accounts["demo"].rows
    (3, 7)
    >>> row = product["a"]
    >>> sorted(row.masks), round(row.scores["dice_rca_mean"], 2)
    (['heart', 'left_lung', 'right_lung'], 0.7)
    >>> [each.image_id for each in product]
    ['a', 'b', 'c']
    """
    folder = Path(folder)
    if folder.is_file():
        raise CxrError(
            f"{folder}: a file; expected the folder of a finished product, such as results/NAME. A CheXmask table "
            "works with 'browse', 'measure' and 'export coco'"
        )
    if not folder.is_dir():
        raise CxrError(f"{folder}: no such folder; expected a finished product")
    module = next((each for each in _readings() if each.belongs(folder)), None)
    if module is None:
        kinds = ", ".join(each.Opened.kind for each in _readings())
        raise CxrError(f"{folder}: not a product by its files; expected one of {kinds}")
    datasets = _datasets(folder)
    titles = {name: title for name, (title, _, _) in datasets.items()}
    sources = _sources(folder, datasets, dict(roots or {}), manifests)
    return module.Opened(folder, sources, titles)


def _readings() -> Iterator[ModuleType]:
    rooms = (info.name for info in iter_modules(products.__path__) if info.ispkg)
    inside = {name: [each.name for each in iter_modules([f"{products.__path__[0]}/{name}"])] for name in rooms}
    found = sorted(name for name, modules in inside.items() if READING in modules)
    return (import_module(f"{products.__name__}.{name}.{READING}") for name in found)


def _datasets(folder: Path) -> dict[str, tuple[str, Path, bool]]:
    """Return the datasets of the product's config: name in the product, folder, whether links may lead out of it.

    Only these keys are read, so that products of other versions, whose configs have other keys, can be opened too.
    """
    from cxrfactory.ingest.registry import LAYOUTS
    from cxrfactory.tables.key_values import parse_yaml

    path = folder / "config.yaml"
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"), path) if path.is_file() else None
    except UnicodeDecodeError as error:
        raise CxrError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    named = values.get("datasets") if isinstance(values, dict) else None
    datasets = {str(name): each for name, each in (named if isinstance(named, dict) else {}).items()}
    datasets = {name: each for name, each in datasets.items() if isinstance(each, dict)}
    layouts = Counter(str(each.get("layout") or name) for name, each in datasets.items())
    found = {}
    for name, each in datasets.items():
        layout = str(each.get("layout") or name)
        named_by_layout = layout in LAYOUTS and layouts[layout] == 1
        title = (LAYOUTS[layout].published_name if named_by_layout else None) or name
        root = folder.absolute().parent.parent / str(each.get("root", name))
        found[name] = (title, root, bool(each.get("follow_links")))
    return found


def _sources(
    folder: Path,
    datasets: Mapping[str, tuple[str, Path, bool]],
    roots: dict[str, str | Path],
    manifests: str | Path | None,
) -> dict[str, ReleaseSource]:
    """Return the locations of the releases' radiographs, by the release's name in the product."""
    tables = Path(manifests) if manifests is not None else folder.absolute().parent / "manifest"
    known = {name: (title, root, links) for name, (title, root, links) in datasets.items() if root.is_dir()}
    for given, root in roots.items():
        name = next((name for name, (title, _, _) in datasets.items() if given in (name, title)), None)
        if name is None:
            raise CxrError(f"roots: no dataset '{given}' in {folder}; found {', '.join(datasets) or 'none'}")
        if not Path(root).is_dir():
            raise CxrError(f"roots: {given}: {root}: no such folder")
        known[name] = (datasets[name][0], Path(root), datasets[name][2])
    return {
        title: ReleaseSource(root, tables / f"{name}.parquet", links)
        for name, (title, root, links) in known.items()
        if (tables / f"{name}.parquet").is_file()
    }
