"""Metrics of a network on labelled images: landmark MSE, and Dice, HD and HD95 by organ."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import nn

from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.anatomy.raster import fill_contour, landmarks_to_masks
from cxrfactory.anatomy.regions import contour_regions, region_of
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


@dataclass(frozen=True)
class Truth:
    """True mask of an organ in the frame, and the pixels about which it says nothing (None for no such pixels)."""

    mask: UInt8[np.ndarray, "FRAME FRAME"]
    ignored: Bool[np.ndarray, "FRAME FRAME"] | None = None


def true_masks(data: LabelledImages, index: int, names: Mapping[str, str]) -> dict[str, Truth]:
    """Return the true masks of one image in the frame: those drawn, and filled contours where nothing was drawn.

    Drawn masks are enlarged from the side of the network's input; a pixel belongs to a mask where the interpolated
    share is above a half.

    Parameters
    ----------
    data
        Images with their annotations.
    index
        Place of the image.
    names
        Region to the name of its organ in the result; other regions are left out.
    """
    contours = contour_regions(data.graph)
    found = {}
    for region, organ in names.items():
        drawn = data.regions[region].mask_of(index) if region in data.regions else None
        points = data.targets[index, contours[region]].astype(np.float64) if region in contours else None
        if drawn is not None:
            ignored = None if drawn[1] is None or not drawn[1].any() else _enlarged(drawn[1] * np.uint8(255)) > 0
            found[organ] = Truth((_enlarged(drawn[0]) > 127).astype(np.uint8), ignored)
        elif points is not None and np.isfinite(points).all():
            found[organ] = Truth(fill_contour(to_pixels(points, FRAME), FRAME, FRAME))
    return found


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
        add_masks(rows, landmarks_to_masks(found, data.graph, FRAME, FRAME), true_masks(data, index, names), distances)
    return means(rows)


def add_masks(rows: Rows, found: Masks, truth: Mapping[str, Truth], distances: bool) -> None:
    """Add the Dice of one image's organs, and of both lungs together, to ``rows``.

    With ``distances``, HD and HD95 in pixels are added too. Pixels about which the truth says nothing count as
    background of both masks. Where both masks are empty, nothing was compared and nothing is added.
    """
    if set(LUNGS) <= set(truth):
        both = [truth[organ] for organ in LUNGS]
        ignored = [each.ignored for each in both if each.ignored is not None]
        together = Truth(both[0].mask | both[1].mask, np.logical_or.reduce(ignored) if ignored else None)
        truth = {"lungs": together, **truth}
        found = {"lungs": found[LUNGS[0]] | found[LUNGS[1]], **found}
    for organ, true in truth.items():
        kept = np.uint8(1) if true.ignored is None else (~true.ignored).astype(np.uint8)
        mask, answer = true.mask * kept, found[organ] * kept
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
