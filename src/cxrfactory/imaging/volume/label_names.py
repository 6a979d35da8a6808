"""Reading of name tables, which map the values of a label volume to structures."""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.name_tables import colour_rows, is_table, json_rows, table_rows

_LONGEST_NAME = 200
_LARGEST_LABEL = 65535
_BACKGROUND = ("background", "clear label", "unknown", "unlabeled", "unlabelled", "???")
_TABLES, _COLOURS = (".csv", ".tsv"), (".ctbl", ".txt", ".lut", ".label")
_SUFFIXES = (*_TABLES, ".json", *_COLOURS)
# Tables that went through a spreadsheet or pandas hold whole numbers as decimals.
_WHOLE = re.compile(r"(\d{1,18})([.,]0*)?", re.ASCII)


def read_names(path: Path) -> dict[int, str]:
    """Read the names of label values, in increasing order of the values.

    Parameters
    ----------
    path
        One of these forms. A table (``.csv``, ``.tsv``; separated by comma, semicolon, tab or bar) with a column of
        values (``id``, ``value``, ``index`` or ``label``) and a column of names (``name`` or ``structure``; or
        ``label``, if that column does not hold the values). JSON such as ``{"1": "spleen"}`` or ``{"spleen": 1}``, also
        below the key ``labels`` (nnU-Net's ``dataset.json``). A colour table of 3D Slicer (``.ctbl``), FreeSurfer or
        ITK-SNAP (``.txt``). Values may be written as ``1.0``. An entry for value 0 is ignored if it names the
        background.

    Returns
    -------
    Name of each value, 1 to 65535.

    Raises
    ------
    CxrError
        If the file is missing or unreadable, a column is missing, a value is not an integer or out of range, value 0
        has another name, a value or a name occurs twice, or no value has a name.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path.name}: no such file; expected a table of label values and names")
    text, suffix = read_text(path), path.suffix.lower()
    if suffix == ".json":
        rows = json_rows(text, path.name)
    elif suffix in _TABLES or (suffix in _COLOURS and is_table(text)):
        rows = table_rows(text, suffix, path.name)
    elif suffix in _COLOURS:
        rows = colour_rows(text, path.name)
    else:
        raise CxrError(f"{path.name}: a name table by no known suffix; expected {', '.join(_SUFFIXES)}")
    return _checked(rows, path.name)


def header_names(pairs: Iterable[tuple[str, str]], file: str) -> dict[int, str]:
    """Check the names in the header of a label volume, and return them in increasing order of the values.

    Parameters
    ----------
    pairs
        Value and name of each label, as text; value 0 is ignored.
    file
        Name of the file, for messages.

    Raises
    ------
    CxrError
        If the names cannot be used; the message quotes none of them, because a header may hold any text.
    """
    try:
        return _checked((("", value, name) for value, name in pairs if value.strip() != "0"), file)
    except CxrError as error:
        raise CxrError(
            f"{file}: the table of names in its header cannot be used (a value or a name is missing, repeated or "
            "out of range); give a table of names"
        ) from error


def read_text(path: Path) -> str:
    """Return the text of a table.

    Raises
    ------
    CxrError
        If the file is not UTF-8 text.
    """
    try:
        data = path.read_bytes()
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise CxrError(f"{path.name}: not readable as UTF-8 text (it is UTF-16); save it as UTF-8")
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CxrError(f"{path.name}: not readable as UTF-8 text ({error}); save it as UTF-8") from error


def _checked(rows: Iterable[tuple[str, str, str]], file: str) -> dict[int, str]:
    names: dict[int, str] = {}
    values: dict[str, int] = {}
    for where, written, name in rows:
        if not (where.isprintable() and name.isprintable() and len(name) <= _LONGEST_NAME):
            raise CxrError(
                f"{file}: the name '{ascii(name[:40])[1:-1]}' is too long or holds unprintable signs; expected a name"
            )
        whole = _WHOLE.fullmatch(written)
        if whole is None or int(whole[1]) > _LARGEST_LABEL:
            raise CxrError(
                f"{file} {where[:60]}: label value '{ascii(written[:40])[1:-1]}'; expected a whole number from 1 to "
                f"{_LARGEST_LABEL}"
            )
        value = int(whole[1])
        if not name:
            raise CxrError(f"{file} {where}: label value {value} has no name")
        if value == 0:
            if name.lower() not in _BACKGROUND:
                raise CxrError(f"{file} {where}: value 0 is called '{name}'; 0 is the background, expected 1 and up")
            continue
        if value in names:
            raise CxrError(f"{file} {where}: label value {value} comes twice ('{names[value]}' and '{name}')")
        if name in values:
            raise CxrError(f"{file} {where}: '{name}' names two label values, {values[name]} and {value}")
        names[value], values[name] = name, value
    if not names:
        raise CxrError(f"{file}: no label value is named; expected at least one row")
    return dict(sorted(names.items()))
