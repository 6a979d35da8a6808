"""The annotations of a batch: landmarks and drawn masks, each for any subset of the organs of each image.

A region that is drawn in an image is learned from its mask. A region that is not drawn but is enclosed by an annotated
contour is learned from the filled contour. A region that is neither contributes no loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.anatomy.regions import contour_regions
from cxrfactory.models.inputs import to_pixels

CELLS = 64  # cells per side in which a drawn mask is looked for where it must stay visible


@dataclass(frozen=True)
class RegionMasks:
    """Masks of a batch in the order of its regions.

    Attributes
    ----------
    masks
        Share of each pixel that the region covers, 0 to 1; 0 where nothing is known.
    valid
        Whether the annotation says anything about the pixel.
    known
        Whether the region is annotated in the image; the masks of the others are blank.
    """

    masks: Float[Tensor, "b r s s"]
    valid: Bool[Tensor, "b r s s"]
    known: Bool[Tensor, "b r"]

    def to(self, device: torch.device) -> "RegionMasks":
        """Return the same masks on a device."""
        return RegionMasks(self.masks.to(device), self.valid.to(device), self.known.to(device))


@dataclass(frozen=True)
class Annotations:
    """What people annotated in the images of a batch.

    Landmarks, masks and ignored pixels are on the device of the batch. ``drawn`` is always on the CPU, because it
    decides what is computed.

    Attributes
    ----------
    graph
        Landmark graph that names the landmarks.
    points
        Landmarks (x, y) as fractions of the side; NaN where a node is not annotated.
    regions
        Names of the regions that are learned (:mod:`cxrfactory.anatomy.regions`).
    masks
        Share of each pixel that a drawn region covers, 0 to 1.
    ignored
        Pixels about which the drawn masks say nothing.
    drawn
        Whether each region is drawn in each image; the masks of the others are blank.
    """

    graph: LandmarkGraph
    points: Float[Tensor, "b nodes 2"]
    regions: tuple[str, ...]
    masks: Float[Tensor, "b r s s"]
    ignored: Bool[Tensor, "b r s s"]
    drawn: Bool[Tensor, "b r"]

    @classmethod
    def of_points(cls, points: Float[Tensor, "b nodes 2"], graph: LandmarkGraph) -> "Annotations":
        """Make the annotations of images that have landmarks only."""
        count = len(points)
        nothing = torch.zeros(count, 0, 1, 1)
        return cls(graph, points, (), nothing, nothing.bool(), torch.zeros(count, 0, dtype=torch.bool))

    def to(self, device: torch.device) -> "Annotations":
        """Return the same annotations on a device; ``drawn`` stays on the CPU."""
        points, masks, ignored = (each.to(device) for each in (self.points, self.masks, self.ignored))
        return replace(self, points=points, masks=masks, ignored=ignored)

    def with_points(self, points: Float[Tensor, "b nodes 2"]) -> "Annotations":
        """Return the same annotations with other landmarks."""
        return replace(self, points=points)

    def only(self, names: Sequence[str]) -> "Annotations":
        """Return the same annotations with some of the drawn regions."""
        places = [self.regions.index(name) for name in names]
        masks, ignored, drawn = (each[:, places] for each in (self.masks, self.ignored, self.drawn))
        return replace(self, regions=tuple(names), masks=masks, ignored=ignored, drawn=drawn)

    def extent(self) -> Float[Tensor, "b m 2"]:
        """Return points that show how far the annotations reach: landmarks, and cells that drawn masks touch.

        They are (x, y) as fractions of the side, and NaN where there is nothing.
        """
        if not self.drawn.any():
            return self.points
        touched = functional.adaptive_max_pool2d(self.masks.amax(1, keepdim=True), CELLS).flatten(1) > 0
        centres = (torch.arange(CELLS, device=self.points.device) + 0.5) / CELLS
        cells = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1).reshape(1, -1, 2)
        return torch.cat([self.points, torch.where(touched.unsqueeze(-1), cells, torch.nan)], 1)

    def sampled(
        self, grid: Float[Tensor, "b s s 2"], rows: slice = slice(None), outside: str = "zeros"
    ) -> "Annotations":
        """Resample the drawn masks of some images by the grid that resamples the images; landmarks stay as they are.

        What enters from outside the image belongs to no region or, with ``outside`` as ``reflection``, is the mirrored
        mask. A pixel is ignored if a part of it was.
        """
        if not self.drawn[rows].any():
            return self
        masks, ignored = self.masks.clone(), self.ignored.clone()
        masks[rows] = functional.grid_sample(self.masks[rows], grid, padding_mode=outside, align_corners=False)
        if self.ignored[rows].any():
            unknown = self.ignored[rows].float()
            ignored[rows] = functional.grid_sample(unknown, grid, padding_mode=outside, align_corners=False) > 0.01
        return replace(self, masks=masks, ignored=ignored)

    def region_masks(self, finer: int = 1) -> RegionMasks:
        """Return the drawn masks, and the filled contours of regions that are annotated by landmarks alone.

        Contours are filled at ``finer`` times the side. A pixel then belongs to a region that covers more than half of
        it. A mask that is filled at a low resolution contains every pixel that the contour touches and is too large: at
        128 by 5 % of the area of lungs and heart. Contours are filled on the CPU.
        """
        size, device = tuple(self.masks.shape[-2:]), self.masks.device
        masks, known, everywhere = self.masks.clone(), self.drawn.clone(), self.points.cpu()
        contours = contour_regions(self.graph)
        for place, name in enumerate(self.regions):
            if name not in contours:
                continue
            points = everywhere[:, contours[name]]
            for row in torch.nonzero(~known[:, place] & points.isfinite().all(-1).all(-1)).flatten().tolist():
                filled = filled_contour(points[row].numpy().astype(np.float64), size, finer) > 127
                masks[row, place] = torch.from_numpy(filled).to(device).float()
                known[row, place] = True
        valid = ~self.ignored
        return RegionMasks(masks * valid, valid, known.to(device))


def filled_contour(
    points: Float[np.ndarray, "nodes 2"], size: int | tuple[int, int], finer: int
) -> UInt8[np.ndarray, "rows columns"]:
    """Fill a contour, (x, y) as fractions of the sides, at ``finer`` times the size; return covered shares, 0 to 255.

    The size is a side, or (rows, columns).
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    fine = np.array([columns * finer, rows * finer])
    mask = fill_contour(to_pixels(points, fine), rows * finer, columns * finer) * np.uint8(255)
    return mask if finer == 1 else cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
