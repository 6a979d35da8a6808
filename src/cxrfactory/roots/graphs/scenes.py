"""Root systems of plants as RSML scenes and as attributes of graphs: at one time, and over all times.

Positions are pixels (x, y) of the plate's first picture.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cxrfactory.geometry.roots.polyline import arc_lengths
from cxrfactory.geometry.roots.system import RootPath, name_key, order_of
from cxrfactory.roots.reading.times import time_in_name
from cxrfactory.tables.rsml.model import (
    PropertyDefinition,
    RootScene,
    RsmlFunction,
    RsmlImage,
    RsmlMetadata,
    RsmlPlant,
    RsmlRoot,
    TimeSequence,
)
from cxrfactory.tables.rsml.write import NO_TIME

# Kinds of roots in the plant ontology, as the examples of RSML give them.
_PRIMARY, _LATERAL = "PO:0020127", "PO:0020121"
_DEFINITIONS = (
    PropertyDefinition("hours", "real", "h"),
    PropertyDefinition("parent-node", "integer"),
    PropertyDefinition("order", "integer"),
)
_EMERGENCE = PropertyDefinition("emergence", "real", "h")
_FUNCTIONS = (PropertyDefinition("length", "real", "pixel"), PropertyDefinition("emergence_time", "real", "h"))


@dataclass(frozen=True)
class Moment:
    """One picture of a plate: its number, its hours since the first one, its file's name and its scale.

    ``mm_per_pixel`` is None where the scale is unknown. ``captured`` is the time in the file's name (ISO 8601), an
    empty text without one.
    """

    plate: str
    frame: int
    hours: float
    picture: str
    mm_per_pixel: float | None
    captured: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Moment":
        """Return the moment of a row of ``ROOT_FRAMES``."""
        scale = row["mm_per_pixel"]
        known = scale is not None and scale == scale
        path = Path(row["path"])
        time = time_in_name(path.stem) if row["time_source"] == "name" else None
        return cls(
            plate=row["plate"],
            frame=int(row["frame"]),
            hours=float(row["hours"]),
            picture=path.name,
            mm_per_pixel=float(scale) if known else None,
            captured="" if time is None else time.isoformat(),
        )


@dataclass
class Growth:
    """One root over time: hours and lengths in pixels in the order of time, and the root as it was last seen."""

    first_frame: int
    hours: array = field(default_factory=lambda: array("d"))
    lengths: array = field(default_factory=lambda: array("d"))
    last: RootPath | None = None

    def add(self, hours: float, root: RootPath) -> None:
        """Add the root as the next picture shows it."""
        self.hours.append(hours)
        self.lengths.append(root.length)
        self.last = root


def scene_at(plant: str, moment: Moment, roots: Sequence[RootPath]) -> RootScene:
    """Return a plant at one time.

    Each root has the properties ``parent-node`` (number of the parent's point where the root begins, -1 for a root from
    the seed) and ``order`` (1 for a root from the seed). The plant has the property ``hours``, the time since the
    plate's first picture. The ids of roots are their names and are the same at all times.
    """
    metadata = _metadata(plant, moment, f"{moment.plate}/{plant}/{moment.frame}", _DEFINITIONS)
    return RootScene(metadata, (_plant(plant, moment, _nested(roots, {})),))


def scene_of_plate(moment: Moment, plants: Mapping[str, Sequence[RootPath]]) -> RootScene:
    """Return all plants of a picture as one scene; the id of a root is the plant's name, a dash and the root's name."""
    metadata = _metadata("", moment, moment.plate, _DEFINITIONS)
    scene = [
        _plant(plant, moment, tuple(_of_plant(plant, root) for root in _nested(roots, {})))
        for plant, roots in plants.items()
    ]
    return RootScene(replace(metadata, time_sequence=None), tuple(scene))


def _of_plant(plant: str, root: RsmlRoot) -> RsmlRoot:
    parent = None if root.parent is None else f"{plant}-{root.parent}"
    below = tuple(_of_plant(plant, each) for each in root.roots)
    return replace(root, id=f"{plant}-{root.id}", parent=parent, roots=below)


def scene_over_time(plant: str, moment: Moment, growths: Mapping[str, Growth]) -> RootScene:
    """Return a plant over all times, as RSML's functions of time.

    A root is drawn as it was last seen. Its property ``emergence`` is the hour of the first picture that shows it. It
    has two functions: ``length`` (domain ``time``: length in pixels at hours since the plate's first picture) and
    ``emergence_time`` (domain ``polyline``: for each point, the hour at which the root first was that long, linear
    between pictures).

    Parameters
    ----------
    plant
        The plant's name.
    moment
        The last picture that shows the plant.
    growths
        Name of each root to its growth.
    """
    metadata = _metadata(plant, moment, f"{moment.plate}/{plant}", (*_DEFINITIONS, _EMERGENCE, *_FUNCTIONS))
    roots = _nested([growth.last for growth in growths.values()], growths)
    return RootScene(metadata, (_plant(plant, moment, roots),))


def reached_at(points: np.ndarray, hours: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the hour at which a root first was long enough to reach each of its points.

    Parameters
    ----------
    points
        Points of the root as it was last seen, float64 [m, 2].
    hours, lengths
        Times in ascending order, and the lengths of the root at these times, float64 [n].

    Returns
    -------
    numpy.ndarray
        Hours, float64 [m], linear between two times. Points that the first time shows have its hour.
    """
    longest, arcs = np.maximum.accumulate(lengths), arc_lengths(points)
    after = np.minimum(np.searchsorted(longest, arcs), len(longest) - 1)  # the first time that is long enough
    before = np.maximum(after - 1, 0)
    grown = longest[after] - longest[before]
    share = np.clip(np.divide(arcs - longest[before], grown, out=np.ones_like(arcs), where=grown > 0), 0, 1)
    return hours[before] + share * (hours[after] - hours[before])


def _plant(plant: str, moment: Moment, roots: tuple[RsmlRoot, ...]) -> RsmlPlant:
    # Hours are a property of the plant: CPlantBox takes the first child of a scene for the plant.
    return RsmlPlant(plant, plant, roots, (("hours", repr(moment.hours)),))


def _metadata(plant: str, moment: Moment, key: str, definitions: tuple[PropertyDefinition, ...]) -> RsmlMetadata:
    scaled = moment.mm_per_pixel is not None
    return RsmlMetadata(
        unit="mm" if scaled else "pixel",
        resolution=1 / moment.mm_per_pixel if scaled else 1.0,
        last_modified=moment.captured or NO_TIME,
        software="cxrfactory",
        file_key=key,
        image=RsmlImage(moment.picture, moment.captured),
        time_sequence=TimeSequence(f"{moment.plate}/{plant}", moment.frame, True),
        definitions=definitions,
    )


def _nested(roots: Iterable[RootPath], growths: Mapping[str, Growth]) -> tuple[RsmlRoot, ...]:
    """Return the roots from the seed with all that grow on them; a root goes on the parent that is there."""
    named = {root.name: root for root in sorted(roots, key=lambda each: name_key(each.name))}
    children: dict[str | None, list[RootPath]] = {}
    for root in named.values():
        children.setdefault(root.parent, []).append(root)

    def build(root: RootPath) -> RsmlRoot:
        node = _parent_node(root, named.get(root.parent))
        facts = [("parent-node", str(node)), ("order", str(order_of(root.name) + 1))]
        functions: tuple[RsmlFunction, ...] = ()
        if root.name in growths:
            hours, lengths = np.array(growths[root.name].hours), np.array(growths[root.name].lengths)
            facts.append(("emergence", repr(float(hours[0]))))
            functions = (
                RsmlFunction("length", "time", lengths, hours),
                RsmlFunction("emergence_time", "polyline", reached_at(root.points, hours, lengths)),
            )
        return RsmlRoot(
            id=root.name,
            label="primary" if root.parent is None else "lateral",
            points=root.points,
            parent=root.parent,
            roots=tuple(build(child) for child in children.get(root.name, ())),
            functions=functions,
            properties=tuple(facts),
            accession=_PRIMARY if root.name == "1" else "" if root.parent is None else _LATERAL,
        )

    return tuple(build(root) for root in children.get(None, ()))


def _parent_node(root: RootPath, parent: RootPath | None) -> int:
    if parent is None:
        return -1
    return int(np.argmin(((parent.points - root.points[0]) ** 2).sum(1)))


def graph_of(
    moment: Moment,
    plant: str,
    nodes: Iterable[Mapping[str, Any]],
    edges: Iterable[Mapping[str, Any]],
    first_frames: Mapping[str, int],
) -> tuple[dict[int, dict], list[tuple[int, int, dict]], dict]:
    """Return nodes, edges and facts of a plant's graph at one time, as :func:`~cxrfactory.tables.rsml.graphml_text`.

    Parameters
    ----------
    moment, plant
        The picture and the plant.
    nodes, edges
        Rows of ``ROOT_NODES`` and ``ROOT_EDGES`` of the plant at that time.
    first_frames
        Name of each root to the first picture that shows it.

    Returns
    -------
    Nodes have ``kind``, ``root``, ``x``, ``y`` and ``first_frame``: the first picture that shows the plant (seed), the
    root that ends there (tips) or the first of the laterals that begin there (bifurcation). Edges have ``edge``,
    ``root``, ``length_px`` and ``points`` (``x,y x,y ...``). Facts are plate, plant, frame, hours and, if it is known,
    ``mm_per_pixel``.
    """
    rows = sorted(edges, key=lambda row: row["edge"])
    begin: dict[int, set[str]] = {}
    for row in rows:
        begin.setdefault(int(row["start"]), set()).add(row["root"])
    made = {}
    for row in sorted(nodes, key=lambda each: each["node"]):
        number, root = int(row["node"]), row["root"]
        shown = {root}
        if row["kind"] == "seed":
            shown = set(first_frames)
        elif row["kind"] == "bifurcation":
            shown = begin.get(number, set()) - {root} or {root}
        made[number] = {
            "kind": row["kind"],
            "root": root,
            "x": float(row["x"]),
            "y": float(row["y"]),
            "first_frame": min(first_frames[each] for each in shown),
        }
    lines = [
        (
            int(row["start"]),
            int(row["end"]),
            {
                "edge": int(row["edge"]),
                "root": row["root"],
                "length_px": float(row["length_px"]),
                "points": " ".join(f"{x!r},{y!r}" for x, y in np.reshape(row["points"], (-1, 2)).tolist()),
            },
        )
        for row in rows
    ]
    facts = {"plate": moment.plate, "plant": plant, "frame": moment.frame, "hours": moment.hours}
    return made, lines, facts if moment.mm_per_pixel is None else facts | {"mm_per_pixel": moment.mm_per_pixel}
