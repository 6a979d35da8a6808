"""Registry of the layouts of reports, which are the modules in :mod:`cxrfactory.ingest.reports.formats`.

The name of the module is the name of the layout. The module contains the function ``read(source, follow_links)``, which
yields the reports of a source, readable or not, as :class:`~cxrfactory.ingest.reports.found.Found`. Importing the
registry is fast.
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
    """Return the function ``read`` of a layout.

    Raises
    ------
    CxrError
        If no layout of reports has that name.
    """
    if name not in NAMES:
        raise CxrError(f"layout '{name}' is unknown; expected one of {', '.join(NAMES)}")
    return import_module(f"{formats.__name__}.{name}").read
