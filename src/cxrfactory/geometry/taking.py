"""Take measurements one after the other, so that one that cannot be taken does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cxrfactory.geometry.measurement import Measurement, excluded
from cxrfactory.geometry.structures import MissingStructureError

Rule = Callable[[], tuple[Measurement, ...]]


def taken(names: tuple[str, ...], structures: tuple[str, ...], rule: Rule) -> Iterator[Measurement]:
    """Yield what a rule measures; where it lacks a structure, yield its names as excluded with the reason.

    Parameters
    ----------
    names
        Measurements that the rule gives, in order.
    structures
        Structures the rule needs.
    rule
        Function without arguments that returns the measurements.
    """
    try:
        yield from rule()
    except MissingStructureError as reason:
        yield from (excluded(name, str(reason), structures) for name in names)
