"""Sizes of pixels as they are given on the command line."""

from collections.abc import Iterable
from math import inf

from cxrfactory.errors import CxrError


def pixel_sizes(given: Iterable[str]) -> dict[str, float]:
    """Return the side of a pixel in mm by source, from texts ``SOURCE=MM``.

    Raises
    ------
    CxrError
        If a text has another form, a size is not above 0, or a source occurs twice.
    """
    found: dict[str, float] = {}
    for text in given:
        name, _, side = text.rpartition("=")
        try:
            value = float(side)
        except ValueError:
            value = 0.0
        if not name or name in found or not 0 < value < inf:
            raise CxrError(f"--pixel-mm: found '{text}'; expected SOURCE=MM with a size above 0, once for each source")
        found[name] = value
    return found
