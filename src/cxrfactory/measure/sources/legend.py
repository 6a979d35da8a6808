"""Legends: the structures that values or colours of label maps mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.label_names import read_text
from cxrfactory.imaging.volume.name_tables import Rows, colour_rows, is_table, json_rows, table_rows
from cxrfactory.measure.sources.names import IGNORE

_COLOUR = re.compile(r"#([0-9a-f]{6})", re.IGNORECASE)
_WHOLE = re.compile(r"(\d{1,5})([.,]0*)?", re.ASCII)
_BACKGROUND = ("background", "clear label", IGNORE)
_COLOUR_TABLES = (".txt", ".ctbl", ".lut", ".label")


@dataclass(frozen=True)
class Legend:
    """Names of labels.

    Attributes
    ----------
    names
        Name by the value of a label (``1``), by its colour (``#ff0000``), or by the name that it has in a file. A label
        whose name is :data:`~cxrfactory.measure.sources.names.IGNORE` is left out.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def colours(self) -> dict[int, str]:
        """The keys that are colours, by red * 65536 + green * 256 + blue; empty if the legend is one of values."""
        return {int(key[1:], 16): key for key in self.names if _COLOUR.fullmatch(key)}


def read_legend(path: str | Path) -> Legend:
    """Read a legend.

    Parameters
    ----------
    path
        A table with the columns ``value`` and ``name`` (``.csv``, ``.tsv``), JSON (``{"1": "heart"}``, or nnU-Net's
        ``dataset.json``), label descriptions of ITK-SNAP (``.txt``), or a colour table of 3D Slicer (``.ctbl``). A
        value is a whole number, a colour such as ``#ff0000``, or the name of a label in the files.

    Raises
    ------
    CxrError
        If the file cannot be read, a value comes twice or has no name, or colours and other values are mixed.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a legend, such as a CSV of the columns value and name")
    names: dict[str, str] = {}
    for where, value, name in _rows(path):
        whole = _WHOLE.fullmatch(value)
        key = str(int(whole[1])) if whole else value.lower() if _COLOUR.fullmatch(value) else value
        at = f"{path.name} {where}"
        if not key or not name or not (key + name).isprintable():
            raise CxrError(f"{at}: value {key[:40]!a}, name {name[:40]!a}; expected both")
        if key == "0":
            if name.lower() not in _BACKGROUND:
                raise CxrError(f"{at}: value 0 is called {name[:40]!a}; 0 is the background, expected 1 and up")
            continue
        if key in names:
            raise CxrError(f"{at}: value {key[:40]!a} comes twice; expected it once")
        names[key] = name
    if not names:
        raise CxrError(f"{path.name}: no row; expected a value and a name in each")
    if 0 < len(Legend(names).colours) < len(names):
        raise CxrError(f"{path.name}: colours and other values; expected colours alone, or none")
    return Legend(names)


def _rows(path: Path) -> Rows:
    text, suffix = read_text(path), path.suffix.lower()
    if suffix == ".json":
        return json_rows(text, path.name)
    if suffix in _COLOUR_TABLES and not is_table(text):
        return colour_rows(text, path.name)
    return table_rows(text, suffix, path.name)
