"""The frame in which the network sees a heart and answers: a cube in the directions of the short-axis stack."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.models.hybridvnet.pictures import HeartPictures

# Usual direction from the left to the right ventricle in the patient: to the right, to the front, and a little to the
# feet. About it, the directions of virtual hearts have a standard deviation of 14 degrees in the plane of the slices.
TO_RIGHT_VENTRICLE = np.array([-0.83, -0.52, -0.20])
# Usual way from the left ventricle's axis to the mean of both ventricles, along the axes of a frame so turned.
BESIDE_AXIS_MM = np.array([14.3, 4.4, -3.3])
# Direction in which each long-axis plane cuts the slices, from the frame's first axis to its second, and what it may be
# off, in degrees. On virtual hearts the standard deviations are 13, 5 and 4; real planes are planned less alike.
_PLANE_TURNS = {"2ch": (110.0, 16.0), "3ch": (44.5, 10.0), "4ch": (-4.0, 10.0)}
_USUAL_SPREAD = 20.0
_LEAST = 0.05  # likelihood of a plane that fits nothing, such as one whose view was mistaken


@dataclass(frozen=True)
class Frame:
    """A cube in the patient.

    A position relative to the frame is 0.5 at the cube's centre and 0 or 1 at its sides, along the frame's axes (the
    paper's relative positional space).

    Attributes
    ----------
    centre_mm
        Centre of the cube.
    axes
        Unit vectors in rows: two in the plane of the short axis, and the one from the apex to the base.
    side_mm
        Side of the cube.
    scale
        Factors along the axes by which the heart is enlarged inside the frame; other than 1 in augmentation only.
    """

    centre_mm: Float[np.ndarray, " 3"]
    axes: Float[np.ndarray, "3 3"]
    side_mm: float
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def to_relative(self, positions_mm: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return positions relative to the frame."""
        return (np.asarray(positions_mm, float) - self.centre_mm) @ self.axes.T * self.scale / self.side_mm + 0.5

    def to_mm(self, relative: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Return the positions in the patient of positions relative to the frame."""
        inside = (np.asarray(relative, float) - 0.5) * self.side_mm / np.asarray(self.scale)
        return self.centre_mm + inside @ self.axes


def frame_of(pictures: HeartPictures, centre_mm: Float[np.ndarray, " 3"], side_mm: float, turn: float = 0.0) -> Frame:
    """Return the frame of a stack about a centre.

    Parameters
    ----------
    pictures
        Pictures whose stack gives the third axis.
    centre_mm
        Centre of the frame.
    side_mm
        Side of the frame.
    turn
        Angle in radians about the third axis by which the first two axes are turned. At 0, the first axis has the
        direction of the stack's rows.
    """
    base = pictures.to_base
    first = pictures.across - (pictures.across @ base) * base
    first = first / np.linalg.norm(first)
    second = np.cross(base, first)
    cosine, sine = np.cos(turn), np.sin(turn)
    axes = np.stack([cosine * first + sine * second, cosine * second - sine * first, base])
    return Frame(np.asarray(centre_mm, float), axes, side_mm)


def usual_turn(pictures: HeartPictures) -> float:
    """Return the turn (:func:`frame_of`) at which the first axis points to where the right ventricle usually lies.

    It is 0 if the stack lies across that direction.
    """
    straight = frame_of(pictures, pictures.centre_mm, 1.0)
    across, along = straight.axes[:2] @ TO_RIGHT_VENTRICLE
    return 0.0 if np.hypot(across, along) < 0.2 else float(np.arctan2(along, across))


def planned_turn(pictures: HeartPictures) -> float:
    """Return the most likely turn (:func:`frame_of`) by the usual direction and the long-axis planes.

    A plane gives a direction but not which of its ends is which; a plane that contradicts the others counts little.
    """
    turns = np.radians(np.arange(-180.0, 180.0, 0.5))
    straight = frame_of(pictures, pictures.centre_mm, 1.0)
    likely = _likelihood(turns - usual_turn(pictures), _USUAL_SPREAD, 2 * np.pi)
    for view, plane in pictures.long_axis.items():
        cut = np.cross(np.cross(plane.across, plane.down), straight.axes[2])
        if np.linalg.norm(cut) < 0.2:  # hardly a long-axis plane
            continue
        usual, spread = _PLANE_TURNS[view]
        found = np.arctan2(cut @ straight.axes[1], cut @ straight.axes[0]) - np.radians(usual)
        likely = likely + _likelihood(turns - found, spread, np.pi)
    return float(turns[np.argmax(likely)])


def _likelihood(apart: Float[np.ndarray, " n"], spread: float, period: float) -> Float[np.ndarray, " n"]:
    """Return the logarithm of the likelihood of errors in radians that are known but for whole periods."""
    nearest = np.degrees((apart + period / 2) % period - period / 2)
    return np.log(np.exp(-0.5 * (nearest / spread) ** 2) + _LEAST)


def planned_frame(pictures: HeartPictures, side_mm: float) -> Frame | None:
    """Return the frame of a heart from the places of its planes alone; None with fewer than two long-axis planes.

    Long-axis planes are planned through the long axis of the left ventricle. The centre of the ventricles lies beside
    the point where they meet the middle of the stack, by :data:`BESIDE_AXIS_MM`; on virtual hearts, its mean distance
    from the true centre is 8 mm.
    """
    planes = list(pictures.long_axis.values())
    if len(planes) < 2:
        return None
    normals = np.stack([pictures.to_base, *(np.cross(each.across, each.down) for each in planes)])
    places = np.stack([pictures.origins_mm.mean(0), *(each.origin_mm for each in planes)])
    middle = pictures.centre_mm
    # Parallel planes leave a direction open; the weak rows keep it at the middle of the field of view.
    rows = np.concatenate([normals, 0.05 * np.eye(3)])
    apart = np.concatenate([((places - middle) * normals).sum(1), np.zeros(3)])
    on_axis = middle + np.linalg.lstsq(rows, apart, rcond=None)[0]
    frame = frame_of(pictures, on_axis, side_mm, planned_turn(pictures))
    return Frame(on_axis + BESIDE_AXIS_MM @ frame.axes, frame.axes, side_mm)


def turn_of(
    inside: Float[np.ndarray, "n 3"], reference: Float[np.ndarray, "n 3"], used: Float[np.ndarray, " n"]
) -> float:
    """Return the angle about the third axis that turns the reference onto a mesh best.

    Parameters
    ----------
    inside
        Nodes along the axes of a frame, in mm.
    reference
        The same nodes of the template in its own frame, whose third axis runs from the apex to the base.
    used
        Weights of the nodes.
    """
    weights = used / used.sum()
    a = (reference - weights @ reference)[:, :2]
    b = (inside - weights @ inside)[:, :2]
    cross = weights @ (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return float(np.arctan2(cross, weights @ (a * b).sum(1)))
