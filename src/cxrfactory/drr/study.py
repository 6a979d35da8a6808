"""Project one CT study to the pictures and masks of both views."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cxrfactory.drr.beams import masks, pictures
from cxrfactory.drr.lung_place import LungPlace, is_lung
from cxrfactory.drr.organ_places import OrganPlaces
from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.imaging.volume.grid import Grid
from cxrfactory.imaging.volume.label_volume import BinaryFolder, MultiLabel, open_labels
from cxrfactory.imaging.volume.layered_labels import LayeredSegments
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout
from cxrfactory.projection.body import body_mask, without_arms
from cxrfactory.projection.conventions import VIEWS, View
from cxrfactory.projection.frame import Frame


@dataclass(frozen=True)
class ProjectedStudy:
    """Pictures and masks of a study in display orientation [row, column].

    Row 0 is superior. Column 0 is the patient's right in the PA view, and anterior in the LL view.

    Attributes
    ----------
    integrals
        Path integrals of each view, float32 and dimensionless.
    names
        Names of the structures from the source, in the order of the masks.
    source_ids
        Label values of the structures; they are ``None`` for a folder with one file per structure.
    masks
        Masks of 0 and 1 of each view, [structure, row, column].
    cut_off
        Whether each structure reaches the outermost voxels of the scan or of its label volume, so that a part of it is
        probably missing.
    pixel_mm
        Row and column spacing of each view in mm.
    notes
        Changes that were made to the volumes.
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
    rules: AffineRules | None = None,
) -> ProjectedStudy:
    """Read one study and project it.

    The CT is released before the labels are read, and only one binary volume of a folder is in memory at a time. The
    peak memory is therefore only slightly above the size of the larger of CT and labels.

    Parameters
    ----------
    ct
        Volume file or DICOM folder.
    labels
        Volume file with several labels, or folder with one binary volume per structure.
    names
        Name of each label value of a volume file.
    recipe
        Settings of the projection.
    layout
        Spacing and axes for files that do not state them.
    rules
        Which affine counts where a file states two that differ, or none; by default such a file is refused.

    Raises
    ------
    ImageError
        If the study cannot be used, the labels of the lungs lie elsewhere (:mod:`cxrfactory.drr.lung_place`), or labels
        lie where structures of their names cannot lie (:mod:`cxrfactory.drr.organ_places`); see
        :mod:`cxrfactory.imaging.volume.ct` and :mod:`cxrfactory.imaging.volume.label_volume`.
    CxrError
        If a path is missing, or if the names do not match the labels.
    """
    integrals, grid, frame, notes, lungs, organs = _pictures(Path(ct), recipe, layout, rules)
    found = open_labels(Path(labels), grid, names, layout, rules)
    if isinstance(found, MultiLabel):
        structures = tuple(found.names.values())
        source_ids: tuple[int | None, ...] = tuple(found.names)
        stacks, cut_off = masks(found.values, list(found.names), frame, recipe)
        cut_off |= np.isin(list(found.names), list(found.at_end))
        lungs.add(found.values, [value for value, name in found.names.items() if is_lung(name)])
        organs.add(found.values, found.names)
    else:
        structures, source_ids = found.names, (None,) * len(found)
        stacks, cut_off = _folder_masks(found, frame, recipe, lungs, organs)
    organs.check()
    notes = (*notes, *found.notes, *lungs.check())
    spacing = dict(zip("zyx", grid.spacing_mm, strict=True))
    native = {"PA": (spacing["z"], spacing["x"]), "LL": (spacing["z"], spacing["y"])}
    pixel_mm = native if frame is None else dict.fromkeys(VIEWS, (frame.pixel_mm, frame.pixel_mm))
    return ProjectedStudy(integrals, structures, source_ids, stacks, cut_off, pixel_mm, notes)


def _pictures(
    path: Path, recipe: ProjectionRecipe, layout: VolumeLayout | None, rules: AffineRules | None
) -> tuple[dict[View, np.ndarray], Grid, Frame | None, tuple[str, ...], LungPlace, OrganPlaces]:
    ct = read_ct(path, layout, rules)
    body, notes = None, ct.notes
    if recipe.body_only or recipe.without_arms:
        body = body_mask(ct.values)
        notes = (*notes, "what lies outside the body set to air")
    if recipe.without_arms:
        body, slices = without_arms(body, ct.spacing_mm)
        notes = (*notes, f"arms set to air in {slices} slices" if slices else "no arms found apart from the trunk")
    frame = None if recipe.size is None else Frame.around(ct.grid.shape, ct.spacing_mm, recipe.size)
    return (
        pictures(ct, body, frame, recipe),
        ct.grid,
        frame,
        notes,
        LungPlace(ct.values),
        OrganPlaces(ct.values, ct.spacing_mm),
    )


def _folder_masks(
    labels: BinaryFolder | LayeredSegments,
    frame: Frame | None,
    recipe: ProjectionRecipe,
    lungs: LungPlace,
    organs: OrganPlaces,
) -> tuple[dict[View, UInt8[np.ndarray, "k rows columns"]], Bool[np.ndarray, "k"]]:
    """Compute the masks of a folder of binary volumes, with one volume in memory at a time."""
    stacks: dict[View, list[np.ndarray]] = {view: [] for view in VIEWS}
    cut_off = np.zeros(len(labels), bool)
    for place, (name, volume) in enumerate(labels):
        found, cut = masks(volume, [1], frame, recipe, binary=True)
        cut_off[place] = cut[0] or name in labels.at_end
        lungs.add(volume, [1] if is_lung(name) else [])
        organs.add(volume, {1: name})
        for view in VIEWS:
            stacks[view].append(found[view][0])
    return {view: np.stack(stacks[view]) for view in VIEWS}, cut_off
