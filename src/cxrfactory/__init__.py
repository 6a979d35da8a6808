"""cxrfactory: chest-radiograph releases and chest CT in, anatomy-labelled datasets out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cxrfactory import renamed

__version__ = "0.1.0"

_EXPORTS = {
    "read_chexmask": "cxrfactory.tables.chexmask",
    "rle_decode": "cxrfactory.tables.rle",
    "rle_encode": "cxrfactory.tables.rle",
}

__all__ = ["__version__", "read_chexmask", "rle_decode", "rle_encode"]

if TYPE_CHECKING:
    from cxrfactory.tables.chexmask import read_chexmask
    from cxrfactory.tables.rle import rle_decode, rle_encode


def __getattr__(name: str) -> Any:
    # Late, so that `--help` and a dry run import neither pandas nor numba.
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'cxrfactory' has no attribute '{name}'")


renamed.install()
