"""Metrics of a network on labelled images: landmark MSE, and Dice, HD and HD95 by organ."""

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.metrics.distance import BoundaryDistances, surface_distances
from cxrfactory.metrics.landmarks import landmark_mse
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.inputs import to_pixels
from cxrfactory.train.data.images import LabelledImages

Rows = dict[str, dict[str, list[float]]]  # organ, metric, one value per image
Masks = dict[str, np.ndarray]
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


def _organs(masks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"lungs": masks["right_lung"] | masks["left_lung"], **masks}


def score(
    positions: Float[np.ndarray, "n nodes 2"],
    data: LabelledImages,
    graph: LandmarkGraph,
    distances: bool = True,
) -> dict[str, dict[str, float]]:
    """Average the metrics of each organ over the images that annotate it, in a 1024 x 1024 frame.

    Parameters
    ----------
    positions
        Predicted landmarks, as fractions of the side.
    data
        Images with their annotations.
    graph
        Landmark graph of the network.
    distances
        Whether to compute HD and HD95 (in pixels) too; they take most of the time.

    Returns
    -------
    dict
        Organ (and ``lungs`` for both together) to metric to value. ``all`` holds the landmark MSE.
    """
    rows: Rows = {"all": {"mse": []}}
    for predicted, target in zip(positions, data.targets, strict=True):
        truth = to_pixels(target.astype(np.float64), FRAME)
        found = to_pixels(predicted.astype(np.float64), FRAME)
        annotated = [organ for organ, where in graph.slices.items() if where.stop <= len(target)]
        part = LandmarkGraph(graph.name, tuple(annotated))
        rows["all"]["mse"].append(landmark_mse(found[: len(truth)], truth))
        truth_masks = _organs(landmarks_to_masks(truth, part, FRAME, FRAME))
        found_masks = _organs(landmarks_to_masks(found[: len(truth)], part, FRAME, FRAME))
        add_masks(rows, found_masks, truth_masks, distances)
    return means(rows)


def add_masks(rows: Rows, found: Masks, truth: Masks, distances: bool) -> None:
    """Add the Dice of one image's organs to ``rows`` and, with ``distances``, HD and HD95 in pixels."""
    for organ, mask in truth.items():
        values = rows.setdefault(organ, {})
        values.setdefault("dice", []).append(dice(found[organ], mask))
        if distances:
            between = BoundaryDistances(*surface_distances(found[organ], mask))
            values.setdefault("hd_px", []).append(between.hd)
            values.setdefault("hd95_px", []).append(between.hd95)


def means(rows: Rows) -> dict[str, dict[str, float]]:
    """Average every organ's metrics over the images."""
    return {organ: {name: float(np.mean(each)) for name, each in values.items()} for organ, values in rows.items()}
