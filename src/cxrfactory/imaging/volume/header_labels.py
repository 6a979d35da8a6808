"""Names of label values in the headers of label volumes: Caret's LabelTable in NIfTI, the segments of 3D Slicer."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from xml.etree import ElementTree

_LARGEST_XML = 1 << 22  # bytes; a table of 1,000 labels has 150 kB
_SEGMENT = re.compile(r"Segment(\d+)_Name", re.ASCII)


class Segment(NamedTuple):
    """A segment of a ``.seg.nrrd`` file: its name, its value as text, the layer that holds it, and its tags."""

    name: str
    value: str
    layer: int
    tags: str = ""


def caret_labels(content: bytes) -> list[tuple[str, str]] | None:
    """Return value and name of each label in an extension of a NIfTI header (TotalSegmentator, Connectome Workbench).

    Parameters
    ----------
    content
        The extension: XML with a ``LabelTable`` of ``<Label Key="1">name</Label>``. Value 0, the background, is left
        out.

    Returns
    -------
    The labels; None if the extension is something else or cannot be read.
    """
    start = content.find(b"<")
    xml = content[max(start, 0) :].rstrip(b"\0 \r\n\t")
    # An XML that defines entities may expand to any size.
    if b"<LabelTable" not in xml or len(xml) > _LARGEST_XML or b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        return None
    try:
        labels = ElementTree.fromstring(xml).iter("Label")
        pairs = [(label.get("Key", "").strip(), (label.text or "").strip()) for label in labels]
    except (ElementTree.ParseError, ValueError):
        return None
    return [(value, name) for value, name in pairs if value != "0"] or None


def slicer_segments(fields: Mapping[str, str]) -> list[Segment]:
    """Return the segments of a ``.seg.nrrd`` header, in the order of their numbers.

    Parameters
    ----------
    fields
        Key and value pairs of the header: ``Segment0_Name``, ``Segment0_LabelValue``, ``Segment0_Layer``, ...

    Returns
    -------
    Segments that have a name and a value; files of before 2020 have no values.
    """
    found = []
    for number in sorted(int(match[1]) for key in fields if (match := _SEGMENT.fullmatch(key))):
        value, layer = fields.get(f"Segment{number}_LabelValue", ""), fields.get(f"Segment{number}_Layer", "0")
        if value and layer.isdigit():
            tags = fields.get(f"Segment{number}_Tags", "")
            found.append(Segment(fields[f"Segment{number}_Name"].strip(), value.strip(), int(layer), tags))
    return found
