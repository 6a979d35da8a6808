"""Registry of the release layouts, which are the modules in :mod:`cxrfactory.ingest.releases`; it imports quickly.

The module of a layout contains ``LAYOUT`` (:class:`~cxrfactory.ingest.layout.ReleaseLayout`) and a function
``rows(tables, view_from_procedure)``, which converts the release's tables to manifest rows. If images may be in several
folders, it also contains ``locate(root, paths)``. The layout of a folder of one's own has no tables that are known
beforehand: its module contains ``read(settings, name, words)`` instead of ``rows``. No other file of the ingest stage
names a release.
"""

from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from cxrfactory.errors import CxrError
from cxrfactory.ingest import releases
from cxrfactory.ingest.layout import ReleaseLayout

_MODULES: dict[str, ModuleType] = {}
for _info in sorted(iter_modules(releases.__path__), key=lambda info: info.name):
    _module = import_module(f"{releases.__name__}.{_info.name}")
    _MODULES[_module.LAYOUT.name] = _module

LAYOUTS: dict[str, ReleaseLayout] = {name: module.LAYOUT for name, module in _MODULES.items()}


def layout(name: str) -> ReleaseLayout:
    """Return the facts of a layout.

    Raises
    ------
    CxrError
        If no layout has that name; the message lists all names and the nearest one.
    """
    if name not in LAYOUTS:
        raise CxrError(f"layout '{name}' is unknown; {expected_layouts(name)}")
    return LAYOUTS[name]


def expected_layouts(name: str) -> str:
    """Return the end of an error message: all layouts, and the one with the name most similar to ``name``."""
    near = get_close_matches(name.lower(), LAYOUTS, n=1, cutoff=0.4)
    return f"expected one of {', '.join(LAYOUTS)}" + (f" (nearest: {near[0]})" if near else "")


def module(name: str) -> ModuleType:
    """Return the module of a layout, which has ``rows`` and optionally ``locate``, or else ``read``.

    Raises
    ------
    CxrError
        If no layout has that name.
    """
    return _MODULES[layout(name).name]
