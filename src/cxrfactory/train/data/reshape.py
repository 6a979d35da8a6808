"""Training images bent to the shapes of other people, so that contours without images add variety to training.

Landmark sets of other hospitals come without their radiographs, but they describe how lungs and hearts are shaped
there. A thin-plate spline bends an image so that its landmarks move part of the way to another person's landmarks. The
position, size and aspect ratio remain those of the image (:func:`cxrfactory.train.data.augment.move` changes these).
The rest is adopted, such as a larger heart.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.shapes import shapes_of_landmarks

CHANCE = 0.5  # probability that an image is bent
CELLS = 24  # number of cells per side; the spline is evaluated at their centres and interpolated between them
SMOOTHING = 1e-4
LEAST_AREA = 0.2  # a bend that shrinks a cell to a smaller share of its area is halved
HALVINGS = 3
STEPS, DAMPING, EXACT = 60, 0.7, 1e-4  # iterations that find a landmark's new position; 1e-4 is 0.1 pixel at 1024
# Points of the frame that do not move.
ANCHORS = np.array([(x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0) if (x, y) != (0.5, 0.5)])

log = get_logger(__name__)


class Reshaper:
    """Bends images towards the shapes of other people.

    Parameters
    ----------
    shapes
        Landmarks of other people, all of one graph, (x, y) as fractions of the side.
    """

    def __init__(self, shapes: Float[np.ndarray, "n nodes 2"]) -> None:
        self.shapes = shapes

    @property
    def nodes(self) -> int:
        """Number of landmarks of a shape; images that do not annotate all of them are not bent."""
        return self.shapes.shape[1]

    @property
    def digest(self) -> str:
        """SHA-256 of the shapes."""
        return hashlib.sha256(np.ascontiguousarray(self.shapes, dtype="<f8").tobytes()).hexdigest()

    def __call__(
        self, images: Float[Tensor, "b 1 s s"], annotations: Annotations, generator: torch.Generator
    ) -> tuple[Tensor, Annotations]:
        """Bend about half of the images that annotate every landmark, together with their drawn masks.

        The splines are computed on the CPU, the images on the device of the batch.
        """
        count, size = len(images), images.shape[-2:]
        chosen = torch.rand(count, generator=generator) < CHANCE
        other = torch.randint(len(self.shapes), (count,), generator=generator)
        share = torch.rand(count, generator=generator)
        targets = annotations.points
        if targets.shape[1] != self.nodes:
            return images, annotations
        images, targets, device = images.clone(), targets.cpu().clone(), images.device
        chosen &= targets.isfinite().all(-1).all(-1)
        for index in torch.nonzero(chosen).flatten().tolist():
            points = targets[index].numpy().astype(np.float64)
            bent = bend(points, self.shapes[int(other[index])], float(share[index]))
            if bent is None:
                continue
            goal, cells = bent
            grid = functional.interpolate(
                torch.from_numpy(cells).float().permute(2, 0, 1)[None], size=size, mode="bilinear", align_corners=False
            )
            rows, columns = ((torch.arange(side) + 0.5) / side for side in size)
            place = torch.stack(torch.meshgrid(columns, rows, indexing="xy"))[None]
            sampled = ((place + grid).permute(0, 2, 3, 1) * 2 - 1).to(device)
            row = slice(index, index + 1)
            images[row] = functional.grid_sample(images[row], sampled, padding_mode="border", align_corners=False)
            annotations = annotations.sampled(sampled, row)
            targets[index] = torch.from_numpy(goal).float()
        return images, annotations.with_points(targets.to(device))


def bend(
    points: Float[np.ndarray, "m 2"], shape: Float[np.ndarray, "m 2"], share: float
) -> tuple[Float[np.ndarray, "m 2"], Float[np.ndarray, "c c 2"]] | None:
    """Compute landmarks moved towards another shape, and the displacement that bends the image accordingly.

    Parameters
    ----------
    points
        Landmarks of the image, (x, y) as fractions of the side.
    shape
        Landmarks of another person. They are first aligned with the image in position, size, aspect ratio and shear.
    share
        Share of the way to go, 0 to 1. It is halved while the spline would fold or shrink a cell to less than a fifth.

    Returns
    -------
    landmarks, displacement
        Positions of the landmarks in the bent image, and for every cell of the bent image the (x, y) displacement to
        the original position of its content, both as fractions of the side. The result is None if the spline still
        folds after the last halving, or the positions cannot be found.
    """
    from scipy.interpolate import RBFInterpolator

    lifted = np.column_stack([shape, np.ones(len(shape))])
    aligned = lifted @ np.linalg.lstsq(lifted, points, rcond=None)[0]
    centres = (np.arange(CELLS) + 0.5) / CELLS
    places = np.stack(np.meshgrid(centres, centres, indexing="xy"), axis=-1)
    for halving in range(HALVINGS):
        goal = points + share / 2**halving * (aligned - points)
        spline = RBFInterpolator(
            np.concatenate([goal, ANCHORS]),
            np.concatenate([points - goal, np.zeros_like(ANCHORS)]),
            smoothing=SMOOTHING,
            kernel="thin_plate_spline",
        )
        cells = spline(places.reshape(-1, 2)).reshape(CELLS, CELLS, 2)
        if _least_area(cells + places) >= LEAST_AREA:
            exact = _led_to(points, goal, cells)
            return None if exact is None else (exact, cells)
    return None


def _led_to(
    points: Float[np.ndarray, "m 2"], start: Float[np.ndarray, "m 2"], cells: Float[np.ndarray, "c c 2"]
) -> Float[np.ndarray, "m 2"] | None:
    """Find the position in the bent image of what was at ``points``; None if it is not found.

    The spline is smoothed and its cells are coarse, so the image content does not move exactly to the requested
    position. A landmark must be where the content is.
    """
    from scipy.ndimage import map_coordinates

    found = start
    for _ in range(STEPS):
        places = (found[:, ::-1] * len(cells) - 0.5).T
        shift = np.stack([map_coordinates(cells[..., axis], places, order=1, mode="nearest") for axis in (0, 1)], -1)
        error = found + shift - points
        if np.abs(error).max() < EXACT:
            return found
        found = found - DAMPING * error
    return None


def _least_area(mapped: Float[np.ndarray, "c c 2"]) -> float:
    """Compute the smallest Jacobian determinant of a map that is given at the cell centres."""
    down, across = np.gradient(mapped, 1 / CELLS, axis=(0, 1))
    return float((across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]).min())


def read_reshaper(root: str | Path, graph: LandmarkGraph, held_out: Collection[str]) -> Reshaper:
    """Read the shapes of a landmark set that annotate the whole graph.

    The ids in ``held_out`` are left out, and so is the fifth of the patients that the landmark set holds out.

    Raises
    ------
    CxrError
        If the set is unreadable, or no shape is left.
    """
    train, _ = shapes_of_landmarks(Path(root), graph)
    taken = [each for each in train if set(graph.organs) <= set(each.contours) and each.image_id not in held_out]
    if not taken:
        raise CxrError(f"{root}: no landmarks of all of {', '.join(graph.organs)}; expected some to take shapes from")
    log.info("%s: images are bent towards %d shapes", root, len(taken))
    return Reshaper(np.stack([np.concatenate([each.contours[organ] for organ in graph.organs]) for each in taken]))
