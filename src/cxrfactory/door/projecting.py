"""Project one chest CT into virtual radiographs and the masks of its structures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from cxrfactory.drr.label_tables import names_of
from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.study import project_study
from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.projection.grey import COUNTS_PER_UNIT, to_8bit, to_16bit


@dataclass(frozen=True)
class ProjectedScan:
    """Frontal (PA) and left lateral (LL) radiographs of one CT, and the masks of its structures.

    Arrays are indexed [row, column], with row 0 at the head. Column 0 is at the patient's right in PA and at the front
    in LL. Dictionaries have the keys ``PA`` and ``LL``, except ``cut_off``.

    Attributes
    ----------
    pictures
        Picture of each view: uint8 [row, column], stretched from its own darkest to its own brightest pixel, bone
        bright. Grey values of two pictures are not comparable.
    physical
        Path integral of linear attenuation (without unit) times ``counts_per_unit``, by view: uint16 [row, column]. The
        scale is the same for every CT. Values above 65535 are stored as 65535.
    masks
        Masks by view and structure name: uint8 [row, column], 1 where a ray meets the structure, 0 elsewhere.
        Structures overlap. A structure that the scan does not contain has an empty mask.
    cut_off
        Whether each structure reaches the outermost voxels of the scan, so that a part of it is probably missing.
    pixel_mm
        Pixel spacing of each view (between rows, between columns) in mm.
    notes
        Changes that were made to the volumes, one line each.
    counts_per_unit
        Counts of ``physical`` that correspond to a path integral of 1.

    Examples
    --------
    >>> scan = cxr.project(ct, labels, names, size=64)
    >>> heart = scan.masks["PA"]["heart"]
    >>> heart.shape == scan.pictures["PA"].shape, int(heart.max())
    (True, 1)
    """

    pictures: dict[str, UInt8[np.ndarray, "rows columns"]] = field(repr=False)
    physical: dict[str, UInt16[np.ndarray, "rows columns"]] = field(repr=False)
    masks: dict[str, dict[str, UInt8[np.ndarray, "rows columns"]]] = field(repr=False)
    cut_off: dict[str, bool] = field(repr=False)
    pixel_mm: dict[str, tuple[float, float]]
    notes: tuple[str, ...]
    counts_per_unit: float = COUNTS_PER_UNIT


def project(
    ct: str | Path,
    labels: str | Path,
    names: str | Path | Mapping[int, str] | None = None,
    *,
    size: int | None = 384,
    body_only: bool = False,
    without_arms: bool = False,
    axes: str | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    affine: str = "agreeing",
    trust_identity: bool = False,
    threads: int = 1,
    recipe: ProjectionRecipe | None = None,
) -> ProjectedScan:
    """Project one chest CT and its labels into radiographs and masks of both views, along parallel rays.

    The pixels are the same as those of ``python -m cxrfactory project``.

    Parameters
    ----------
    ct
        CT numbers in HU: a NIfTI, NRRD or MHA file, or a folder of one DICOM series.
    labels
        A label volume, or a folder with one binary volume for each structure.
    names
        Names of the label values: ``{value: name}``, or a CSV or JSON file, or
        ``totalsegmentator-v2`` or ``totalsegmentator-v1``. Not for a folder, where the file names are
        used.
    size
        Side of the square pictures, pixels; None keeps the voxel grid.
    body_only, without_arms
        Whether to set the table and everything outside the body, and also the arms, to air.
    axes, spacing_mm
        Only for volumes that state no orientation: the sides towards which the stored axes increase (such as ``RAS``),
        and the voxel size along these axes, mm. Give both or neither.
    affine
        Where qform and sform of a NIfTI file differ: ``agreeing`` refuses the file, ``qform`` and ``sform`` take that
        one, with a note.
    trust_identity
        Whether an affine that is the identity but for a spacing counts as an orientation. Programs store such affines
        for arrays without one, so look at a projection first.
    threads
        Number of threads; no pixel depends on it.
    recipe
        A :class:`cxrfactory.drr.recipe.ProjectionRecipe` instead of ``size``, ``body_only``, ``without_arms`` and
        ``threads``, for a cone beam or another attenuation curve.

    Raises
    ------
    CxrError
        If a file is missing or unreadable, CT and labels do not share one space, or the names do not fit the labels.

    Notes
    -----
    The layout follows RadGenome-Anatomy. Scatter, beam hardening, noise and detector blur are not modelled.

    Examples
    --------
    >>> scan = cxr.project(ct, labels, names, size=64)
    >>> scan.pictures["PA"].shape, scan.physical["LL"].dtype
    ((64, 64), dtype('uint16'))
    >>> list(scan.masks["PA"])
    ['heart', 'lung_upper_lobe_left', 'lung_lower_lobe_left', 'liver', 'hip_left']
    """
    if (axes is None) != (spacing_mm is None):
        raise CxrError("axes and spacing_mm go together; give both or neither")
    layout = None if axes is None else VolumeLayout(spacing_mm, axes)  # type: ignore[arg-type]
    if recipe is None:
        recipe = ProjectionRecipe(size, body_only, without_arms, threads=threads)
    known = _named(names)
    study = project_study(ct, labels, known, recipe, layout, AffineRules(affine, trust_identity))
    masks = {view: dict(zip(study.names, study.masks[view], strict=True)) for view in VIEWS}
    return ProjectedScan(
        pictures={view: to_8bit(study.integrals[view]) for view in VIEWS},
        physical={view: to_16bit(study.integrals[view])[0] for view in VIEWS},
        masks=masks,
        cut_off=_by_name(study.names, study.cut_off),
        pixel_mm=dict(study.pixel_mm),
        notes=study.notes,
    )


def _named(names: str | Path | Mapping[int, str] | None) -> dict[int, str] | None:
    if names is None or isinstance(names, str | Path):
        return names_of(names)
    if len(set(names.values())) < len(names):
        raise CxrError("a name stands for two label values; expected each name once")
    return dict(names)


def _by_name(names: tuple[str, ...], values: Bool[np.ndarray, "k"]) -> dict[str, bool]:
    return {name: bool(value) for name, value in zip(names, values, strict=True)}
