"""A source of images to measure, as the front door opens it."""

from collections.abc import Iterator
from dataclasses import dataclass

from cxrfactory.measure.items import Item


@dataclass(frozen=True)
class Source:
    """Images to measure, and their number where it is known beforehand."""

    items: Iterator[Item]
    count: int | None
