"""Pictures of a heart sampled in a frame: the stack on the frame's grid, and each plane in directions of the frame."""

import cv2
import numpy as np
from jaxtyping import Float, Float32

from cxrfactory.models.hybridvnet.frame import Frame
from cxrfactory.models.hybridvnet.pictures import HeartPictures, Plane

FINEST_MM = 2.5  # pictures sampled more coarsely than this are first sampled finer, and then averaged
PLANE_FACTS = 7  # numbers that describe the place of a plane in the frame
# Direction, along the frame's axes, that lies on the right side of a sampled plane.
RIGHT = {"2ch": (0.0, 1.0, 0.0), "3ch": (0.7, 0.7, 0.0), "4ch": (1.0, 0.0, 0.0)}


def sample_stack(pictures: HeartPictures, frame: Frame, shape: tuple[int, int, int]) -> Float32[np.ndarray, "2 z h w"]:
    """Sample the stack on a grid that fills the frame.

    Between slices, grey values are interpolated; beyond the outer slices, the outer slice is repeated for half the
    distance of two slices.

    Parameters
    ----------
    pictures, frame
        Pictures, and the frame with the stack's normal as its third axis.
    shape
        Size of the grid along the third, the second and the first axis of the frame.

    Returns
    -------
    Grey values in [0, 1], and 1 where the stack has been imaged, else 0.
    """
    depth, height, width = shape
    fine = max(1, int(np.ceil(frame.side_mm / width / FINEST_MM)))
    slices = len(pictures.stack)
    heights = (pictures.origins_mm - frame.centre_mm) @ frame.axes[2] * frame.scale[2]
    order = np.argsort(heights)
    gap = np.diff(heights[order]).mean() if slices > 1 else frame.side_mm / depth
    wanted = ((np.arange(depth) + 0.5) / depth - 0.5) * frame.side_mm
    place = np.interp(wanted, heights[order], np.arange(slices))
    there = (wanted >= heights[order][0] - gap / 2) & (wanted <= heights[order][-1] + gap / 2)
    first, second = (_steps(frame, axis, size * fine) for axis, size in ((0, width), (1, height)))
    result = np.zeros((2, depth, height, width), np.float32)
    for row in np.flatnonzero(there):
        low = int(place[row])
        share = place[row] - low
        for index, weight in ((low, 1 - share), (min(low + 1, slices - 1), share)):
            if weight <= 1e-6:
                continue
            index = order[index]
            corner = frame.centre_mm + first[0] + second[0]
            there_mm = (pictures.across, pictures.down, pictures.spacing_mm)
            grey, inside = _sampled(
                pictures.stack[index], pictures.origins_mm[index], there_mm, corner, first[1], second[1],
                (height, width), fine,
            )  # fmt: skip
            result[0, row] += weight * grey
            result[1, row] += weight * inside
    return result


def sample_plane(
    plane: Plane, frame: Frame, side: int, view: str, side_mm: float
) -> tuple[Float32[np.ndarray, "2 side side"], Float32[np.ndarray, " facts"]]:
    """Sample a long-axis plane about the point that is nearest to the frame's centre, with the base on top.

    Parameters
    ----------
    plane, frame
        The plane, and the frame.
    side
        Number of rows and of columns.
    view
        Name of the view, which decides what is on the right (:data:`RIGHT`).
    side_mm
        Side of the sampled square inside the frame.

    Returns
    -------
    Grey values in [0, 1] with 1 where the plane has been imaged, and the place of the plane in the frame: its right
    and its upward direction along the frame's axes, and its distance from the centre, along right x up, as a share of
    the frame's side.
    """
    scale = np.asarray(frame.scale)
    normal = frame.axes @ np.cross(plane.across, plane.down) / scale
    normal /= np.linalg.norm(normal)
    up = np.array([0.0, 0.0, 1.0]) - normal[2] * normal
    if np.linalg.norm(up) < 1e-3:  # the plane is parallel to the short axis; any direction serves
        up = np.array([0.0, 1.0, 0.0]) - normal[1] * normal
    up /= np.linalg.norm(up)
    right = np.cross(up, normal)
    if right @ np.asarray(RIGHT[view]) < 0:
        right = -right
    normal = np.cross(right, up)  # its sign follows what is on the right, not how the plane was stored
    apart = normal @ (frame.axes @ (plane.origin_mm - frame.centre_mm) * scale)
    fine = max(1, int(np.ceil(side_mm / side / FINEST_MM)))
    step = side_mm / (side * fine)
    first = (side * fine - 1) / 2 * step
    along, downwards = (_in_patient(frame, step * each) for each in (right, -up))
    corner = frame.centre_mm + _in_patient(frame, apart * normal - first * right + first * up)
    grey, inside = _sampled(
        plane.pixels, plane.origin_mm, (plane.across, plane.down, plane.spacing_mm), corner, along, downwards,
        (side, side), fine,
    )  # fmt: skip
    return np.stack([grey, inside]), np.concatenate([right, up, [apart / frame.side_mm]]).astype(np.float32)


def _in_patient(frame: Frame, inside: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    return (inside / np.asarray(frame.scale)) @ frame.axes


def _steps(frame: Frame, axis: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, along an axis, the way from the centre to the first of so many cells, and from one cell to the next."""
    step = frame.side_mm / count / frame.scale[axis] * frame.axes[axis]
    return -(count - 1) / 2 * step, step


def _sampled(
    pixels: np.ndarray,
    origin_mm: np.ndarray,
    geometry: tuple[np.ndarray, np.ndarray, tuple[float, float]],
    corner: np.ndarray,
    along: np.ndarray,
    downwards: np.ndarray,
    size: tuple[int, int],
    fine: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Sample a picture at corner + column * along + row * downwards, linearly, and average ``fine`` x ``fine`` cells.

    Returns grey values in [0, 1], 0 outside the picture, and the share of each cell that is inside.
    """
    across, down, spacing = geometry
    directions = np.stack([across / spacing[0], down / spacing[1]])
    matrix = np.stack([directions @ along, directions @ downwards, directions @ (corner - origin_mm)], axis=1)
    height, width = size
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grey = cv2.warpAffine(pixels, matrix, (width * fine, height * fine), flags=flags)
    columns, rows = np.arange(width * fine), np.arange(height * fine)[:, None]
    x, y = (matrix[axis, 0] * columns + matrix[axis, 1] * rows + matrix[axis, 2] for axis in (0, 1))
    inside = (x >= -0.5) & (x <= pixels.shape[1] - 0.5) & (y >= -0.5) & (y <= pixels.shape[0] - 0.5)
    grey, inside = grey.astype(np.float32) / 255, inside.astype(np.float32)
    if fine > 1:
        grey, inside = (cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA) for each in (grey, inside))
    return grey, inside
