"""End-diastole and end-systole by the table that M&Ms has above its folders, one row a case."""

import csv
from pathlib import Path

from cxrfactory.hearts.reading.info_file import InfoFile

_CASE, _ED, _ES = "External code", "ED", "ES"
_HIGHEST = 3  # folders above that of a case: Training/Labeled/A0S9V9
_WORDS = "dataset_information"


def table_ends(place: Path) -> InfoFile:
    """Return the images at end-diastole and end-systole of a case by the first table above its folder that has them.

    The table is a CSV file whose name holds ``Dataset_information`` and whose columns are ``External code``, ``ED`` and
    ``ES``; it counts the images from 0.

    Parameters
    ----------
    place
        Folder of a case; its name is the external code.
    """
    for folder in place.resolve().parents[:_HIGHEST]:
        for path in sorted(folder.glob("*.csv")):
            row = _row(path, place.name) if _WORDS in path.name.lower() else None
            if row is not None:
                ed, es = (int(row[name]) + 1 for name in (_ED, _ES))
                return InfoFile(ed, es, (f"end-diastole and end-systole are those of {path.name}",))
    return InfoFile()


def _row(path: Path, case: str) -> dict[str, str] | None:
    """Return the row of a case, or None without one that has whole numbers."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        if not {_CASE, _ED, _ES} <= set(rows.fieldnames or []):
            return None
        row = next((row for row in rows if (row[_CASE] or "").strip() == case), None)
    return row if row and all((row[name] or "").strip().isdigit() for name in (_ED, _ES)) else None
