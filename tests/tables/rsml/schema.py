"""The constraints of the schema of RSML (rsml.xsd), written out: the schema has no licence and is not kept here.

``faults`` returns what the schema would refuse. Only Python's own XML parser is used.
"""

import re
import xml.etree.ElementTree as ET
from datetime import datetime

DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
TIME = re.compile(r"-?[0-9]{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
ONCE, MAYBE, SOME, ANY = (1, 1), (0, 1), (1, None), (0, None)
METADATA = {
    **dict.fromkeys(("version", "unit", "resolution", "last-modified", "software", "user", "file-key"), ONCE),
    **dict.fromkeys(("property-definitions", "time-sequence", "image"), MAYBE),
}
# element: (children in their order or in any order, attributes: whether they are required)
SEQUENCES = {
    "scene": {"properties": MAYBE, "plant": SOME, "annotations": MAYBE},
    "plant": {"properties": MAYBE, "root": SOME, "annotations": MAYBE},
    "root": {"properties": MAYBE, "geometry": ONCE, "functions": MAYBE, "annotations": MAYBE, "root": ANY},
    "geometry": {"polyline": ONCE},
    "polyline": {"point": (2, None)},
    "functions": {"function": ANY},
    "function": {"sample": SOME},
    "annotations": {"annotation": ANY},
    "annotation": {"point": SOME, "value": ONCE, "software": ONCE},
    "property-definitions": {"property-definition": ANY},
}
IN_ANY_ORDER = {
    "rsml": {"metadata": ONCE, "scene": ONCE},
    "metadata": METADATA,
    "property-definition": {"label": ONCE, "type": ONCE, "unit": MAYBE, "default": MAYBE},
    "time-sequence": {"label": ONCE, "index": ONCE, "unified": ONCE},
    "image": {"name": MAYBE, "sha256": MAYBE, "captured": MAYBE},
}
ATTRIBUTES = {
    "plant": {"id": False, "label": False},
    "root": {"id": False, "label": False, "accession": False},
    "point": {"x": True, "y": True, "z": False},
    "sample": {"position": False, "value": True},
    "function": {"name": True, "domain": True, "origin": False},
    "annotation": {"name": False},
}
DECIMALS = {"x", "y", "z", "position", "value"}


def faults(text: str) -> list[str]:
    """Return the faults of an RSML file against the schema; none for a valid file."""
    return _of(ET.fromstring(text), "rsml")


def _of(element: ET.Element, name: str) -> list[str]:
    found = [] if element.tag == name else [f"{element.tag} instead of {name}"]
    known = ATTRIBUTES.get(name, {})
    found += [f"{name}: attribute {each}" for each in element.attrib if each not in known]
    found += [f"{name}: no attribute {each}" for each, needed in known.items() if needed and each not in element.attrib]
    found += [
        f"{name}: {each}={value!r}"
        for each, value in element.attrib.items()
        if each in DECIMALS and not DECIMAL.fullmatch(value.strip())
    ]
    if name == "properties":
        return found
    text = (element.text or "").strip()
    children = [child.tag for child in element]
    rules = SEQUENCES.get(name) or IN_ANY_ORDER.get(name)
    if rules is None:
        return found + ([f"{name}: children {children}"] if children else []) + _simple(name, text)
    if text or any((child.tail or "").strip() for child in element):
        found.append(f"{name}: text")
    found += [f"{name}: child {each}" for each in children if each not in rules]
    for each, (least, most) in rules.items():
        number = children.count(each)
        if number < least or (most is not None and number > most):
            found.append(f"{name}: {number} {each}")
    places = [list(rules).index(each) for each in children if each in rules]
    if name in SEQUENCES and places != sorted(places):
        found.append(f"{name}: order {children}")
    return found + [fault for child in element if child.tag in rules for fault in _of(child, child.tag)]


def _simple(name: str, text: str) -> list[str]:
    good = True
    if name == "resolution":
        good = bool(DECIMAL.fullmatch(text))
    elif name in ("last-modified", "captured"):
        good = bool(TIME.fullmatch(text)) and bool(datetime.fromisoformat(text))
    elif name == "index":
        good = bool(re.fullmatch(r"[+-]?[0-9]+", text))
    elif name == "unified":
        good = text in ("true", "false", "0", "1")
    return [] if good else [f"{name}: {text!r}"]
