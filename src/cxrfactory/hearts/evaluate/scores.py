"""Score one mesh against the true one: distances of nodes, and masks in the short-axis slices."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.meshes.measured import LV, RV, WALL, Anatomy, cut
from cxrfactory.hearts.views import ImagePlane
from cxrfactory.metrics.distance import asd, hausdorff
from cxrfactory.metrics.mesh import mesh_errors

WHOLE = "all"  # name of the row of all nodes of the surfaces
CUT = (LV, WALL, RV)  # parts whose masks are compared, as in the paper
NODES = ("mae_mm", "distance_mm", "mse_mm2", "rmse_mm")
MASKS = ("dice", "hd_mm", "mcd_mm")


def node_scores(
    anatomy: Anatomy, found_mm: Float[np.ndarray, "nodes 3"], true_mm: Float[np.ndarray, "nodes 3"]
) -> dict[str, dict[str, float]]:
    """Compare the nodes of the surfaces of each part, and of all parts together.

    Returns
    -------
    By part: ``mae_mm``, the mean absolute error of a coordinate; ``distance_mm``, the mean distance of a node to its
    true place; ``mse_mm2``, the mean squared error of a coordinate; ``rmse_mm``, its root.
    """
    groups = {WHOLE: anatomy.filling.surface_nodes} | {
        name: np.unique(faces) for name, faces in anatomy.surfaces.items()
    }
    found = {name: mesh_errors(found_mm[nodes], true_mm[nodes]) for name, nodes in groups.items()}
    return {name: {measure: getattr(errors, measure) for measure in NODES} for name, errors in found.items()}


def mask_scores(
    anatomy: Anatomy,
    found_mm: Float[np.ndarray, "nodes 3"],
    true_mm: Float[np.ndarray, "nodes 3"],
    planes: Sequence[ImagePlane],
) -> dict[str, dict[str, float]]:
    """Compare the masks of both meshes in a short-axis stack.

    Returns
    -------
    By part: ``dice`` of all slices together; ``hd_mm`` and ``mcd_mm``, the Hausdorff distance and the mean distance of
    the contours, each the mean of the slices that both meshes reach. NaN if there is no such slice.
    """
    scores = {}
    for part in CUT:
        both = total = 0
        hd, mcd = [], []
        for plane in planes:
            found, true = (cut(each, anatomy.surfaces[part], plane) for each in (found_mm, true_mm))
            both += 2 * int((found & true).sum())
            total += int(found.sum()) + int(true.sum())
            if found.any() and true.any():
                spacing = (float(plane.spacing_mm[1]), float(plane.spacing_mm[0]))
                hd.append(hausdorff(found, true, spacing))
                mcd.append(asd(found, true, spacing))
        scores[part] = {
            "dice": both / total if total else np.nan,
            "hd_mm": float(np.mean(hd)) if hd else np.nan,
            "mcd_mm": float(np.mean(mcd)) if mcd else np.nan,
        }
    return scores
