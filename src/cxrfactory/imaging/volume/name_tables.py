"""Parsing of tables of label values and names, in the forms that tools write, to rows (place, value, name).

Values and names are text here; :mod:`cxrfactory.imaging.volume.label_names` checks them.
"""

import csv
import json
import re
from typing import Any

from cxrfactory.errors import CxrError

Rows = list[tuple[str, str, str]]

# The first ones are ours; the others are written by 3D Slicer, TotalSegmentator and by hand.
_ID_COLUMNS = (
    "id",
    "value",
    "index",
    "label",
    "labelvalue",
    "label_value",
    "label value",
    "label_id",
    "label id",
    "idx",
)
_NAME_COLUMNS = ("name", "structure", "label", "label_name", "label name", "labelname")
_DELIMITERS = (",", ";", "\t", "|")
_OBJECT_IDS, _OBJECT_NAMES = (
    ("id", "value", "index", "label", "labelID"),
    ("name", "structure", "label", "SegmentLabel"),
)
_ITK_SNAP = re.compile(r'\s*(\d+)(?:\s+\d+){3}\s+[\d.]+\s+\d+\s+\d+\s+"(.*)"\s*')
_UNUSED_COLOUR = "(none)"  # 3D Slicer's name of a colour without a meaning


def table_rows(text: str, suffix: str, file: str) -> Rows:
    """Return the rows of a table whose header names a column of values and one of names.

    Parameters
    ----------
    text
        Content of the file.
    suffix
        Suffix of the file, which gives the delimiter if the header has none.
    file
        Name of the file, for messages.

    Raises
    ------
    CxrError
        If a column is missing, or a row has another number of cells than the header.
    """
    delimiter = _delimiter(text) or ("\t" if suffix == ".tsv" else ",")
    first, lines = _table_lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    header = _cells(next(reader, []))
    id_column, name_column = _columns(header)
    for found, wanted in ((id_column, _ID_COLUMNS[:4]), (name_column, _NAME_COLUMNS[:2])):
        if found is None:
            raise CxrError(f"{file}: columns {', '.join(header) or 'none'}; expected one called {' or '.join(wanted)}")
    rows = []
    numbered = enumerate(reader, start=first + 1)
    while True:
        try:
            number, row = next(numbered)
        except StopIteration:
            return rows
        except csv.Error as error:  # for example a cell of more than 131,072 characters
            raise CxrError(f"{file}: not readable as CSV ({error})") from error
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise CxrError(f"{file} row {number}: {len(row)} cells; expected {len(header)} as in the header")
        rows.append((f"row {number}", row[header.index(id_column)].strip(), row[header.index(name_column)].strip()))


def is_table(text: str) -> bool:
    """Return whether the first line of a text names a column of values and one of names."""
    return _delimiter(text) is not None


def json_rows(text: str, file: str) -> Rows:
    """Return the entries of a JSON object such as ``{"1": "spleen"}`` or ``{"spleen": 1}``.

    The object may be under the key ``labels`` (nnU-Net, Medical Segmentation Decathlon, MONAI), where a list of objects
    with a value and a name is read too.

    Raises
    ------
    CxrError
        If the text is no JSON, or an entry is not one value and one name, as in nnU-Net's regions of several values.
    """
    # Pairs are used instead of a dictionary, which would hide a key that occurs twice.
    try:
        items = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise CxrError(f"{file}: not readable as JSON ({type(error).__name__}: {str(error)[:80]})") from error
    if not isinstance(items, tuple):
        raise CxrError(f'{file}: expected an object such as {{"1": "spleen"}}')
    below = [value for key, value in items if key == "labels" and isinstance(value, tuple | list)]
    if len(below) > 1:
        raise CxrError(f"{file}: key 'labels' comes twice; expected it once")
    found = below[0] if below else items
    if isinstance(found, list):
        return [_object_row(place, value, file) for place, value in enumerate(found, start=1)]
    return [_entry(key, value, file) for key, value in found]


def colour_rows(text: str, file: str) -> Rows:
    """Return the rows of a colour table: 3D Slicer (``.ctbl``), FreeSurfer, or the label descriptions of ITK-SNAP.

    A row is ``value name red green blue alpha``, without the colour in short tables, or ``value red green blue alpha
    visible mesh "name"``. Lines that begin with ``#`` are comments.

    Raises
    ------
    CxrError
        If a row has another form.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith(("#", "//")):
            continue
        snap = _ITK_SNAP.fullmatch(line)
        value, name = snap.groups() if snap else (words[0], _colour_name(words, f"{file} row {number}"))
        if name != _UNUSED_COLOUR:
            rows.append((f"row {number}", value, name))
    return rows


def _colour_name(words: list[str], where: str) -> str:
    colours = 0
    while colours < len(words) - 1 and re.fullmatch(r"\d+(\.\d+)?", words[-1 - colours]):
        colours += 1
    name = " ".join(words[1 : len(words) - colours]).strip("\"'")
    if colours not in (0, 3, 4) or not name:
        raise CxrError(f"{where}: expected a value, a name without blanks, and red, green, blue and alpha")
    return name


def _entry(key: str, value: Any, file: str) -> tuple[str, str, str]:
    where = f"key '{key}'"
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise CxrError(
            f"{file} {where}: a region of {len(value)} values (nnU-Net's regions); expected one value a name, so name "
            "the values of the label volume in a table"
        )
    if isinstance(value, str):
        swapped = value.strip().isdigit() and not key.strip().isdigit()
        return (where, value.strip(), key) if swapped else (where, key, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return where, str(value), key
    raise CxrError(f"{file} {where}: expected a name or a whole number, found {_kind(value)}")


def _object_row(place: int, value: Any, file: str) -> tuple[str, str, str]:
    fields = dict(value) if isinstance(value, tuple) else {}
    number = next((fields[name] for name in _OBJECT_IDS if isinstance(fields.get(name), int | float)), None)
    name = next((fields[name] for name in _OBJECT_NAMES if isinstance(fields.get(name), str)), None)
    if number is None or name is None:
        raise CxrError(f"{file}: entry {place} of 'labels' has no value and name; expected both in each")
    return f"entry {place}", str(number), name


def _table_lines(text: str) -> tuple[int, list[str]]:
    """Return the number of the header's line, and the lines from there on; spreadsheets write ``sep=;`` before it."""
    lines = text.splitlines()
    above = next((n for n, line in enumerate(lines) if line.strip() and not line.lower().startswith("sep=")), 0)
    return above + 1, lines[above:]


def _delimiter(text: str) -> str | None:
    _, lines = _table_lines(text)
    for delimiter in _DELIMITERS:
        if None not in _columns(_cells(next(csv.reader(lines[:1], delimiter=delimiter), []))):
            return delimiter
    return None


def _columns(header: list[str]) -> tuple[str | None, str | None]:
    id_column = next((name for name in _ID_COLUMNS if name in header), None)
    return id_column, next((name for name in _NAME_COLUMNS if name in header and name != id_column), None)


def _cells(row: list[str]) -> list[str]:
    return [cell.strip().lower() for cell in row]


def _kind(value: Any) -> str:
    return {tuple: "an object", list: "a list", bool: "a truth value"}.get(type(value), "nothing")
