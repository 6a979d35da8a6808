"""The layouts of reports that stand in :mod:`cxrfactory.ingest.reports.formats`, found by looking; light to import.

A layout is one module there with the function ``read(source, follow_links)`` from a source to
:class:`~cxrfactory.ingest.reports.found.Found` reports, readable or not; the module's name is the layout's.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from cxrfactory.errors import CxrError
from cxrfactory.ingest.reports import formats

if TYPE_CHECKING:
    from cxrfactory.ingest.reports.found import Found

NAMES: tuple[str, ...] = tuple(sorted(info.name for info in iter_modules(formats.__path__)))


def reader(name: str) -> "Callable[[Path, bool], Iterator[Found]]":
    """Return the reader of a layout.

    Raises
    ------
    CxrError
        If no layout of reports has that name.
    """
    if name not in NAMES:
        raise CxrError(f"layout '{name}' is unknown; expected one of {', '.join(NAMES)}")
    return import_module(f"{formats.__name__}.{name}").read
