"""Comparison of a found root system with the true one: which roots match, and by how much their lengths differ.

A root is a polyline: float64 ``[n, 2]``, (x, y), in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from cxrfactory.errors import CxrError

COVERED = 0.7  # share of each root that lies near the other
TOLERANCE_PX = 5.0
_STEP = 0.5  # px between the points that stand for a root

Polyline = Float[np.ndarray, "n 2"]


@dataclass(frozen=True)
class RootMatches:
    """Roots that were matched one to one.

    Attributes
    ----------
    pairs
        Indices (found, true) of the matched roots, ascending.
    found, true
        Numbers of roots.
    found_length, true_length
        Summed lengths of all roots, in pixels.
    length_errors
        Length of the found root minus that of the true one, in pixels, for each pair.
    """

    pairs: list[tuple[int, int]]
    found: int
    true: int
    found_length: float
    true_length: float
    length_errors: Float[np.ndarray, " pairs"]

    @property
    def precision(self) -> float | None:
        """Share of the found roots that match; None if none was found."""
        return len(self.pairs) / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Share of the true roots that match; None if there is none."""
        return len(self.pairs) / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """Matched roots over the mean of the two numbers; None if there is no root at all."""
        return f1_of(len(self.pairs), self.found, self.true)


def f1_of(matched: int, found: int, true: int) -> float | None:
    """Compute F1, the harmonic mean of precision and recall, from counts; None if there is no root at all."""
    return 2 * matched / (found + true) if found + true else None


def match_roots(
    found: Sequence[Polyline], true: Sequence[Polyline], tolerance_px: float = TOLERANCE_PX, covered: float = COVERED
) -> RootMatches:
    """Match found roots to true roots, one to one.

    Two roots may match if at least the share ``covered`` of the length of each lies within ``tolerance_px`` of the
    other. Among these pairs, the sum of the smaller of the two shares is made as large as possible.

    Parameters
    ----------
    found, true
        Roots of one plant, or of one picture.
    tolerance_px
        Distance in pixels.
    covered
        Share in (0, 1].

    Raises
    ------
    CxrError
        If the tolerance is not positive, the share is outside (0, 1], or a root is no polyline.
    """
    if not tolerance_px > 0 or not 0 < covered <= 1:
        raise CxrError(f"tolerance {tolerance_px} px, share {covered}; expected more than 0, and a share in (0, 1]")
    scores = np.zeros((len(found), len(true)))
    ours, theirs = [_Sampled(root) for root in found], [_Sampled(root) for root in true]
    for row, one in enumerate(ours):
        for column, other in enumerate(theirs):
            if one.may_touch(other, tolerance_px):
                share = one.share_near(other, tolerance_px)
                if share >= covered:
                    share = min(share, other.share_near(one, tolerance_px))
                scores[row, column] = share if share >= covered else 0.0
    chosen = zip(*linear_sum_assignment(scores, maximize=True), strict=True)
    pairs = sorted((int(row), int(column)) for row, column in chosen if scores[row, column] > 0)
    return RootMatches(
        pairs=pairs,
        found=len(found),
        true=len(true),
        found_length=float(sum(root.length for root in ours)),
        true_length=float(sum(root.length for root in theirs)),
        length_errors=np.array([ours[row].length - theirs[column].length for row, column in pairs]),
    )


def pair_seeds(found_x: Float[np.ndarray, " found"], true_x: Float[np.ndarray, " true"]) -> dict[int, int]:
    """Pair found plants with true plants of one plate by the position of their seeds.

    A found plant belongs to the nearest true one, if it lies within half the distance of that plant to its nearest
    neighbour. If several found plants belong to one true plant, the nearest is taken. A plant without neighbours takes
    the nearest at any distance.

    Parameters
    ----------
    found_x, true_x
        Horizontal positions of the seeds, in pixels.

    Returns
    -------
    Index of the found plant by index of the true one; true plants without a found one are missing.
    """
    found_x, true_x = np.asarray(found_x, np.float64), np.asarray(true_x, np.float64)
    apart = np.abs(true_x[:, None] - true_x[None])
    np.fill_diagonal(apart, np.inf)
    limits = apart.min(axis=1, initial=np.inf) / 2
    pairs: dict[int, int] = {}
    distances = np.abs(found_x[:, None] - true_x[None])
    for plant in range(found_x.size if true_x.size else 0):
        nearest = int(distances[plant].argmin())
        if distances[plant, nearest] > limits[nearest]:
            continue
        if nearest not in pairs or distances[plant, nearest] < distances[pairs[nearest], nearest]:
            pairs[nearest] = plant
    return dict(sorted(pairs.items()))


class _Sampled:
    """A root as points that stand for equal pieces of its length, each in the middle of its piece."""

    def __init__(self, points: np.ndarray):
        points = np.asarray(points, np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
            raise CxrError(f"a root of shape {points.shape}; expected one or more finite points (x, y)")
        along = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
        self.length = float(along[-1])
        pieces = max(1, int(np.ceil(self.length / _STEP)))
        places = (np.arange(pieces) + 0.5) * self.length / pieces
        self.points = np.stack([np.interp(places, along, points[:, axis]) for axis in (0, 1)], axis=1)
        # The vertices belong to the target of distances, so that the ends are not half a piece short.
        self.tree = cKDTree(np.concatenate([self.points, points]))
        self.low, self.high = points.min(axis=0), points.max(axis=0)

    def may_touch(self, other: "_Sampled", tolerance: float) -> bool:
        return bool((self.low <= other.high + tolerance).all() and (other.low <= self.high + tolerance).all())

    def share_near(self, other: "_Sampled", tolerance: float) -> float:
        """Return the share of this root's length within a distance of the other."""
        distances, _ = other.tree.query(self.points, distance_upper_bound=tolerance + 1e-9)
        return float(np.isfinite(distances).mean())
