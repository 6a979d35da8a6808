"""The structures of one image: found by name, without specks, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from cxrfactory.geometry.runs import Runs

RIGHT_LUNG, LEFT_LUNG, HEART = "right lung", "left lung", "heart"
LUNGS = (RIGHT_LUNG, LEFT_LUNG)

Found = TypeVar("Found")

SPECK = 0.05  # components below this share of the largest one are dropped, as in docs/mask-to-landmarks.md
WHOLE = 0.8  # a structure is fragmented where its largest component holds less than this share of it


class MissingStructureError(Exception):
    """A measurement has no value; the message is its reason."""


class Structures:
    """Masks of one image, cleaned on first use.

    Parameters
    ----------
    masks
        Structure's name -> runs; an empty mask counts as missing.
    """

    def __init__(self, masks: Mapping[str, Runs]) -> None:
        """Keep the masks; nothing is computed yet."""
        self._masks = masks
        self._clean: dict[str, Runs] = {}
        self._largest: dict[str, float] = {}
        self._groups: dict[tuple[str, ...], Runs] = {}
        self._once: dict[str, object] = {}

    def has(self, name: str) -> bool:
        """Return whether the structure has a pixel."""
        return name in self._masks and not self._masks[name].empty

    def present(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return those of the names that have a pixel, in their order."""
        return tuple(name for name in names if self.has(name))

    def get(self, name: str) -> Runs:
        """Return a structure without its specks.

        Raises
        ------
        MissingStructureError
            If the structure has no pixel.
        """
        if name not in self._clean:
            if not self.has(name):
                raise MissingStructureError(f"There is no mask of the {name}.")
            parts = self._masks[name].components()
            kept = [part for part in parts if part.area >= SPECK * parts[0].area]
            self._largest[name] = parts[0].area / self._masks[name].area
            self._clean[name] = self._masks[name] if len(kept) == len(parts) else kept[0].union(kept[1:])
        return self._clean[name]

    def whole(self, name: str) -> Runs:
        """Return a structure without its specks, unless it is in pieces.

        Raises
        ------
        MissingStructureError
            If the structure has no pixel, or its largest component holds less than ``WHOLE`` of it.
        """
        found = self.get(name)
        if self._largest[name] < WHOLE:
            raise MissingStructureError(
                f"The mask of the {name} is in pieces; the largest holds {self._largest[name]:.0%} of it."
            )
        return found

    def together(self, names: Sequence[str]) -> Runs:
        """Return the union of structures that must all be there.

        Raises
        ------
        MissingStructureError
            If one of them has no pixel.
        """
        key = tuple(names)
        if key not in self._groups:
            first, *others = (self.get(name) for name in names)
            self._groups[key] = first.union(others)
        return self._groups[key]

    def once(self, key: str, find: Callable[[], Found]) -> Found:
        """Return what a function finds, or raise why it finds nothing; the function runs once for each key.

        Raises
        ------
        MissingStructureError
            If the function raises it.
        """
        if key not in self._once:
            try:
                self._once[key] = find()
            except MissingStructureError as reason:
                self._once[key] = reason
        result = self._once[key]
        if isinstance(result, MissingStructureError):
            raise MissingStructureError(str(result))
        return result  # type: ignore[return-value]
