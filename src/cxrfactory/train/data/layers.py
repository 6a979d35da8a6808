"""Images with masks of many regions, for pixel networks: read from labelled tables, and moved with augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_labels
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.anatomy.regions import IGNORED, INSIDE, contour_regions
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger
from cxrfactory.models.inputs import to_input
from cxrfactory.tables.rows import Row
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.planes import PlaneMasks, Runs, moved_planes
from cxrfactory.train.data.tables import read_split

# Masks are kept at the resolution of their image up to this side, or twice the network's, whichever is larger.
LARGEST_SIDE = 512

log = get_logger(__name__)


@dataclass(frozen=True)
class LayeredImages:
    """Images of one split with masks of many regions, each of which annotates any subset of the regions.

    Attributes
    ----------
    ids
        Image ids, sorted.
    images
        8-bit images at the size of the network's input.
    graph
        Landmark graph that names landmarks; no landmark is kept.
    regions
        Names of the regions, in the order of the network.
    runs, ignored
        Masks of each image, and the pixels about which they say nothing.
    known
        Whether each region is annotated in each image.
    views
        View of each image; empty if it is unknown.
    """

    ids: list[str]
    images: UInt8[np.ndarray, "n h w"]
    graph: LandmarkGraph
    regions: tuple[str, ...]
    runs: list[Runs]
    ignored: list[Runs]
    known: Bool[np.ndarray, "n r"]
    views: list[str]

    def annotations(self, indices: Int[np.ndarray, " b"]) -> PlaneMasks:
        """Return the masks of a batch as they are, without augmentation."""
        return LayeredAnnotations.of(self, indices).planes()


@dataclass(frozen=True)
class LayeredAnnotations:
    """The masks of a batch that moves: where each pixel of the input lies in the image.

    It has the methods of :class:`~cxrfactory.train.data.annotations.Annotations` that augmentation calls. Anatomy may
    leave the frame, as it does on collimated films.

    Attributes
    ----------
    data
        Images of the split.
    indices
        Places of the images of the batch.
    places
        (x, y) of each pixel of the input in the image, from -1 to 1; further out where nothing is.
    graph, points
        Landmarks, none of which is annotated.
    """

    data: LayeredImages
    indices: Int[np.ndarray, " b"]
    places: Float[Tensor, "b h w 2"]
    graph: LandmarkGraph
    points: Float[Tensor, "b n 2"] = field(repr=False)

    @classmethod
    def of(cls, data: LayeredImages, indices: Int[np.ndarray, " b"]) -> "LayeredAnnotations":
        """Return the masks of a batch before they are moved."""
        rows, columns = ((torch.arange(side) + 0.5) / side * 2 - 1 for side in data.images.shape[1:])
        places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).expand(len(indices), -1, -1, -1)
        points = torch.full((len(indices), data.graph.nodes, 2), torch.nan)
        return cls(data, indices, places, data.graph, points)

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions."""
        return self.data.regions

    def extent(self) -> Float[Tensor, "b n 2"]:
        """Return the points that must stay visible: none."""
        return self.points

    def with_points(self, points: Float[Tensor, "b n 2"]) -> "LayeredAnnotations":
        """Return the same masks, because there are no landmarks."""
        return self

    def sampled(self, grid: Float[Tensor, "b h w 2"], outside: str = "zeros") -> "LayeredAnnotations":
        """Move the masks by the grid that resamples the images.

        What enters from outside the image belongs to no region or, with ``outside`` as ``reflection``, is the mirrored
        mask.
        """
        if outside == "reflection":
            turned = torch.remainder(grid + 1, 4)
            grid = torch.where(turned > 2, 4 - turned, turned) - 1
        moved = functional.grid_sample(
            self.places.permute(0, 3, 1, 2), grid, padding_mode="border", align_corners=False
        ).permute(0, 2, 3, 1)
        # Between the outermost pixel centres and the border, a grid position goes on as it began.
        moved = moved + (grid - _within(grid, self.places.shape[1:3]))
        return replace(self, places=torch.where((grid.abs() > 1).any(-1, keepdim=True), 2.0, moved))

    def only(self, names: Sequence[str]) -> Annotations:
        """Return some regions as masks of one number for each pixel."""
        chosen = [self.regions.index(name) for name in names]
        found = self.planes()
        masks = found.masks()[:, chosen].float()
        return Annotations(self.graph, self.points, tuple(names), masks, masks > 1, found.known[:, chosen])

    def planes(self) -> PlaneMasks:
        """Return the moved masks."""
        count, places = len(self.regions), self.places.numpy()
        rows = list(zip(self.indices, places, strict=True))
        planes = np.stack([moved_planes(self.data.runs[index], count, where) for index, where in rows])
        ignored = None
        if any(len(self.data.ignored[index].starts) for index in self.indices):
            own = [moved_planes(self.data.ignored[index], count, where) for index, where in rows]
            ignored = torch.from_numpy(np.stack(own))
        return PlaneMasks(torch.from_numpy(planes), torch.from_numpy(self.data.known[self.indices]), ignored)


