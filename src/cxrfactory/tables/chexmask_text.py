"""The text of CheXmask tables: the header, the rows, and a file of a frame, as the published CSV files have them."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.chexmask_columns import PUBLISHED_COLUMNS
from cxrfactory.tables.landmark_text import landmark_text


def header_text(id_column: str) -> str:
    """Return the header line of the published format, with its line end."""
    return ",".join([quoted(id_column), *PUBLISHED_COLUMNS]) + "\n"


def row_text(
    image_id: str,
    dice_rca_mean: float | None,
    dice_rca_max: float | None,
    landmarks: np.ndarray,
    left_lung: str,
    right_lung: str,
    heart: str,
    height: int,
    width: int,
) -> str:
    """Return one line of the published format, with its line end.

    Parameters
    ----------
    image_id
        Image id of the release.
    dice_rca_mean, dice_rca_max
        Estimated Dice, written as the shortest text that gives the same float64; None if not estimated.
    landmarks
        Points (x, y) in whole pixels, [nodes, 2], in the frame of the masks.
    left_lung, right_lung, heart
        RLE of the organ's mask; empty if there is no mask.
    height, width
        Shape of the masks, pixels.

    Raises
    ------
    CxrError
        If a landmark is not a whole number.
    """
    dice = ["" if value is None or np.isnan(value) else repr(float(value)) for value in (dice_rca_mean, dice_rca_max)]
    masks = (left_lung, right_lung, heart)
    return (
        f'{quoted(image_id)},{dice[0]},{dice[1]},"{landmark_text(landmarks)}",'
        f"{masks[0]},{masks[1]},{masks[2]},{int(height)},{int(width)}\n"
    )


def write_chexmask(path: str | Path, frame: pd.DataFrame, id_column: str | None = None) -> None:
    """Write a frame from :func:`read_chexmask` as a CSV of the published format; the order of the rows is kept.

    Parameters
    ----------
    path
        CSV file to write; it is written atomically.
    frame
        Frame with ``image_id`` and the published columns; other columns are left out.
    id_column
        Name of the id column in the file; ``frame.attrs["id_column"]`` if it is not given.

    Raises
    ------
    CxrError
        If a column is missing or a landmark is not a whole number.

    Examples
    --------
    >>> table = cxr.read_chexmask(chexmask_csv)
    >>> good = table[table["Dice RCA (Mean)"] >= 0.7]
    >>> cxr.write_chexmask("good.csv", good, id_column="image_id")
    >>> len(cxr.read_chexmask("good.csv"))
    2
    """
    id_column = id_column or frame.attrs.get("id_column")
    if id_column is None:
        raise CxrError(f"{path}: the frame does not say its id column; give id_column, e.g. 'image_id'")
    missing = [name for name in ("image_id", *PUBLISHED_COLUMNS) if name not in frame.columns]
    if missing:
        raise CxrError(f"{path}: columns {missing} are missing from the frame; found {list(frame.columns)}")
    rows = zip(*(frame[name].tolist() for name in ("image_id", *PUBLISHED_COLUMNS)), strict=True)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(header_text(id_column))
        for row in rows:
            try:
                stream.write(row_text(*row))
            except CxrError as error:
                raise CxrError(f"{path}: image '{row[0]}': {error}") from error


def quoted(field: str) -> str:
    """Return a CSV field, quoted if it holds a comma, a quote or a line end, as pandas writes it."""
    if any(sign in field for sign in ',"\n\r'):
        return '"' + field.replace('"', '""') + '"'
    return field
