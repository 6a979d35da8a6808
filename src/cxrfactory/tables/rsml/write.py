"""Writing of RSML files that follow the schema of the format; the same scene gives the same bytes.

Numbers are written so that reading gives exactly the same numbers, and without exponents, which the schema forbids.
"""

import math
import re
from datetime import datetime
from pathlib import Path

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.rsml.markup import escaped
from cxrfactory.tables.rsml.model import (
    Pairs,
    RootScene,
    RsmlAnnotation,
    RsmlFunction,
    RsmlMetadata,
    RsmlRoot,
)

NO_TIME = "1970-01-01T00:00:00"  # where a scene does not say when it was changed; the clock would change the bytes
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def rsml_text(scene: RootScene) -> str:
    """Return a scene as the text of an RSML file.

    Times that are not in the form of ISO 8601 become ``1970-01-01T00:00:00``, because the schema requires a time. All
    else is read back as it is here.

    Raises
    ------
    CxrError
        If the format cannot hold the scene: without plants, a plant without roots, a root with fewer than two points,
        a number that is not finite, a function without numbers, an annotation without points, a property whose name is
        no XML name, or a text with control characters.
    """
    if not scene.plants:
        raise CxrError("scene without plants; RSML requires at least one")
    writer = _Writer()
    writer.lines.append('<?xml version="1.0" encoding="UTF-8"?>')
    writer.lines.append("<rsml>")
    _metadata(writer, scene.metadata)
    writer.open("scene", 1)
    _properties(writer, scene.properties, 2)
    for plant in scene.plants:
        if not plant.roots:
            raise CxrError(f"plant '{plant.id}' has no roots; RSML requires at least one")
        writer.open("plant", 2, id=plant.id, label=plant.label)
        _properties(writer, plant.properties, 3)
        for root in plant.roots:
            _root(writer, root, 3)
        _annotations(writer, plant.annotations, 3)
        writer.close("plant", 2)
    _annotations(writer, scene.annotations, 2)
    writer.close("scene", 1)
    writer.lines.append("</rsml>")
    return "\n".join(writer.lines) + "\n"


def write_rsml(scene: RootScene, path: str | Path, durable: bool = True) -> None:
    """Write a scene as an RSML file (UTF-8), atomically; reading it back gives an equal scene.

    Parameters
    ----------
    scene
        What to write; texts have no blanks at their ends.
    path
        File to write.
    durable
        Whether to flush the file to the disk at once (:func:`cxrfactory.tables.atomic.atomic_path`).

    Raises
    ------
    CxrError
        Under the same conditions as :func:`rsml_text`; the message names the file.
    """
    try:
        text = rsml_text(scene)
    except CxrError as error:
        raise CxrError(f"{path}: {error}") from error
    write_bytes(path, text.encode("utf-8"), durable)


def decimal(number: float) -> str:
    """Return the shortest decimal text without an exponent that reads back as the same number.

    Raises
    ------
    CxrError
        If the number is infinite or not a number.
    """
    number = float(number)
    if not math.isfinite(number):
        raise CxrError(f"number {number}; expected a finite one")
    text = repr(number)
    return np.format_float_positional(number, unique=True, trim="0") if "e" in text else text


class _Writer:
    """Collects lines; checks and escapes all texts."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def open(self, name: str, depth: int, /, **attributes: str) -> None:
        given = "".join(f' {key}="{escaped(value, quoted=True)}"' for key, value in attributes.items())
        self.lines.append(f"{'  ' * depth}<{name}{given}>")

    def close(self, name: str, depth: int) -> None:
        self.lines.append(f"{'  ' * depth}</{name}>")

    def words(self, name: str, depth: int, text: str) -> None:
        self.lines.append(f"{'  ' * depth}<{name}>{escaped(text)}</{name}>")


def _metadata(writer: _Writer, metadata: RsmlMetadata) -> None:
    if not metadata.resolution > 0:
        raise CxrError(f"resolution {metadata.resolution}; expected a number of pixels per {metadata.unit} above 0")
    writer.open("metadata", 1)
    writer.words("version", 2, metadata.version)
    writer.words("unit", 2, metadata.unit)
    writer.words("resolution", 2, decimal(metadata.resolution))
    writer.words("last-modified", 2, _time(metadata.last_modified))
    writer.words("software", 2, metadata.software)
    writer.words("user", 2, metadata.user)
    writer.words("file-key", 2, metadata.file_key)
    if metadata.image is not None:
        writer.open("image", 2)
        writer.words("name", 3, metadata.image.name)
        if metadata.image.captured:
            writer.words("captured", 3, _time(metadata.image.captured))
        if metadata.image.sha256:
            writer.words("sha256", 3, metadata.image.sha256)
        writer.close("image", 2)
    if metadata.time_sequence is not None:
        writer.open("time-sequence", 2)
        writer.words("label", 3, metadata.time_sequence.label)
        writer.words("index", 3, str(metadata.time_sequence.index))
        writer.words("unified", 3, "true" if metadata.time_sequence.unified else "false")
        writer.close("time-sequence", 2)
    if metadata.definitions:
        writer.open("property-definitions", 2)
        for each in metadata.definitions:
            writer.open("property-definition", 3)
            writer.words("label", 4, each.label)
            writer.words("type", 4, each.type)
            for name in ("unit", "default"):
                if getattr(each, name):
                    writer.words(name, 4, getattr(each, name))
            writer.close("property-definition", 3)
        writer.close("property-definitions", 2)
    writer.close("metadata", 1)


def _time(text: str) -> str:
    """Return a text as XML's dateTime, which has seconds and at most six digits after them."""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return NO_TIME


