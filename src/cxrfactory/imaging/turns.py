"""The eight ways in which a frontal film can lie in its file, and the turn to the usual display and back.

An orientation has two letters: where the stored rows run to, and where the stored columns run to (``L`` and ``R`` of
the patient, ``H`` head, ``F`` feet). ``LF`` is the usual display: the patient's left is on the right, the feet below.
Turning moves pixels and never interpolates.
"""

import numpy as np
from jaxtyping import Float, Shaped

USUAL = "LF"
# In the order of the orientation numbers 1 to 8 of TIFF and EXIF (tag 274), by which tables store them.
ORIENTATIONS = ("LF", "RF", "RH", "LH", "FL", "FR", "HR", "HL")
_STEPS = {"L": (1, 0), "R": (-1, 0), "F": (0, 1), "H": (0, -1)}


def lies_on_its_side(orientation: str) -> bool:
    """Return whether the stored rows run along the body, so that turning exchanges rows and columns."""
    return orientation[0] in "HF"


def displayed(stored: Shaped[np.ndarray, "height width"], orientation: str) -> Shaped[np.ndarray, "rows columns"]:
    """Turn a stored image to the usual display; the result is a view of the input where that is possible.

    Examples
    --------
    >>> displayed(np.array([[1, 2], [3, 4]]), "RF").tolist()
    [[2, 1], [4, 3]]
    """
    image = stored.T if lies_on_its_side(orientation) else stored
    return image[:: -1 if "H" in orientation else 1, :: -1 if "R" in orientation else 1]


def stored(image: Shaped[np.ndarray, "rows columns"], orientation: str) -> Shaped[np.ndarray, "height width"]:
    """Turn a displayed image back to the way in which it is stored; the inverse of :func:`displayed`."""
    image = image[:: -1 if "H" in orientation else 1, :: -1 if "R" in orientation else 1]
    return image.T if lies_on_its_side(orientation) else image


def displayed_points(
    points: Float[np.ndarray, "*batch 2"], orientation: str, height: int, width: int
) -> Float[np.ndarray, "*batch 2"]:
    """Map points (x, y) of a stored image of ``height`` x ``width`` pixels to the displayed one."""
    points = np.asarray(points, np.float64)
    if lies_on_its_side(orientation):
        points, height, width = points[..., ::-1], width, height
    return _mirrored(points, orientation, height, width)


def stored_points(
    points: Float[np.ndarray, "*batch 2"], orientation: str, height: int, width: int
) -> Float[np.ndarray, "*batch 2"]:
    """Map points (x, y) of a displayed image to the stored one of ``height`` x ``width`` pixels."""
    points = np.asarray(points, np.float64)
    sideways = lies_on_its_side(orientation)
    points = _mirrored(points, orientation, *((width, height) if sideways else (height, width)))
    return points[..., ::-1] if sideways else points


def in_plane(orientation: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where stored rows and where stored columns run to, each as steps to the patient's left and to the feet.

    Examples
    --------
    >>> in_plane("FR")
    ((0, 1), (-1, 0))
    """
    row, column = (_STEPS[letter] for letter in orientation)
    return row, column


def stored_box(
    top: int, left: int, rows: int, columns: int, orientation: str, height: int, width: int
) -> tuple[int, int, int, int]:
    """Map a box of the displayed image to the stored one of ``height`` x ``width`` pixels.

    Returns
    -------
    Top, left, height and width of the box in the stored image, pixels.
    """
    corners = np.array([[left, top], [left + columns - 1, top + rows - 1]])
    found = stored_points(corners, orientation, height, width).astype(int)
    (x, y), (last_x, last_y) = found.min(axis=0), found.max(axis=0)
    return int(y), int(x), int(last_y - y + 1), int(last_x - x + 1)


def _mirrored(points: np.ndarray, orientation: str, height: int, width: int) -> np.ndarray:
    if orientation == USUAL:
        return points
    points = points.copy()
    if "R" in orientation:
        points[..., 0] = width - 1 - points[..., 0]
    if "H" in orientation:
        points[..., 1] = height - 1 - points[..., 1]
    return points
