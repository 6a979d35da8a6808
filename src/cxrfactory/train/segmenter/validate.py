"""Metrics of a network on labelled images: landmark MSE, and Dice, HD and HD95 by organ."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from cxrfactory.anatomy.organs import BOTH_LUNGS, LUNGS
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.anatomy.regions import contour_regions, region_of
from cxrfactory.anatomy.truth import TrueMask, Truth, true_masks
from cxrfactory.metrics.distance import BoundaryDistances, surface_distances
from cxrfactory.metrics.landmarks import landmark_mse
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.inputs import to_pixels
from cxrfactory.train.data.images import LabelledImages

Rows = dict[str, dict[str, list[float]]]  # organ, metric, one value per image
Metrics = dict[str, dict[str, float]]  # organ, metric, mean over the images
Masks = Mapping[str, np.ndarray]
FRAME = 1024  # metrics are stated in pixels of this frame, as in the papers


def predict(network: nn.Module, data: LabelledImages, device: torch.device, batch_size: int = 8) -> np.ndarray:
    """Decode the landmarks of every image from the latent mean, as fractions of the side ``[n, nodes, 2]``."""
    was_training = network.training
    network.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(data.images), batch_size):
            batch = torch.from_numpy(data.images[start : start + batch_size]).to(device).unsqueeze(1).float() / 255
            found.append(network(batch)[0].float().cpu().numpy())
    network.train(was_training)
    return np.concatenate(found)


def truth_in_frame(data: LabelledImages, index: int, names: Mapping[str, str]) -> Truth:
    """Return the true masks of one image in the frame (:func:`cxrfactory.anatomy.truth.true_masks`).

    Drawn masks are enlarged from the side of the network's input; a pixel belongs to a mask where the interpolated
    share is above a half, and is ignored where a part of it is.

    Parameters
    ----------
    data
        Images with their annotations.
    index
        Place of the image.
    names
        Region to the name of its organ in the result; other regions are left out.
    """

    def drawn(region: str) -> TrueMask | None:
        found = data.regions[region].mask_of(index) if region in data.regions else None
        if found is None:
            return None
        mask = _enlarged(found[0]) > 127
        return TrueMask.known(mask) if found[1] is None else TrueMask(mask, _enlarged(found[1] * np.uint8(255)) == 0)

    points = to_pixels(data.targets[index].astype(np.float64), FRAME)
    contours = {region: points[where] for region, where in contour_regions(data.graph).items()}
    return true_masks(names, drawn, contours, FRAME)


def _enlarged(mask: UInt8[np.ndarray, "s s"]) -> UInt8[np.ndarray, "FRAME FRAME"]:
    import cv2

    return cv2.resize(mask, (FRAME, FRAME), interpolation=cv2.INTER_LINEAR)


def score(positions: Float[np.ndarray, "n nodes 2"], data: LabelledImages, distances: bool = True) -> Metrics:
    """Average the metrics of each organ over the images that annotate it, in a 1024 x 1024 frame.

    Parameters
    ----------
    positions
        Predicted landmarks of the data's graph, as fractions of the side.
    data
        Images with their annotations.
    distances
        Whether to compute HD and HD95 (in pixels) too; they take most of the time.

    Returns
    -------
    dict
        Organ (and ``lungs`` for both together) to metric to value. ``all`` holds the landmark MSE over the annotated
        nodes, if an image has any.
    """
    rows: Rows = {}
    names = {region_of(organ, data.graph.definition): organ for organ in data.graph.organs}
    for index, (predicted, target) in enumerate(zip(positions, data.targets, strict=True)):
        truth = to_pixels(target.astype(np.float64), FRAME)
        found = to_pixels(predicted.astype(np.float64), FRAME)
        there = np.isfinite(truth).all(axis=1)
        if there.any():
            rows.setdefault("all", {"mse": []})["mse"].append(landmark_mse(found[there], truth[there]))
        masks = landmarks_to_masks(found, data.graph, FRAME, FRAME)
        add_masks(rows, masks, truth_in_frame(data, index, names), distances)
    return means(rows)


def add_masks(rows: Rows, found: Masks, truth: Truth, distances: bool) -> None:
    """Add the Dice of one image's organs, and of both lungs together, to ``rows``.

    With ``distances``, HD and HD95 in pixels are added too. Pixels about which the truth says nothing count as
    background of both masks. Where both masks are empty, nothing was compared and nothing is added.
    """
    if set(LUNGS) <= set(truth):
        truth = {BOTH_LUNGS: truth[LUNGS[0]] | truth[LUNGS[1]], **truth}
        found = {BOTH_LUNGS: found[LUNGS[0]] | found[LUNGS[1]], **found}
    for organ, true in truth.items():
        answer, mask = true.compared_with(found[organ])
        if not mask.any() and not answer.any():
            continue
        values = rows.setdefault(organ, {})
        values.setdefault("dice", []).append(dice(answer, mask))
        if distances:
            between = BoundaryDistances(*surface_distances(answer, mask))
            values.setdefault("hd_px", []).append(between.hd)
            values.setdefault("hd95_px", []).append(between.hd95)


def means(rows: Rows) -> Metrics:
    """Average every organ's metrics over the images."""
    return {organ: {name: float(np.mean(each)) for name, each in values.items()} for organ, values in rows.items()}
