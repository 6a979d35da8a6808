"""Reading of RSML files as the tools of the field write them.

RootNav, SmartRoot, RhizoScan, ArchiDART, CPlantBox and others differ in what they leave out and in how they spell what
they write. All that the format defines is kept; elements that it does not define are passed over.
"""

import math
from pathlib import Path

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.tables.rsml.markup import Element, parse
from cxrfactory.tables.rsml.model import (
    Pairs,
    PropertyDefinition,
    RootScene,
    RsmlAnnotation,
    RsmlFunction,
    RsmlImage,
    RsmlMetadata,
    RsmlPlant,
    RsmlRoot,
    TimeSequence,
)
from cxrfactory.tables.rsml.spline import spline_points
from cxrfactory.tables.rsml.units import scale_of

_LARGEST = 1e9  # pixels; a coordinate beyond this is a fault of the file
_TRUE = ("true", "1")


def read_rsml(path: str | Path) -> RootScene:
    """Read an RSML file.

    The points of a root are those of its ``polyline``. Where a root has only the control points of RootNav
    (``rootnavspline``), they are points on RootNav's curve through them. Ids that are missing or used twice are
    replaced by the place in the file, such as ``1.2`` for the second root of the first plant.

    Raises
    ------
    CxrError
        If the file cannot be read, is not RSML, or an element lacks what the format requires; the message names the
        file, the line and the element. A document type declaration is refused as well.
    """
    outermost = parse(path)
    if outermost.name != "rsml":
        raise CxrError(f"{path}: line {outermost.line}: element '{outermost.name}' is outermost; expected 'rsml'")
    scene = outermost.first("scene")
    if scene is None:
        raise CxrError(f"{path}: element 'rsml' has no 'scene'; expected one with the plants")
    if len(scenes := outermost.all("scene")) > 1:
        raise CxrError(f"{path}: line {scenes[1].line}: element 'scene' is the second one; expected one for each file")
    reader = _Reader(path)
    metadata = outermost.first("metadata")
    return RootScene(
        RsmlMetadata() if metadata is None else reader.metadata(metadata),
        reader.plants(scene),
        reader.properties(scene),
        reader.annotations(scene),
    )


