"""The layouts that stand in :mod:`cxrfactory.ingest.releases`, found by looking; light to import.

A layout is one module there with ``LAYOUT`` (:class:`~cxrfactory.ingest.layout.ReleaseLayout`), a function
``rows(tables, view_from_procedure)`` from its tables to manifest rows, and, where images may lie in several
places, ``locate(root, paths)``. No other file of the ingest stage names a release.
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
    """Say which layouts there are, and which of them is nearest to a name, for a message."""
    near = get_close_matches(name.lower(), LAYOUTS, n=1, cutoff=0.4)
    return f"expected one of {', '.join(LAYOUTS)}" + (f" (nearest: {near[0]})" if near else "")


def module(name: str) -> ModuleType:
    """Return the module of a layout, with its ``rows`` and perhaps ``locate``."""
    return _MODULES[layout(name).name]
