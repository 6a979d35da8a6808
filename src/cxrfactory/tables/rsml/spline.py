"""The curve that RootNav draws through its control points."""

import numpy as np

_STEP_PX = 2.0
_MOST_STEPS = 1000


def spline_points(control: np.ndarray, tension: float = 0.5) -> np.ndarray:
    """Return points on RootNav's curve, at most 2 pixels apart.

    The curve is a cardinal spline: between control points 1 and 2 it is the cubic that starts in the direction from
    control point 0 to 2 and ends in that from 1 to 3, both times ``(1 - tension) / 2``. Before the first control point
    and after the last one, RootNav reflects the neighbour.

    Parameters
    ----------
    control
        Control points, float64 [m, 2], (x, y) in pixels.
    tension
        1 gives straight lines and 0 the curve of Catmull and Rom; RootNav uses 0.5.

    Returns
    -------
    numpy.ndarray
        Points, float64 [n, 2]. All control points are among them, unchanged.
    """
    control = np.asarray(control, np.float64)
    if len(control) < 2:
        return control.copy()
    around = np.concatenate([2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]])
    pull = (1 - tension) / 2 * (around[2:] - around[:-2])
    pieces = [control[:1]]
    for place in range(len(control) - 1):
        start, end = control[place], control[place + 1]
        steps = min(max(int(np.ceil(np.hypot(*(end - start)) / _STEP_PX)), 1), _MOST_STEPS)
        at = np.arange(1, steps)[:, None] / steps
        inner = (
            (2 * at**3 - 3 * at**2 + 1) * start
            + (3 * at**2 - 2 * at**3) * end
            + (at**3 - 2 * at**2 + at) * pull[place]
            + (at**3 - at**2) * pull[place + 1]
        )
        pieces += [inner, control[place + 1 : place + 2]]
    return np.concatenate(pieces)
