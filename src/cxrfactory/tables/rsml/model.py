"""What an RSML file holds: plants, their roots as curves, and what was said about them.

Positions are pixels (x, y) of a picture, x to the right and y downwards. Objects cannot be changed; a changed copy is
made with :func:`dataclasses.replace`. They compare by value, arrays number by number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

Pairs = tuple[tuple[str, str], ...]


def _same(first: np.ndarray | None, second: np.ndarray | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second, equal_nan=True)


@dataclass(frozen=True, eq=False)
class RsmlFunction:
    """Numbers along a root, or over time.

    ``domain`` says what the numbers belong to: ``polyline`` (one number for each point of the root), ``uniform`` (at
    equal distances), ``length`` (at ``positions`` in pixels along the root) or another word, such as ``time``.
    ``values`` is float64 [n]; ``positions`` is float64 [n] or None. ``origin`` is ``base`` or ``tip``.
    """

    name: str
    domain: str
    values: np.ndarray
    positions: np.ndarray | None = None
    origin: str = "base"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RsmlFunction):
            return NotImplemented
        words = (self.name, self.domain, self.origin) == (other.name, other.domain, other.origin)
        return words and _same(self.values, other.values) and _same(self.positions, other.positions)

    __hash__ = None


@dataclass(frozen=True, eq=False)
class RsmlAnnotation:
    """A remark on a place of the picture; ``points`` is float64 [n, 2], (x, y) in pixels."""

    name: str
    points: np.ndarray
    value: str
    software: str = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RsmlAnnotation):
            return NotImplemented
        words = (self.name, self.value, self.software) == (other.name, other.value, other.software)
        return words and _same(self.points, other.points)

    __hash__ = None


@dataclass(frozen=True, eq=False)
class RsmlRoot:
    """One root: ``points`` is float64 [n, 2], (x, y) in pixels from the base to the tip.

    ``id`` is unique in its plant. ``parent`` is the id of the root on which this one grows, None for a root of first
    order; ``roots`` are the roots that grow on this one. ``depths`` is float64 [n], the third coordinate, or None.
    ``accession`` is the kind of root in the plant ontology, such as ``PO:0020127`` for a primary root.
    """

    id: str
    label: str
    points: np.ndarray
    parent: str | None = None
    roots: tuple["RsmlRoot", ...] = ()
    functions: tuple[RsmlFunction, ...] = ()
    properties: Pairs = ()
    annotations: tuple[RsmlAnnotation, ...] = ()
    accession: str = ""
    depths: np.ndarray | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RsmlRoot):
            return NotImplemented
        return _facts(self) == _facts(other) and _same(self.points, other.points) and _same(self.depths, other.depths)

    __hash__ = None


def _facts(root: RsmlRoot) -> tuple:
    words = (root.id, root.label, root.parent, root.accession, root.properties)
    return (*words, root.functions, root.annotations, root.roots)


@dataclass(frozen=True)
class RsmlPlant:
    """One plant, with its roots of first order; ``id`` is unique in the scene."""

    id: str
    label: str
    roots: tuple[RsmlRoot, ...]
    properties: Pairs = ()
    annotations: tuple[RsmlAnnotation, ...] = ()


@dataclass(frozen=True)
class RsmlImage:
    """The picture in which the roots were drawn; an empty text stands for what is not known."""

    name: str = ""
    captured: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class TimeSequence:
    """The place of a file in a sequence of files; ``unified`` says that ids are the same in all of them."""

    label: str
    index: int
    unified: bool = False


@dataclass(frozen=True)
class PropertyDefinition:
    """Type and unit of a property; an empty text stands for what is not given."""

    label: str
    type: str
    unit: str = ""
    default: str = ""


@dataclass(frozen=True)
class RsmlMetadata:
    """What a file says about itself. ``resolution`` is the number of pixels in one ``unit``.

    Where the scale is not known, ``unit`` is ``pixel`` and ``resolution`` is 1.
    """

    version: str = "1"
    unit: str = "pixel"
    resolution: float = 1.0
    last_modified: str = ""
    software: str = ""
    user: str = ""
    file_key: str = ""
    image: RsmlImage | None = None
    time_sequence: TimeSequence | None = None
    definitions: tuple[PropertyDefinition, ...] = ()


@dataclass(frozen=True)
class RootScene:
    """All that an RSML file holds."""

    metadata: RsmlMetadata
    plants: tuple[RsmlPlant, ...]
    properties: Pairs = field(default=())
    annotations: tuple[RsmlAnnotation, ...] = field(default=())


def walk(scene: RootScene) -> Iterator[tuple[RsmlPlant, RsmlRoot, int, RsmlRoot | None]]:
    """Iterate over all roots of a scene in the order of the file, each root before those that grow on it.

    Yields
    ------
    tuple
        The plant; the root; its order, 1 for a root that grows on the plant, 2 for a root that grows on such a root,
        and so on; and the root on which it grows, None for order 1.
    """
    for plant in scene.plants:
        waiting = [(root, 1, None) for root in reversed(plant.roots)]
        while waiting:
            root, order, parent = waiting.pop()
            yield plant, root, order, parent
            waiting.extend((child, order + 1, root) for child in reversed(root.roots))