def _within(grid: Float[Tensor, "b h w 2"], shape: Sequence[int]) -> Float[Tensor, "b h w 2"]:
    """Return grid positions limited to the centres of the outermost pixels."""
    limit = 1 - 1 / torch.tensor([shape[1], shape[0]], dtype=grid.dtype)
    return torch.minimum(torch.maximum(grid, -limit), limit)


def load_layers(
    path: str | Path | Sequence[str | Path],
    split: str,
    graph: LandmarkGraph,
    input_size: int | tuple[int, int],
    regions: Sequence[str],
    *,
    without_sources: Sequence[str] = (),
    views: Sequence[str] = (),
) -> LayeredImages:
    """Read the images of one split with the masks of many regions from labelled tables.

    A region that an image does not draw, but that its landmarks enclose, is filled. Images that annotate none of the
    regions are left out.

    Parameters
    ----------
    path, split, without_sources, views
        As for :func:`cxrfactory.train.data.images.load_labelled`.
    graph
        Landmark graph of the network.
    input_size
        Side of the network's input, or (rows, columns).
    regions
        Regions that the network learns.

    Raises
    ------
    CxrError
        If the split is empty, an id occurs twice, a mask does not fit its image, or no image annotates a region; for
        ``val``, a region without annotation is only logged.
    """
    table, path = read_split(path, split, without_sources, views)
    where = f"{path}: split '{split}'"
    size = (input_size, input_size) if isinstance(input_size, int) else tuple(input_size)
    rows = [_read_row(row, size, tuple(regions), path) for row in table.to_dict("records")]
    kept = [row for row in rows if row["known"].any()]
    if not kept:
        raise CxrError(f"{where}: none of {len(rows)} images annotates one of the {len(regions)} regions")
    if len(kept) < len(rows):
        log.info("%s: left out %d images that annotate none of the regions", where, len(rows) - len(kept))
    known = np.stack([row["known"] for row in kept])
    if absent := [name for name, found in zip(regions, known.any(axis=0), strict=True) if not found]:
        if split == "train":
            raise CxrError(f"{where}: no image annotates the {absent[0].replace('_', ' ')}; take it out of organs")
        log.warning("%s: no image annotates %d of the regions, such as %s", where, len(absent), absent[0])
    ids, images, runs, ignored, found_views = ([row[key] for row in kept] for key in
                                               ("id", "image", "runs", "ignored", "view"))  # fmt: skip
    log.info("read %d images of split '%s' with %d regions", len(kept), split, len(regions))
    return LayeredImages(ids, np.stack(images), graph, tuple(regions), runs, ignored, known, found_views)


def _read_row(row: Row, size: tuple[int, int], regions: tuple[str, ...], path: str) -> dict[str, Any]:
    where = f"{path}: image '{row['image_id']}'"
    image = decode_png(row["png"])
    side = min(image.shape[0], max(LARGEST_SIDE, 2 * max(size)))
    inside, ignored = {}, {}
    for each in row["regions"] if row["regions"] is not None else ():
        if each["name"] in regions:
            mask = decode_png(each["png"])
            if mask.shape != image.shape:
                found, expected = (" x ".join(map(str, one)) for one in (mask.shape, image.shape))
                raise CxrError(f"{where}: region '{each['name']}': mask of {found}; expected the image's {expected}")
            place = regions.index(each["name"])
            inside[place] = _shrunk(mask > IGNORED, side, 127)
            if (mask == IGNORED).any():
                ignored[place] = _shrunk(mask == IGNORED, side, 0)
    own = graph_of_labels(row["labels"], where)
    points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
    if len(points) != own.nodes:
        raise CxrError(f"{where} has labels {row['labels']} but {len(points)} landmarks")
    for region, nodes in contour_regions(own).items():
        if region in regions and regions.index(region) not in inside:
            filled = fill_contour(points[nodes], *image.shape) > 0
            inside[regions.index(region)] = _shrunk(filled, side, 127)
    known = np.zeros(len(regions), bool)
    known[list(inside)] = True
    return {
        "id": row["image_id"],
        "view": row["view"] or "",
        "image": np.round(to_input(image, size) * 255).astype(np.uint8),
        "known": known,
        "runs": Runs.of_masks(inside, (side, side)),
        "ignored": Runs.of_masks(ignored, (side, side)),
    }


def _shrunk(mask: Bool[np.ndarray, "h w"], side: int, above: int) -> Bool[np.ndarray, "side side"]:
    if mask.shape[0] == side:
        return mask
    return np.round(to_input(mask.astype(np.uint8) * np.uint8(INSIDE), side) * 255) > above
