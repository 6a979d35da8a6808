"""Reading of name tables, which map the values of a label volume to structures."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError

_ID_COLUMNS = ("id", "value", "index", "label")
_NAME_COLUMNS = ("name", "structure", "label")
_LONGEST_NAME = 200
_BACKGROUND = ("background", "clear label")


def read_names(path: Path) -> dict[int, str]:
    """Read the names of label values, in increasing order of the values.

    Parameters
    ----------
    path
        CSV or TSV with a column of values (``id``, ``value``, ``index`` or ``label``) and a column of names (``name``
        or ``structure``; or ``label``, if that column does not hold the values), or JSON such as ``{"1": "spleen"}`` or
        ``{"spleen": 1}``. An entry for value 0 is ignored if its name is ``background`` or ``clear label``.

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
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CxrError(f"{path.name}: not readable as UTF-8 text ({error})") from error
    suffix = path.suffix.lower()
    if suffix == ".json":
        pairs = _json_pairs(text, path.name)
    elif suffix in (".csv", ".tsv"):
        pairs = _table_pairs(text, "\t" if suffix == ".tsv" else ",", path.name)
    else:
        raise CxrError(f"{path.name}: a name table by no known suffix; expected .csv, .tsv or .json")
    return _checked(pairs, path.name)


def _table_pairs(text: str, delimiter: str, file: str) -> list[tuple[str, str, str]]:
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    header = [cell.strip().lower() for cell in next(reader, [])]
    id_column = next((name for name in _ID_COLUMNS if name in header), None)
    name_column = next((name for name in _NAME_COLUMNS if name in header and name != id_column), None)
    for found, wanted in ((id_column, _ID_COLUMNS), (name_column, _NAME_COLUMNS[:2])):
        if found is None:
            raise CxrError(f"{file}: columns {', '.join(header) or 'none'}; expected one called {' or '.join(wanted)}")
    pairs = []
    rows = enumerate(reader, start=2)
    while True:
        try:
            number, row = next(rows)
        except StopIteration:
            return pairs
        except csv.Error as error:  # for example a cell of more than 131,072 characters
            raise CxrError(f"{file}: not readable as CSV ({error})") from error
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise CxrError(f"{file} row {number}: {len(row)} cells; expected {len(header)} as in the header")
        pairs.append((f"row {number}", row[header.index(id_column)].strip(), row[header.index(name_column)].strip()))


def _json_pairs(text: str, file: str) -> list[tuple[str, str, str]]:
    # Pairs are used instead of a dictionary, which would hide a key that occurs twice.
    try:
        items = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise CxrError(f"{file}: not readable as JSON ({type(error).__name__}: {str(error)[:80]})") from error
    if not isinstance(items, tuple):
        raise CxrError(f'{file}: expected an object such as {{"1": "spleen"}}')
    pairs = []
    for key, value in items:
        if isinstance(value, str):
            pairs.append((f"key '{key}'", key, value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs.append((f"key '{key}'", str(value), key))
        else:
            raise CxrError(f"{file} key '{key}': expected a name or a whole number, found {_kind(value)}")
    return pairs


def _checked(pairs: Iterable[tuple[str, str, str]], file: str) -> dict[int, str]:
    names: dict[int, str] = {}
    values: dict[str, int] = {}
    for where, written, name in pairs:
        if not (where.isprintable() and name.isprintable() and len(name) <= _LONGEST_NAME):
            raise CxrError(
                f"{file}: the name '{ascii(name[:40])[1:-1]}' is too long or holds unprintable signs; expected a name"
            )
        if not (written.isascii() and written.isdigit() and len(written) < 19) or int(written) > 65535:
            raise CxrError(
                f"{file} {where[:60]}: label value '{ascii(written[:40])[1:-1]}'; expected a whole number from 1 to "
                "65535"
            )
        value = int(written)
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


def _kind(value: Any) -> str:
    return {tuple: "an object", list: "a list", bool: "a truth value", float: "a decimal"}.get(type(value), "nothing")
