"""Exact masks and soft profiles of roots: signed distances of pixels from lines with width."""

import numpy as np
from jaxtyping import Bool, Float, Float32

from cxrfactory.compiled import compiled

FAR_PX = 8.0  # distance from a root's edge to which distances are exact; beyond it they are this value


class RootField:
    """Signed distance of each pixel's centre from the edge of the nearest root, and that root's tone.

    Roots only grow, so each picture adds the new pieces alone.

    Attributes
    ----------
    distance
        Distance from the nearest root's edge, pixels, [row, column], negative inside; at most :data:`FAR_PX`.
    tone
        Tone of the nearest root at the nearest point, [row, column]; 0 farther than :data:`FAR_PX` from all roots.
    """

    def __init__(self, height: int, width: int) -> None:
        self.distance: Float[np.ndarray, "height width"] = np.full((height, width), FAR_PX)
        self.tone: Float32[np.ndarray, "height width"] = np.zeros((height, width), np.float32)

    def add(
        self, points: Float[np.ndarray, "points 2"], half_width: float, tones: Float[np.ndarray, " points"]
    ) -> None:
        """Add a piece of a root.

        Parameters
        ----------
        points
            Points (x, y) of the piece, pixels.
        half_width
            Half of its width, pixels.
        tones
            Tone at each point, float64 [points].
        """
        _add(self.distance, self.tone, points, float(half_width), tones)

    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Return the pixels whose centres lie within a root's half-width of its line, [row, column]."""
        return self.distance <= 0


@compiled
def _add(distance, tone, points, half, tones):  # type: ignore[no-untyped-def]
    height, width = distance.shape
    reach = half + FAR_PX
    for piece in range(len(points) - 1):
        x0, y0 = points[piece]
        dx, dy = points[piece + 1, 0] - x0, points[piece + 1, 1] - y0
        square = dx * dx + dy * dy
        left = max(0, int(np.floor(min(x0, x0 + dx) - reach)))
        right = min(width - 1, int(max(x0, x0 + dx) + reach) + 1)
        top = max(0, int(np.floor(min(y0, y0 + dy) - reach)))
        bottom = min(height - 1, int(max(y0, y0 + dy) + reach) + 1)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                share = 0.0
                if square > 0:
                    share = min(1.0, max(0.0, ((column - x0) * dx + (row - y0) * dy) / square))
                off = np.hypot(column - x0 - share * dx, row - y0 - share * dy) - half
                if off < distance[row, column]:
                    distance[row, column] = off
                    tone[row, column] = tones[piece] + share * (tones[piece + 1] - tones[piece])