def _properties(writer: _Writer, properties: Pairs, depth: int) -> None:
    if not properties:
        return
    writer.open("properties", depth)
    for name, text in properties:
        if not _NAME.fullmatch(name):
            raise CxrError(f"property '{name[:40]}'; expected a name of letters, digits, '_', '-' and '.'")
        writer.words(name, depth + 1, text)
    writer.close("properties", depth)


def _root(writer: _Writer, root: RsmlRoot, depth: int) -> None:
    if len(root.points) < 2:
        raise CxrError(f"root '{root.id}' has {len(root.points)} points; RSML requires at least two")
    kind = {"accession": root.accession} if root.accession else {}
    writer.open("root", depth, id=root.id, label=root.label, **kind)
    _properties(writer, root.properties, depth + 1)
    writer.open("geometry", depth + 1)
    writer.open("polyline", depth + 2)
    _points(writer, root.points, root.depths, depth + 3)
    writer.close("polyline", depth + 2)
    writer.close("geometry", depth + 1)
    if root.functions:
        writer.open("functions", depth + 1)
        for function in root.functions:
            _function(writer, function, depth + 2)
        writer.close("functions", depth + 1)
    _annotations(writer, root.annotations, depth + 1)
    for child in root.roots:
        _root(writer, child, depth + 1)
    writer.close("root", depth)


def _points(writer: _Writer, points: np.ndarray, depths: np.ndarray | None, depth: int) -> None:
    before = "  " * depth
    columns = [np.asarray(points, np.float64)] if depths is None else [points, np.asarray(depths)[:, None]]
    rows = np.hstack(columns)
    usual = depths is None and bool(np.isfinite(rows).all())
    for row in rows.tolist():
        text = f'{before}<point x="{row[0]!r}" y="{row[1]!r}"/>' if usual else ""
        if not usual or "e" in text:  # a third number, or one that Python writes with an exponent
            given = " ".join(f'{key}="{decimal(number)}"' for key, number in zip("xyz", row, strict=False))
            text = f"{before}<point {given}/>"
        writer.lines.append(text)


def _function(writer: _Writer, function: RsmlFunction, depth: int) -> None:
    if not len(function.values):
        raise CxrError(f"function '{function.name}' has no numbers; RSML requires at least one")
    writer.open("function", depth, name=function.name, domain=function.domain, origin=function.origin)
    places = [None] * len(function.values) if function.positions is None else function.positions.tolist()
    for place, value in zip(places, function.values.tolist(), strict=True):
        at = "" if place is None else f'position="{decimal(place)}" '
        writer.lines.append(f'{"  " * (depth + 1)}<sample {at}value="{decimal(value)}"/>')
    writer.close("function", depth)


def _annotations(writer: _Writer, annotations: tuple[RsmlAnnotation, ...], depth: int) -> None:
    if not annotations:
        return
    writer.open("annotations", depth)
    for each in annotations:
        if not len(each.points):
            raise CxrError(f"annotation '{each.name}' has no points; RSML requires at least one")
        name = {"name": each.name} if each.name else {}
        writer.open("annotation", depth + 1, **name)
        _points(writer, each.points, None, depth + 2)
        writer.words("value", depth + 2, each.value)
        writer.words("software", depth + 2, each.software)
        writer.close("annotation", depth + 1)
    writer.close("annotations", depth)
