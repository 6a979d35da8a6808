"""Conversion of masks to the 44 + 50 + 26 corresponding landmarks by a small network on the contour.

The outer contour of a mask is sampled at 256 evenly spaced points (anatomy/contour_features.py). One residual network
of circular convolutions per organ predicts, for each node, a distribution over the samples. The node is placed at the
mean of its distribution; nodes keep their order, and every node lies on the border of the mask. The weights are learnt
from filled contours of the public landmark set (train/mask_landmarks.py) and stored in
``resources/mask_landmarks.npz``. The 23 + 23 nodes of clavicles need no network: the ends of the bone and the border
of the lung determine them (anatomy/clavicles.py).

The task is that of section 3 of Gaggion's thesis ("landmark annotations from dense segmentations"). The thesis trains
an image network on masks; here the network sees the contour alone, because a mask holds no other information.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float, Integer

from cxrfactory.anatomy.clavicles import clavicle_landmarks
from cxrfactory.anatomy.contour_features import FEATURES, Contour, context_distance, features, outer_contour
from cxrfactory.anatomy.organ_masks import main_part
from cxrfactory.anatomy.organs import CLAVICLES, ORGAN_NODES, ORGANS
from cxrfactory.errors import CxrError, ImageError

WIDTH = 24
KERNEL = 5
DILATIONS = (1, 2, 4, 8, 16, 32)  # together they cover the whole contour
MIN_GAP = 0.5  # smallest gap between neighbouring nodes as a share of its mean; 1 % of the expert gaps are below 0.6
# If a larger share of the heart lies inside the lungs, the lung masks include the part behind the heart (V7, CT). Then
# the borders of lungs and heart are no features of each other. The expert contours overlap by 2 % at most.
MAX_OVERLAP = 0.25
RESOURCE = "mask_landmarks.npz"


@dataclass(frozen=True)
class ContourModel:
    """Weights of one organ's network; each matrix maps the columns of its input to the columns of its output.

    Attributes
    ----------
    first, first_bias
        Layer from features to channels.
    blocks, block_biases
        One layer per dilation, from ``kernel * channels`` inputs (tap by tap) to channels.
    last, last_bias
        Layer from channels to nodes.
    fractions
        Mean position of each node as a fraction of the contour's length, from node 0.
    """

    first: Float[np.ndarray, "features width"]
    first_bias: Float[np.ndarray, " width"]
    blocks: Float[np.ndarray, "blocks taps width"]
    block_biases: Float[np.ndarray, "blocks width"]
    last: Float[np.ndarray, "width nodes"]
    last_bias: Float[np.ndarray, " nodes"]
    fractions: Float[np.ndarray, " nodes"]

    def logits(self, seen: Float[np.ndarray, "samples features"]) -> Float[np.ndarray, "samples nodes"]:
        """Return the logarithm of the unnormalised probability that a node lies at a sample."""
        x = np.maximum(seen @ self.first + self.first_bias, 0)
        reach = KERNEL // 2
        for dilation, matrix, bias in zip(DILATIONS, self.blocks, self.block_biases, strict=True):
            taps = [np.roll(x, -tap * dilation, axis=0) for tap in range(-reach, reach + 1)]
            x = x + np.maximum(np.concatenate(taps, axis=1) @ matrix + bias, 0)
        return x @ self.last + self.last_bias


def node_places(
    logits: Float[np.ndarray, "samples nodes"], fractions: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, " nodes"]:
    """Return the positions of the nodes as fractional sample indices, increasing from node 0.

    Each position is the mean of the node's distribution over the closed contour, which is cut opposite to the node's
    expected position. Isotonic regression then enforces the order: neighbours are at least ``MIN_GAP`` of their mean
    gap apart, and the last node does not overtake the first. Nodes with a smaller variance have a larger weight.
    """
    from scipy.optimize import isotonic_regression

    samples = len(logits)
    odds = np.exp(logits - logits.max(axis=0))
    odds /= odds.sum(axis=0)
    circle = np.exp(2j * np.pi * np.arange(samples) / samples)
    start = np.angle((circle @ odds) @ np.exp(-2j * np.pi * fractions)) * samples / (2 * np.pi)
    expected = start + fractions * samples
    offset = np.arange(samples)[:, None] - expected
    offset -= samples * np.round(offset / samples)
    mean = (odds * offset).sum(axis=0)
    spread = (odds * (offset - mean) ** 2).sum(axis=0)
    least = MIN_GAP * samples * fractions
    ordered = isotonic_regression(expected + mean - least, weights=1 / (spread + 0.25)).x
    # The last node must not overtake the first.
    return np.minimum(ordered, ordered[0] + (1 - MIN_GAP) * samples) + least


def contour_landmarks(
    contour: Contour, distance: Float[np.ndarray, " samples"], model: ContourModel
) -> Float[np.ndarray, "nodes 2"]:
    """Return the landmarks (x, y) of one contour, pixels.

    Parameters
    ----------
    contour
        Contour of the organ.
    distance
        Distance from each sample to the neighbouring organs, pixels (:func:`context_distance`).
    model
        Network of the organ.
    """
    return contour.locate(node_places(model.logits(features(contour.points, distance)), model.fractions))


def landmarks_from_masks(
    right_lung: Integer[np.ndarray, "h w"],
    left_lung: Integer[np.ndarray, "h w"],
    heart: Integer[np.ndarray, "h w"] | None = None,
    right_clavicle: Integer[np.ndarray, "h w"] | None = None,
    left_clavicle: Integer[np.ndarray, "h w"] | None = None,
) -> Float[np.ndarray, "nodes 2"]:
    """Return the landmarks of lungs, heart and clavicles from their masks, in the order of the landmark graph.

    Holes and specks are ignored, and pieces close to each other are joined
    (:func:`cxrfactory.anatomy.organ_masks.main_part`).

    Parameters
    ----------
    right_lung, left_lung
        [row, column], non-zero inside; the patient's right is on the image's left.
    heart
        [row, column], non-zero inside; None or an empty mask if the heart was not segmented. Organs may overlap.
    right_clavicle, left_clavicle
        [row, column], non-zero inside: both or none, and only with a heart. They end a little outside the lungs, as
        people draw them (:func:`cxrfactory.anatomy.clavicles.drawn_clavicle`).

    Returns
    -------
    Float[np.ndarray, "nodes 2"]
        (x, y) in pixels of the masks, pixel centres at integers, each on the border of its mask: 44 right lung, 50 left
        lung and, with a heart, 26 heart and, with clavicles, 23 right and 23 left clavicle.

    Raises
    ------
    CxrError
        If the shapes differ, or clavicles are given without a heart or one without the other.
    ImageError
        If a mask holds no organ in one piece, or the right lung lies to the right of the left one in the image.
    """
    masks = {"right_lung": right_lung, "left_lung": left_lung}
    if heart is not None and np.any(heart):
        masks["heart"] = heart
    given = zip(CLAVICLES, (right_clavicle, left_clavicle), strict=True)
    bones = {name: mask for name, mask in given if mask is not None}
    if bones and (len(bones) < 2 or "heart" not in masks):
        raise CxrError(f"masks of {', '.join([*masks, *bones])}; expected clavicles as a pair, beside lungs and heart")
    masks |= bones
    shapes = {organ: mask.shape for organ, mask in masks.items()}
    if len(set(shapes.values())) > 1:
        raise CxrError(f"organ masks of different shapes {shapes}; expected one shape")
    parts = {organ: main_part(organ, mask) for organ, mask in masks.items()}
    middles = {organ: float(np.nonzero(part.any(axis=0))[0].mean()) for organ, part in parts.items()}
    if middles["right_lung"] >= middles["left_lung"]:
        raise ImageError(
            "the right lung's mask lies to the right of the left one's; expected the patient's right on the "
            "image's left: exchange the two, or mirror the masks"
        )
    lungs = parts["right_lung"] | parts["left_lung"]
    models = contour_models()
    overlap = (lungs & parts["heart"]).sum() / parts["heart"].sum() if "heart" in parts else 1.0
    neighbours = {"heart": lungs, "right_lung": parts.get("heart"), "left_lung": parts.get("heart")}
    if overlap > MAX_OVERLAP:
        neighbours = {}
    found = []
    for organ, part in parts.items():
        if organ in CLAVICLES:
            found.append(clavicle_landmarks(organ, part, lungs))
            continue
        contour = outer_contour(organ, part)
        distance = context_distance(contour.points, neighbours.get(organ))
        found.append(contour_landmarks(contour, distance, models[organ]))
    return np.concatenate(found)


@cache
def contour_models() -> dict[str, ContourModel]:
    """Return the networks that the package contains, by organ."""
    with (files("cxrfactory.anatomy") / "resources" / RESOURCE).open("rb") as stream, np.load(stream) as arrays:
        return models_from_arrays(dict(arrays), RESOURCE)


def models_from_arrays(arrays: dict[str, np.ndarray], source: str) -> dict[str, ContourModel]:
    """Return the networks by organ from arrays named ``organ.field``, as the training writes them.

    Parameters
    ----------
    arrays
        Arrays by name, such as ``heart.first``.
    source
        Name of the file, for the error message.

    Raises
    ------
    CxrError
        If an array is missing or has another shape.
    """
    taps, count = KERNEL * WIDTH, len(DILATIONS)
    models = {}
    for organ in ORGANS:
        nodes = ORGAN_NODES[organ]
        shapes = {
            "first": (FEATURES, WIDTH),
            "first_bias": (WIDTH,),
            "blocks": (count, taps, WIDTH),
            "block_biases": (count, WIDTH),
            "last": (WIDTH, nodes),
            "last_bias": (nodes,),
            "fractions": (nodes,),
        }
        fields = {}
        for field, shape in shapes.items():
            name = f"{organ}.{field}"
            if name not in arrays or arrays[name].shape != shape:
                found = arrays[name].shape if name in arrays else "none"
                raise CxrError(f"{source}: array '{name}' has shape {found}; expected {shape}")
            fields[field] = arrays[name].astype(np.float64)
        models[organ] = ContourModel(**fields)
    return models
