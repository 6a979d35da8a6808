"""The releases that stand in :mod:`cxrfactory.ingest.releases`, found by looking; light to import.

A release is one module there with ``LAYOUT`` (:class:`~cxrfactory.ingest.layout.ReleaseLayout`), a function
``rows(tables, view_from_procedure)`` from its tables to manifest rows, and, where images may lie in several
places, ``locate(root, paths)``. No other file names a release.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from cxrfactory.errors import CxrError
from cxrfactory.ingest import releases
from cxrfactory.ingest.layout import ReleaseLayout

_MODULES: dict[str, ModuleType] = {}
for _info in sorted(iter_modules(releases.__path__), key=lambda info: info.name):
    _module = import_module(f"{releases.__name__}.{_info.name}")
    _MODULES[_module.LAYOUT.slug] = _module

LAYOUTS: dict[str, ReleaseLayout] = {slug: module.LAYOUT for slug, module in _MODULES.items()}


def layout(slug: str) -> ReleaseLayout:
    """Return the facts of a release.

    Raises
    ------
    CxrError
        If no release has that name.
    """
    if slug not in LAYOUTS:
        raise CxrError(f"release '{slug}' is unknown; expected one of {', '.join(LAYOUTS)}")
    return LAYOUTS[slug]


def module(slug: str) -> ModuleType:
    """Return the module of a release, with its ``rows`` and perhaps ``locate``."""
    return _MODULES[layout(slug).slug]
