"""One CT study to the pictures and masks of both views."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cxrfactory.imaging.grid import Grid
from cxrfactory.imaging.label_volume import BinaryFolder, MultiLabel, open_labels
from cxrfactory.imaging.orientation import VolumeLayout
from cxrfactory.imaging.volume import read_ct
from cxrfactory.projection.body import body_mask, without_arms
from cxrfactory.projection.drr import VIEWS, View
from cxrfactory.projection.frame import Frame
from cxrfactory.projection.integrals import AttenuationCurve, path_integrals
from cxrfactory.projection.occupancy import occupancy, occupancy_binary


@dataclass(frozen=True)
class ProjectionRecipe:
    """How studies are projected.

    Attributes
    ----------
    size
        Side of the square pictures, px; ``None`` keeps the voxel grid of the canonical volume.
    body_only, without_arms
        Set the table, or the arms too, to air.
    curve
        Attenuation of CT numbers; by default water's, scaled.
    threads
        Threads within a study; the result does not depend on it.
    """

    size: int | None = 384
    body_only: bool = False
    without_arms: bool = False
    curve: AttenuationCurve | None = None
    threads: int = 1


@dataclass(frozen=True)
class ProjectedStudy:
    """Pictures and masks of a study, display orientation [row, column]: row 0 superior, PA column 0 the patient's
    right, LL column 0 anterior.

    Attributes
    ----------
    integrals
        Path integral of each view, float32, dimensionless.
    names
        Structures in the order of the masks, as the source calls them.
    source_ids
        Their values in a label volume; ``None`` for a folder of one file a structure.
    masks
        Masks 0 or 1 of each view, [structure, row, column].
    cut_off
        Whether a structure reaches the outermost voxels of the scan, so that a part of it is likely missing.
    pixel_mm
        Row and column spacing of each view.
    notes
        What was done to the volumes.
    """

    integrals: dict[View, Float32[np.ndarray, "rows columns"]]
    names: tuple[str, ...]
    source_ids: tuple[int | None, ...]
    masks: dict[View, UInt8[np.ndarray, "k rows columns"]]
    cut_off: Bool[np.ndarray, "k"]
    pixel_mm: dict[View, tuple[float, float]]
    notes: tuple[str, ...]


def project_study(
    ct: str | Path,
    labels: str | Path,
    names: dict[int, str] | None,
    recipe: ProjectionRecipe,
    layout: VolumeLayout | None = None,
) -> ProjectedStudy:
    """Read one study and project it.

    The CT is let go before the labels are read, and of a folder of binary volumes one is held at a time, so the
    peak is little above the larger of CT and labels.

    Parameters
    ----------
    ct
        Volume file or DICOM folder.
    labels
        Volume file of many labels, or folder of one binary volume a structure.
    names
        Name of each label value of a volume file.
    recipe
        How.
    layout
        Spacing and axes of files that state none.

    Raises
    ------
    ImageError
        If the study cannot be used; see :mod:`cxrfactory.imaging.volume` and :mod:`cxrfactory.imaging.label_volume`.
    CxrError
        If a path is missing or the names do not go with the labels.
    """
    integrals, grid, notes = _pictures(Path(ct), recipe, layout)
    frame = None if recipe.size is None else Frame.around(grid.shape, grid.spacing_mm, recipe.size)
    if frame is not None:
        integrals = {view: frame.image(integrals[view], view) for view in VIEWS}
    found = open_labels(Path(labels), grid, names, layout)
    if isinstance(found, MultiLabel):
        structures = tuple(found.names.values())
        source_ids: tuple[int | None, ...] = tuple(found.names)
        _, *stacks = occupancy(found.values, list(found.names), recipe.threads)
        masks = dict(zip(VIEWS, stacks, strict=True))
        cut_off = np.logical_or.reduce([_reaches_edge(masks[view]) for view in VIEWS])
        if frame is not None:
            masks = {view: frame.masks(masks[view], view) for view in VIEWS}
    else:
        structures, source_ids = found.names, (None,) * len(found)
        masks, cut_off = _folder_masks(found, grid, frame, recipe.threads)
    spacing = dict(zip("zyx", grid.spacing_mm, strict=True))
    native = {"PA": (spacing["z"], spacing["x"]), "LL": (spacing["z"], spacing["y"])}
    pixel_mm = native if frame is None else dict.fromkeys(VIEWS, (frame.pixel_mm, frame.pixel_mm))
    return ProjectedStudy(integrals, structures, source_ids, masks, cut_off, pixel_mm, (*notes, *found.notes))


def _pictures(
    path: Path, recipe: ProjectionRecipe, layout: VolumeLayout | None
) -> tuple[dict[View, np.ndarray], Grid, tuple[str, ...]]:
    ct = read_ct(path, layout)
    body, notes = None, ct.notes
    if recipe.body_only or recipe.without_arms:
        body = body_mask(ct.values)
        notes = (*notes, "what lies outside the body set to air")
    if recipe.without_arms:
        body, removed = without_arms(body, ct.spacing_mm)
        notes = (*notes, f"arms set to air in {removed} slices" if removed else "no arms found apart from the trunk")
    pa, ll = path_integrals(ct.values, ct.spacing_mm, recipe.curve, body, recipe.threads)
    return {"PA": pa, "LL": ll}, ct.grid, notes


def _folder_masks(
    labels: BinaryFolder, grid: Grid, frame: Frame | None, threads: int
) -> tuple[dict[View, UInt8[np.ndarray, "k rows columns"]], Bool[np.ndarray, "k"]]:
    depth, height, width = grid.shape
    shapes = {"PA": (depth, width), "LL": (depth, height)}
    if frame is not None:
        shapes = dict.fromkeys(VIEWS, (frame.size, frame.size))
    masks = {view: np.zeros((len(labels), *shapes[view]), np.uint8) for view in VIEWS}
    cut_off = np.zeros(len(labels), bool)
    for place, (_, volume) in enumerate(labels):
        for view, mask in zip(VIEWS, occupancy_binary(volume, threads), strict=True):
            cut_off[place] |= _reaches_edge(mask)
            masks[view][place] = mask if frame is None else frame.masks(mask[None], view)[0]
    return masks, cut_off


def _reaches_edge(native: UInt8[np.ndarray, "*k rows columns"]) -> Bool[np.ndarray, "*k"]:
    """Whether masks on the voxel grid touch its border; both views together see all six faces of the volume."""
    return native[..., [0, -1], :].any(axis=(-2, -1)) | native[..., :, [0, -1]].any(axis=(-2, -1))
