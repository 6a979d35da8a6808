"""Single rows of a CheXmask CSV by their place: masks, landmarks and size, without reading the rest of the file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.anatomy.organs import ORGAN_COLUMNS
from cxrfactory.errors import CxrError
from cxrfactory.tables.chexmask_columns import PREPROCESSED_SIDE
from cxrfactory.tables.csv_rows import CsvRows
from cxrfactory.tables.landmark_text import parse_landmarks

_POINTS, _MEAN, _SPREAD = "Landmarks", "Landmarks (Mean)", "Landmarks (Std)"


@dataclass(frozen=True)
class PublishedMasks:
    """Masks and landmarks of one row.

    Attributes
    ----------
    height, width
        Shape of the masks, pixels; 1024 where the row states none.
    rles
        RLE of each organ that has a mask.
    landmarks
        Points (x, y), float [nodes, 2], pixels of the masks; empty where the table has none.
    spread
        Standard deviation of each point, or None.
    """

    height: int
    width: int
    rles: dict[str, str]
    landmarks: Float[np.ndarray, "nodes 2"]
    spread: Float[np.ndarray, "nodes 2"] | None


class PublishedLines(CsvRows):
    """A CheXmask CSV, of any published variant, whose rows are read by their place.

    Parameters
    ----------
    path
        The file.
    starts
        Offsets of the rows, from :func:`cxrfactory.tables.csv_rows.row_starts`.
    id_column
        Name of the id column; by default the first.
    separator
        Character between cells.
    """

    def __init__(self, path: Path, starts: np.ndarray, id_column: str | None = None, separator: str = ",") -> None:
        super().__init__(path, starts, separator)
        self._id_column = id_column or (self.header[0] if self.header else "")

    def published(self, row: int, image_id: str, points: bool = True) -> PublishedMasks:
        """Return the masks and landmarks of one row; ``points`` is False where nobody needs the landmarks.

        Raises
        ------
        CxrError
            If the row is of another image, or a cell cannot be parsed.
        """
        cells = self.row(row)
        found = cells.get(self._id_column, "")
        if found != image_id:
            raise CxrError(
                f"{self.path.name}: row {row + 1} is of the image '{found}'; expected '{image_id}': the file was "
                "changed after it was indexed"
            )
        sizes = [_size(cells.get(name, "")) for name in ("Height", "Width")]
        text = cells.get(_POINTS) or cells.get(_MEAN) or ""
        landmarks = parse_landmarks(text) if points and text.strip() else np.zeros((0, 2), np.float32)
        spread = parse_landmarks(cells[_SPREAD]) if points and cells.get(_SPREAD, "").strip() else None
        rles = {organ: cells[column] for organ, column in ORGAN_COLUMNS.items() if cells.get(column, "").strip()}
        return PublishedMasks(sizes[0], sizes[1], rles, landmarks, spread)


def _size(text: str) -> int:
    try:
        number = float(text or PREPROCESSED_SIDE)
    except ValueError as error:
        raise CxrError(f"height or width '{text[:24]}'; expected a whole number of pixels") from error
    if number != number:
        return PREPROCESSED_SIDE
    if not number.is_integer() or not 1 <= number <= 1_000_000:
        raise CxrError(f"height or width '{text[:24]}'; expected a whole number of pixels")
    return int(number)
