"""The labelled images as arrays in memory, with the landmarks and drawn masks of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int, UInt8

from cxrfactory.anatomy.graph import LABEL_GRAPHS, LandmarkGraph, graph_of_labels
from cxrfactory.anatomy.regions import IGNORED, contour_regions
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.logs import get_logger
from cxrfactory.models.inputs import to_fractions, to_input
from cxrfactory.train.data.annotations import Annotations, filled_contour
from cxrfactory.train.data.tables import read_split

FINE = 1024  # contours are filled at the largest multiple of the network's side up to this

log = get_logger(__name__)


@dataclass(frozen=True)
class DrawnRegion:
    """The masks of one region at the side of the network's input.

    Attributes
    ----------
    known
        Whether each image of the split has a mask.
    masks
        Share of each pixel that the region covers, 0 to 255, of the images that have a mask, in their order.
    ignored
        Pixels of the same images about which the mask says nothing; None if there are no such pixels.
    """

    known: Bool[np.ndarray, " n"]
    masks: UInt8[np.ndarray, "k s s"]
    ignored: Bool[np.ndarray, "k s s"] | None = None

    def mask_of(self, index: int) -> tuple[UInt8[np.ndarray, "s s"], Bool[np.ndarray, "s s"] | None] | None:
        """Return the mask and the ignored pixels of one image, or None if it has no mask."""
        if not self.known[index]:
            return None
        place = int(self.known[:index].sum())
        return self.masks[place], None if self.ignored is None else self.ignored[place]

    def subset(self, indices: Int[np.ndarray, " m"]) -> "DrawnRegion":
        """Return the masks of some images."""
        places = (np.cumsum(self.known) - 1)[indices][self.known[indices]]
        ignored = None if self.ignored is None else self.ignored[places]
        return DrawnRegion(self.known[indices], self.masks[places], ignored)


@dataclass(frozen=True)
class LabelledImages:
    """Images of one split; each annotates any subset of the organs and regions.

    Attributes
    ----------
    ids
        Image ids, sorted.
    images
        8-bit images at the side of the network's input.
    graph
        Landmark graph that names the landmarks.
    targets
        Landmarks (x, y) as fractions of the side; NaN where a node is not annotated.
    regions
        Drawn masks by the name of the region, in the order of the network.
    views
        View of each image; empty where it is unknown.
    """

    ids: list[str]
    images: UInt8[np.ndarray, "n s s"]
    graph: LandmarkGraph
    targets: Float[np.ndarray, "n nodes 2"]
    regions: dict[str, DrawnRegion] = field(default_factory=dict)
    views: list[str] = field(default_factory=list)

    def whole(self) -> Int[np.ndarray, " m"]:
        """Return the indices of the images that annotate every node of the graph."""
        return np.flatnonzero(np.isfinite(self.targets).all(axis=(1, 2)))

    def subset(self, indices: Int[np.ndarray, " m"]) -> "LabelledImages":
        """Return some of the images."""
        regions = {name: region.subset(indices) for name, region in self.regions.items()}
        ids = [self.ids[index] for index in indices]
        views = [self.views[index] for index in indices] if self.views else []
        return LabelledImages(ids, self.images[indices], self.graph, self.targets[indices], regions, views)

    def annotations(self, indices: Int[np.ndarray, " b"]) -> Annotations:
        """Return the annotations of a batch."""
        points = torch.from_numpy(self.targets[indices])
        shape = (len(indices), len(self.regions), *self.images.shape[1:])
        masks, ignored, drawn = np.zeros(shape, np.float32), np.zeros(shape, bool), np.zeros(shape[:2], bool)
        for place, region in enumerate(self.regions.values()):
            for row, index in enumerate(indices):
                found = region.mask_of(int(index))
                if found is not None:
                    masks[row, place] = found[0] / np.float32(255)
                    ignored[row, place] = False if found[1] is None else found[1]
                    drawn[row, place] = True
        arrays = (torch.from_numpy(each) for each in (masks, ignored, drawn))
        return Annotations(self.graph, points, tuple(self.regions), *arrays)


@dataclass(frozen=True)
class _Row:
    """One image of a table as training reads it."""

    image: UInt8[np.ndarray, "s s"]
    points: Float[np.ndarray, "nodes 2"]
    masks: dict[str, tuple[np.ndarray, np.ndarray]]  # region -> covered share 0 to 255, ignored pixels


def load_labelled(
    path: str | Path | Sequence[str | Path],
    split: str,
    graph: LandmarkGraph,
    input_size: int | tuple[int, int],
    regions: Sequence[str] | None = None,
    *,
    without_sources: Sequence[str] = (),
    views: Sequence[str] = (),
) -> LabelledImages:
    """Read the images of one split from one or several preprocessed labelled tables.

    Landmarks of organs outside the graph are cut off, and so are landmarks of another definition of the organs than
    the graph's, because their nodes mark other borders. Images that annotate nothing of what is asked for are left out,
    and a log message counts them.

    Parameters
    ----------
    path
        Tables of schema ``LABELLED_IMAGES``.
    split
        ``train`` or ``val``.
    graph
        Landmark graph that names the landmarks.
    input_size
        Side of the network's input in pixels, or (rows, columns).
    regions
        Regions whose masks are learned as well. A region that an image does not draw, but that contours of another
        definition than the graph's enclose, is filled here. Without regions, only landmarks are read.
    without_sources
        Sources (column ``source``) whose images are left out of both splits.
    views
        Views (column ``view``) whose images are read; without any, all.

    Raises
    ------
    CxrError
        If the split is empty, or no image of it annotates anything of what is asked for; for ``train``, also if an
        organ (with regions: a region) is annotated in no image. Further, if an image's landmarks do not fit its
        labels, a mask does not fit its image, an id occurs twice, or a source to leave out
        does not occur.
    """
    table, path = read_split(path, split, without_sources, views)
    where = f"{path}: split '{split}'"
    wanted = tuple(contour_regions(graph)) if regions is None else tuple(regions)
    table = _annotating(table, graph, wanted, regions is not None, where)
    rows = [_read_row(row, graph, input_size, regions or (), path) for row in table.to_dict("records")]
    log.info("read %d images of split '%s' from %s", len(rows), split, path)
    size = rows[0].image.shape
    drawn = {name: _joined([row.masks.get(name) for row in rows], size) for name in regions or ()}
    targets = np.stack([row.points for row in rows])
    ids, found = list(table["image_id"]), list(table["view"].fillna(""))
    data = LabelledImages(ids, np.stack([row.image for row in rows]), graph, targets, drawn, found)
    _check_complete(data, wanted, where, strict=split == "train")
    return data


def _regions_in(row: Any, graph: LandmarkGraph, where: str, drawn: bool) -> set[str]:
    """Return the regions that a row annotates: by landmarks of the graph's definition or, with ``drawn``, by anything.

    Landmarks of any definition enclose regions, so that they count where masks are wanted.
    """
    own = graph_of_labels(row["labels"], where)
    enclosed = set(contour_regions(own)) if drawn or own.definition == graph.definition else set()
    return enclosed | ({each["name"] for each in _drawn(row)} if drawn else set())


def _drawn(row: Any) -> list[dict[str, Any]]:
    return [] if row["regions"] is None else list(row["regions"])


def _annotating(
    table: pd.DataFrame, graph: LandmarkGraph, wanted: Collection[str], drawn: bool, where: str
) -> pd.DataFrame:
    """Keep the rows that annotate at least one of the wanted regions."""
    keep = np.array([bool(_regions_in(row, graph, where, drawn) & set(wanted)) for row in table.to_dict("records")])
    kept, left_out = table[keep], table[~keep]
    others = ", ".join(sorted(left_out["labels"].unique()))
    if kept.empty and not drawn:
        raise CxrError(
            f"{where}: {len(table)} images, all with labels {others}; the graph '{graph.name}' means "
            f"{graph.definition_text}: give images labelled so, or choose another graph"
        )
    if kept.empty:
        found = sorted(set().union(*(_regions_in(row, graph, where, True) for row in table.to_dict("records"))))
        raise CxrError(
            f"{where}: none of {len(table)} images annotates {', '.join(wanted)}; they annotate "
            f"{', '.join(found) or 'nothing'}: choose from these (model: graph, organs), or give other images"
        )
    foreign = left_out[[graph_of_labels(code, where).definition != graph.definition for code in left_out["labels"]]]
    if len(foreign):
        others = ", ".join(sorted(foreign["labels"].unique()))
        log.info("%s: left out %d images with labels %s, no '%s'", where, len(foreign), others, graph.definition)
    if len(without := left_out.drop(foreign.index)):
        others = ", ".join(sorted(without["labels"].unique()))
        log.info("%s: left out %d images with labels %s, which do not annotate %s",
                 where, len(without), others, " or ".join(wanted))  # fmt: skip
    return kept


def _read_row(
    row: dict[str, Any], graph: LandmarkGraph, size: int | tuple[int, int], regions: Sequence[str], path: str
) -> _Row:
    where = f"{path}: image '{row['image_id']}'"
    own = graph_of_labels(row["labels"], where)
    image = decode_png(row["png"])
    points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
    if len(points) != own.nodes:
        raise CxrError(f"{where} has labels {row['labels']} but {len(points)} landmarks")
    fractions = to_fractions(points, image.shape[0])
    placed = np.full((graph.nodes, 2), np.nan, np.float32)
    same = own.definition == graph.definition
    for organ in set(own.organs) & set(graph.organs) if same else ():
        placed[graph.slices[organ]] = fractions[own.slices[organ]]
    masks = {
        each["name"]: _scaled(each["png"], image.shape, size, f"{where}: region '{each['name']}'")
        for each in _drawn(row)
        if each["name"] in regions
    }
    for region, nodes in contour_regions(own).items():
        if region in regions and region not in masks and not (same and region in contour_regions(graph)):
            filled = filled_contour(fractions[nodes], size, finer(size))
            masks[region] = filled, np.zeros(filled.shape, bool)
    return _Row(np.round(to_input(image, size) * 255).astype(np.uint8), placed, masks)


def finer(size: int | tuple[int, int]) -> int:
    """Return how many times finer than the network's input contours are filled."""
    return max(1, FINE // (size if isinstance(size, int) else max(size)))


def _scaled(
    png: bytes, shape: tuple[int, ...], size: int | tuple[int, int], where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share that a drawn mask covers of each pixel, 0 to 255, and the pixels with an ignored part."""
    mask = decode_png(png)
    if mask.shape != shape:
        found, expected = (" x ".join(map(str, each)) for each in (mask.shape, shape))
        raise CxrError(f"{where}: mask of {found}; expected the image's {expected}")
    inside = np.where(mask > IGNORED, 255, 0).astype(np.uint8)
    ignored = np.where(mask == IGNORED, 255, 0).astype(np.uint8)
    return np.round(to_input(inside, size) * 255).astype(np.uint8), to_input(ignored, size) > 0


def _joined(masks: list[tuple[np.ndarray, np.ndarray] | None], size: tuple[int, int]) -> DrawnRegion:
    there = [each for each in masks if each is not None]
    known = np.array([each is not None for each in masks])
    ignored = np.stack([each[1] for each in there]) if any(each[1].any() for each in there) else None
    return DrawnRegion(known, np.stack([each[0] for each in there]) if there else np.zeros((0, *size), np.uint8),
                       ignored)  # fmt: skip


def _check_complete(data: LabelledImages, wanted: Sequence[str], where: str, strict: bool) -> None:
    """Check that each wanted region is annotated in some image; where not strict, a warning is enough."""
    contours = contour_regions(data.graph)
    for name in wanted:
        by_points = name in contours and np.isfinite(data.targets[:, contours[name]]).all(axis=(1, 2)).any()
        if by_points or (name in data.regions and data.regions[name].known.any()):
            continue
        if strict:
            raise CxrError(
                f"{where}: no image annotates the {name.replace('_', ' ')}; choose a smaller graph than "
                f"'{data.graph.name}' or fewer organs (labels: {', '.join(LABEL_GRAPHS)}; masks: {', '.join(wanted)})"
            )
        log.warning("%s: no image annotates the %s; it is not measured", where, name.replace("_", " "))


def mean_shape(targets: Float[np.ndarray, "n nodes 2"]) -> Float[np.ndarray, "nodes 2"]:
    """Average the position of every node over the images that annotate it, as fractions of the side.

    Raises
    ------
    CxrError
        If no image annotates a node.
    """
    there = np.isfinite(targets)
    counts = there.sum(axis=0)
    if absent := int((counts == 0).any(axis=1).sum()):
        raise CxrError(
            f"{absent} of {targets.shape[1]} landmarks are annotated in none of {len(targets)} training images (their "
            "organs have drawn masks at most); give images with these landmarks, or choose a smaller graph"
        )
    return (np.where(there, targets, 0).sum(axis=0, dtype=np.float64) / counts).astype(np.float32)


def epoch_batches(
    indices: Int[np.ndarray, " m"], batch_size: int, rng: np.random.Generator
) -> list[Int[np.ndarray, " b"]]:
    """Split the images of one epoch into batches in random order; images with different annotations mix.

    A single image that is left over joins the batch before, because a network with batch normalisation cannot always
    learn from one image.
    """
    order = rng.permutation(indices)
    starts = list(range(0, len(order), batch_size))
    if len(starts) > 1 and len(order) - starts[-1] == 1:
        starts.pop()
    return np.split(order, starts[1:])
