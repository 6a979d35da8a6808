"""Table of how files store their films, beside a CheXmask table: ``NAME.films.csv``.

Masks and landmarks of the table have the pixels of the file, which may lie turned and need not be square.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.imaging.turns import ORIENTATIONS, USUAL
from cxrfactory.tables.chexmask_text import quoted

COLUMNS = ("image_id", "orientation", "row_mm", "column_mm")
SQUARE = 0.01  # largest difference of the sides of a pixel, as a share


@dataclass(frozen=True)
class StoredFilm:
    """How a file stores its film.

    Attributes
    ----------
    orientation
        Directions of its rows and columns (:mod:`cxrfactory.imaging.turns`).
    spacing_mm
        Distance of two rows and of two columns in mm; None where the file states none.
    """

    orientation: str = USUAL
    spacing_mm: tuple[float, float] | None = None


def is_square(spacing_mm: tuple[float, float]) -> bool:
    """Return whether pixels are so nearly square that angles and ratios can be measured."""
    row, column = spacing_mm
    return abs(row - column) <= SQUARE * max(row, column)


def film_line(image_id: str, film: StoredFilm) -> str:
    """Return the line of one image: the orientation as a number from 1 to 8, as in EXIF, and the spacing or nothing."""
    spacing = ("", "") if film.spacing_mm is None else tuple(repr(float(each)) for each in film.spacing_mm)
    return ",".join([quoted(image_id), str(ORIENTATIONS.index(film.orientation) + 1), *spacing]) + "\n"


def read_films(path: Path) -> dict[str, StoredFilm]:
    """Return the stored films of a table by image id.

    Raises
    ------
    CxrError
        If a column is missing, or a value is no number of an orientation or no spacing.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        found = {}
        for row in csv.DictReader(stream):
            try:
                number, *sides = (row[name] for name in COLUMNS[1:])
                spacing = (float(sides[0]), float(sides[1])) if any(sides) else None
                found[row["image_id"]] = StoredFilm(ORIENTATIONS[range(1, 9).index(int(number))], spacing)
            except (KeyError, TypeError, ValueError) as error:
                raise CxrError(f"{path}: row of image '{row.get('image_id')}': expected {', '.join(COLUMNS)}, with "
                               "orientation 1 to 8; segment the films again") from error  # fmt: skip
    return found
