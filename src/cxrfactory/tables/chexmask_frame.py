"""The frame of masks in a CheXmask table whose rows state no ``Height`` and ``Width``: that of preprocessed images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.tables.chexmask_columns import PREPROCESSED_SIDE
from cxrfactory.tables.landmark_text import NODE_COUNTS, parse_landmarks

if TYPE_CHECKING:
    import pandas as pd

_NONE = {"", "nan", "none", "null", "na", "<na>"}
_TOLERANCE = 4.0  # pixels between the outermost landmarks and the outermost pixels of the masks filled from them


def fill_sizes(
    path: Path, raw: "pd.DataFrame", rles: Sequence[str], first_row: int, faults: dict[int, str] | None = None
) -> tuple["pd.DataFrame", int]:
    """Fill in the size of rows in which both ``Height`` and ``Width`` are empty.

    Published subsets in the preprocessed resolution leave the two columns empty. The masks of such a row must fit into
    1024 x 1024 pixels, and lie there where the landmarks of the row are; a table in the original resolution that lost
    its sizes does not.

    Parameters
    ----------
    path
        Path of the table, for messages.
    raw
        Text cells of some rows, with all columns of the table.
    rles
        Columns with masks.
    first_row
        Number of the first row, from 1.
    faults
        Takes the rows that do not fit, by number; without it, the first of them is an error.

    Returns
    -------
    The rows, and the number of rows whose size was filled in.

    Raises
    ------
    CxrError
        If the masks or landmarks of a row do not fit.
    """
    empty = np.flatnonzero(_stated_by_none(raw))
    masks = [name for name in rles if name in raw.columns]
    points = "Landmarks" if "Landmarks" in raw.columns else None
    for place in empty:
        row = raw.iloc[place]
        fault = _fault([row[name] for name in masks], None if points is None else row[points], len(masks) == len(rles))
        if fault:
            said = (
                f"row {first_row + int(place)}: 'Height' and 'Width' are empty, and {fault}; expected a table in the "
                f"preprocessed resolution of {PREPROCESSED_SIDE} x {PREPROCESSED_SIDE} pixels, or both sizes"
            )
            if faults is None:
                raise CxrError(f"{path}: {said}")
            faults[first_row + int(place)] = said
    empty = np.array([place for place in empty if first_row + int(place) not in (faults or {})], np.int64)
    raw = raw.copy()
    raw.iloc[empty, [raw.columns.get_loc("Height"), raw.columns.get_loc("Width")]] = str(PREPROCESSED_SIDE)
    return raw, len(empty)


def states_no_size(raw: "pd.DataFrame") -> bool:
    """Return whether the first of some rows has the two columns of the size, and both empty."""
    return {"Height", "Width"} <= set(raw.columns) and bool(_stated_by_none(raw.iloc[:1]).any())


def _stated_by_none(raw: "pd.DataFrame") -> np.ndarray:
    none = [raw[name].str.strip().str.lower().isin(_NONE).to_numpy(bool) for name in ("Height", "Width")]
    return none[0] & none[1]


def _fault(rles: list[str], landmarks: str | None, all_organs: bool) -> str | None:
    """Return why masks and landmarks are not of the preprocessed frame, or None; text that is no RLE has no fault."""
    side = PREPROCESSED_SIDE
    boxes, over = [], False
    try:
        points = parse_landmarks(landmarks) if landmarks else None
    except CxrError:
        return None  # parsing gives the named error
    if points is not None and len(points) == NODE_COUNTS[0] and all_organs and not rles[-1]:
        rles = rles[:-1]  # a model of the lungs alone has no heart
    if any(rles) and not all(rles):
        return "so is a mask"  # as in the last row of a file that was cut
    for text in filter(None, rles):
        try:
            starts, lengths = np.array(text.split(), dtype=np.int64).reshape(-1, 2).T
        except ValueError:
            return None  # decoding gives the named error
        first, last = starts - 1, starts + lengths - 2
        if last.max(initial=0) >= side * side:
            return "a mask does not fit"
        over = over or bool((first // side != last // side).any())
        boxes.append(((first % side).min(), first.min() // side, (last % side).max(), last.max() // side))
    if points is None or len(boxes) < len(rles) or not all_organs:
        return "a mask has a run over the edge of the frame" if over else None
    points = points.clip(0, side - 1)  # masks end at the edge of the frame
    low, high = np.min([box[:2] for box in boxes], axis=0), np.max([box[2:] for box in boxes], axis=0)
    outermost = np.abs(np.concatenate([points.min(axis=0) - low, points.max(axis=0) - high]))
    return "the masks are not where the landmarks are" if outermost.max() > _TOLERANCE else None
