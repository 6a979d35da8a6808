"""Landmarks as text: parsing, without ``eval``, of the three notations in CheXmask files, and writing of the first.

1. ``x,y,x,y,...`` (CheXmask, Preprocessed; CheXmask-U);
2. a JSON list of pairs, ``[[x, y], [x, y], ...]``, or of numbers;
3. a printed numpy array, ``[[x y]\\n [x y] ...]`` (CheXmask, OriginalResolution).

Points are (x, y) in pixels.
"""

import json
import re

import numpy as np
from jaxtyping import Float

from cxrfactory.anatomy.organs import NODE_COUNTS
from cxrfactory.errors import CxrError

_BRACKETS = re.compile(r"[\[\]]")
_PRINTED_PAIRS = re.compile(r"\s*\[\s*(\[\s*[^\s\[\],]+\s+[^\s\[\],]+\s*\]\s*)+\]\s*")
_PRINTED_FLAT = re.compile(r"\s*\[[^\[\],]*\]\s*")


def parse_landmarks(text: str) -> Float[np.ndarray, "nodes 2"]:
    """Parse the landmarks of one cell.

    Returns
    -------
    float32 points (x, y) in pixels, shape [nodes, 2] with 94, 120 or 166 nodes.

    Raises
    ------
    CxrError
        If the cell is empty, abbreviated (``...``) or in an unknown notation, holds a value that is not a finite
        number, or has another number of points.
    """
    if not text.strip():
        raise CxrError("landmarks are empty; expected 120 points")
    if "..." in text:
        raise CxrError("landmarks hold '...': numpy left numbers out when they were printed; get the full file")
    if "[" not in text and "]" not in text:
        values = _numbers(text.split(","))
    elif "," in text:
        values = _json_numbers(text)
    elif _PRINTED_PAIRS.fullmatch(text) or _PRINTED_FLAT.fullmatch(text):
        values = _numbers(_BRACKETS.sub(" ", text).split())
    else:
        raise CxrError(f"landmarks start with {text[:24]!r}; expected 'x,y,x,y,...', [[x, y], ...] or [[x y] ...]")
    if values.size not in [2 * count for count in NODE_COUNTS]:
        raise CxrError(f"landmarks hold {values.size} numbers; expected 240 (or 188, 332 for other graphs)")
    with np.errstate(over="ignore"):
        return _finite(values.astype(np.float32)).reshape(-1, 2)


def landmark_text(points: Float[np.ndarray, "nodes 2"]) -> str:
    """Write points in the published notation, ``x,y,x,y,...`` with whole numbers.

    Raises
    ------
    CxrError
        If a coordinate is not a whole number. Rounding is left to the caller.
    """
    flat = np.asarray(points).reshape(-1)
    whole = flat.astype(np.int64)
    if not np.array_equal(whole, flat):
        first = int(np.flatnonzero(whole != flat)[0])
        raise CxrError(
            f"landmark {first // 2} holds the coordinate {flat[first]}; CheXmask landmarks are whole pixels, "
            "round them first"
        )
    return ",".join(map(str, whole.tolist()))


def _numbers(tokens: list[str]) -> np.ndarray:
    try:
        if not all(map(_plain, tokens)):
            raise ValueError("what Python reads as a number and no file writes")
        values = np.array(tokens, dtype=np.float64)
    except ValueError:
        place = next((index for index, token in enumerate(tokens) if not _is_number(token)), 0)
        shown = ascii(tokens[place][:24])[1:-1]
        raise CxrError(f"landmarks: number {place + 1} is '{shown}'; expected a number") from None
    return _finite(values)


def _plain(token: str) -> bool:
    return token.isascii() and "_" not in token and "\0" not in token


def _json_numbers(text: str) -> np.ndarray:
    try:
        values = np.array(json.loads(text))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise CxrError(f"landmarks are no JSON list of (x, y) pairs ({type(error).__name__})") from None
    if values.dtype.kind not in "iuf":
        raise CxrError("landmarks are a JSON list that holds other than numbers of double precision")
    values = values.astype(np.float64)
    if not (values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 2)):
        raise CxrError(f"landmarks are a JSON list of shape {values.shape}; expected (120, 2)")
    return _finite(values.reshape(-1))


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        raise CxrError(f"landmarks: number {place + 1} is {values[place]}; expected a finite number")
    return values


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return _plain(token)