class _Reader:
    """Turns elements into objects; errors name the file."""

    def __init__(self, path: str | Path) -> None:
        self.path = path

    def fault(self, element: Element, fault: str) -> CxrError:
        return CxrError(f"{self.path}: line {element.line}: element '{element.name}' {' '.join(fault.split())}")

    def number(self, element: Element, text: str | None, name: str, empty: bool = False) -> float:
        """Return a number; ``empty`` allows one that is not a number (nan)."""
        if text is None or not text.strip():
            raise self.fault(element, f"has no {name}; expected a number")
        try:
            number = math.inf if "_" in text else float(text)
        except ValueError:
            number = math.inf
        if not (abs(number) <= _LARGEST or (empty and math.isnan(number))):
            raise self.fault(element, f"has {name} '{text[:40]}'; expected a number within ±{_LARGEST:.0e}")
        return number

    def metadata(self, element: Element) -> RsmlMetadata:
        unit, resolution = scale_of(element.words("unit"), element.words("resolution"))
        image, sequence = element.first("image"), element.first("time-sequence")
        listed = element.first("property-definitions")
        listed = [] if listed is None else [each for each in listed.children if each.name.endswith("-definition")]
        return RsmlMetadata(
            version=element.words("version"),
            unit=unit,
            resolution=resolution,
            last_modified=element.words("last-modified"),
            software=element.words("software"),
            user=element.words("user"),
            file_key=element.words("file-key"),
            image=None if image is None else self.image(image),
            time_sequence=None if sequence is None else self.sequence(sequence),
            definitions=tuple(
                PropertyDefinition(*(each.words(name) for name in ("label", "type", "unit", "default")))
                for each in listed
            ),
        )

    def image(self, element: Element) -> RsmlImage:
        name = element.words("name") or element.words("label")
        return RsmlImage(name, element.words("captured"), element.words("sha256"))

    def sequence(self, element: Element) -> TimeSequence:
        index = element.words("index")
        try:
            place = int(index or "0")
        except ValueError:
            raise self.fault(element, f"has index '{index[:40]}'; expected a whole number") from None
        return TimeSequence(element.words("label"), place, element.words("unified").lower() in _TRUE)

    def plants(self, scene: Element) -> tuple[RsmlPlant, ...]:
        elements = scene.all("plant")
        return tuple(
            self.plant(element, name, place)
            for place, (element, name) in enumerate(zip(elements, _ids(elements, ""), strict=True), 1)
        )

    def plant(self, element: Element, name: str, place: int) -> RsmlPlant:
        tree = _Places(element, f"{place}")
        return RsmlPlant(
            name,
            element.attributes.get("label", "").strip(),
            tuple(self.root(child, tree, None) for child in element.all("root")),
            self.properties(element),
            self.annotations(element),
        )

    def root(self, element: Element, tree: "_Places", parent: str | None) -> RsmlRoot:
        points, depths = self.geometry(element)
        name = tree.ids[id(element)]
        functions = element.first("functions")
        return RsmlRoot(
            id=name,
            label=element.attributes.get("label", "").strip(),
            points=points,
            parent=parent,
            roots=tuple(self.root(child, tree, name) for child in element.all("root")),
            functions=()
            if functions is None
            else tuple(self.function(each) for each in functions.all("function") if each.all("sample")),
            properties=self.properties(element),
            annotations=self.annotations(element),
            accession=element.attributes.get("accession", element.attributes.get("poaccession", "")).strip(),
            depths=depths,
        )

    def geometry(self, root: Element) -> tuple[np.ndarray, np.ndarray | None]:
        element = root.first("geometry")
        if element is None:
            raise self.fault(root, "has no 'geometry'; expected one with a polyline or the spline of RootNav")
        line, spline = element.first("polyline"), element.first("rootnavspline")
        if line is not None and line.all("point"):
            return self.points(line)
        if spline is None or not spline.all("point"):
            raise self.fault(element, "has no points; expected a polyline or the spline of RootNav")
        control, _ = self.points(spline)
        tension = spline.attributes.get("tension")
        return spline_points(control, 0.5 if tension is None else self.number(spline, tension, "tension")), None

    def points(self, element: Element) -> tuple[np.ndarray, np.ndarray | None]:
        children = element.all("point")
        flat = [[self.number(child, _coordinate(child, key), key) for key in ("x", "y")] for child in children]
        deep = [_coordinate(child, "z") for child in children]
        depths = None
        if any(text is not None for text in deep):
            pairs = zip(children, deep, strict=True)
            depths = np.array([self.number(child, text, "z") for child, text in pairs], np.float64)
        return np.array(flat, np.float64).reshape(-1, 2), depths

    def function(self, element: Element) -> RsmlFunction:
        samples = element.all("sample")
        values = [self.number(each, each.attributes.get("value", each.text), "value", empty=True) for each in samples]
        places = [each.attributes.get("position") for each in samples]
        positions = None
        if any(text is not None for text in places):
            positions = np.array(
                [self.number(each, text, "position") for each, text in zip(samples, places, strict=True)], np.float64
            )
        words = {key: element.attributes.get(key, "").strip() for key in ("name", "domain", "origin")}
        return RsmlFunction(
            words["name"], words["domain"], np.array(values, np.float64), positions, words["origin"] or "base"
        )

    def properties(self, element: Element) -> Pairs:
        listed = element.first("properties")
        if listed is None:
            return ()
        return tuple(
            (child.written, child.text.strip() or child.attributes.get("value", "").strip())
            for child in listed.children
        )

    def annotations(self, element: Element) -> tuple[RsmlAnnotation, ...]:
        listed = element.first("annotations")
        if listed is None:
            return ()
        return tuple(
            RsmlAnnotation(
                each.attributes.get("name", "").strip(),
                self.points(each)[0],
                each.words("value"),
                each.words("software"),
            )
            for each in listed.all("annotation")
        )


def _coordinate(point: Element, key: str) -> str | None:
    """Return the text of a coordinate: of an attribute ``x`` or ``coord_x``, or of an element ``x``."""
    for name in (key, f"coord_{key}"):
        if name in point.attributes:
            return point.attributes[name]
    return point.words(key) or None


class _Places:
    """The ids of all roots of a plant, by element."""

    def __init__(self, plant: Element, name: str) -> None:
        elements: list[Element] = []
        places: list[str] = []
        self._collect(plant, name, elements, places)
        self.ids = {id(element): each for element, each in zip(elements, _unique(elements, places), strict=True)}

    def _collect(self, element: Element, name: str, elements: list[Element], places: list[str]) -> None:
        for place, child in enumerate(element.all("root"), 1):
            elements.append(child)
            places.append(f"{name}.{place}")
            self._collect(child, places[-1], elements, places)


def _ids(elements: list[Element], prefix: str) -> list[str]:
    return _unique(elements, [f"{prefix}{place}" for place in range(1, len(elements) + 1)])


def _unique(elements: list[Element], places: list[str]) -> list[str]:
    """Return the id of each element; its place where it has none or another one before it has the same."""
    given = [element.attributes.get("id", "").strip() for element in elements]
    taken = set(given)
    seen: set[str] = set()
    ids = []
    for name, place in zip(given, places, strict=True):
        if not name or name in seen:
            name = place
            while name in taken:
                name += "'"
            taken.add(name)
        seen.add(name)
        ids.append(name)
    return ids
