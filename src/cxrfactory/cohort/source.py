"""The source chest: its CT and labels are read once and reduced to the arrays that the cohort samples."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from jaxtyping import UInt8
from nibabel.filebasedimages import ImageFileError

from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.cohort.surroundings import extend_neck, without_table
from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import attenuation
from cxrfactory.projection.deform import ChestAnatomy
from cxrfactory.projection.warp import SampledVolume

CT_FILE, LABEL_FILE = "cxr.nii.gz", "mask.nii.gz"

# TotalSegmentator v2 label values, grouped by their role in a frontal radiograph.
ORGAN_GROUPS: dict[str, tuple[int, ...]] = {
    "right_lung": (12, 13, 14),
    "left_lung": (10, 11),
    "heart": (51, 61),  # the heart and the left atrial appendage
    # Organs below the domes: spleen, kidneys, gallbladder, liver, stomach, pancreas, adrenals, bowel.
    "abdomen": (1, 2, 3, 4, 5, 6, 7, 8, 9, 18, 19, 20, 23, 24),
    # Oesophagus, trachea, thyroid, aorta, brachiocephalic trunk and veins, carotids, venae cavae. The group excludes
    # the subclavian arteries, which cross the apices, and the pulmonary veins, which project onto the lungs.
    "mediastinum": (15, 16, 17, 52, 54, 57, 58, 59, 60, 62, 63),
    "spinal_cord": (79,),  # after widening, it represents the vertebral bodies without their processes
}

_HU_CEILING = 1500  # the contrast agent in a vein of the source scan is denser than every bone
_BONE_HU = 150


@dataclass(frozen=True)
class SourceChest:
    """The source patient, ready to be deformed.

    Attributes
    ----------
    frontal, lateral
        Volumes with two channels: water-like attenuation (1/mm), and the part of it above the bone threshold. They have
        full resolution along the axes of their view and are averaged in blocks along the ray.
    organs
        Soft masks with values 0..1 of the groups in :data:`ORGAN_GROUPS`, in that order.
    anatomy
        Positions of the parts of the chest.
    low_mm, high_mm
        Corners (x, y, z) of the box of voxel centres, in mm relative to the centre of the lungs.
    """

    frontal: SampledVolume
    lateral: SampledVolume
    organs: SampledVolume
    anatomy: ChestAnatomy
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]

    def to_arrays(self) -> dict:
        """Return the attributes with NumPy arrays instead of tensors.

        Tensors are sent to other processes through shared memory, which is often small in containers.
        """
        return arrays_of(self)

    @classmethod
    def from_arrays(cls, arrays: dict) -> "SourceChest":
        """Return the source chest from the result of :meth:`to_arrays`."""
        return cls(**tensors_of(arrays))


def arrays_of(source: Any) -> dict:
    """Return the attributes of a source chest with NumPy arrays instead of tensors."""
    return {
        name: replace(value, values=value.values.cpu().numpy()) if isinstance(value, SampledVolume) else value
        for name, value in vars(source).items()
    }


def tensors_of(arrays: dict) -> dict:
    """Return the result of :func:`arrays_of` with tensors."""
    return {
        name: replace(value, values=torch.from_numpy(value.values)) if isinstance(value, SampledVolume) else value
        for name, value in arrays.items()
    }


def load_source(folder: str | Path, device: str = "cpu") -> SourceChest:
    """Read the CT and the labels that ``fetch-ct`` wrote to a folder, and prepare them for sampling.

    Raises
    ------
    CxrError
        If a file is missing or unreadable, if the two volumes differ in shape, or if lungs or heart are not labelled.
    """
    return prepare_source(*read_source(folder), device)


def read_source(folder: str | Path) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Read CT numbers (float32) and labels (uint8), both canonical [x, y, z], and the spacing (x, y, z) in mm.

    Raises
    ------
    CxrError
        If a file is missing or unreadable, or the two differ in shape.
    """
    hu, spacing = _read(Path(folder) / CT_FILE)
    labels, _ = _read(Path(folder) / LABEL_FILE)
    if hu.shape != labels.shape:
        raise CxrError(f"{folder}: {CT_FILE} has shape {hu.shape}, {LABEL_FILE} {labels.shape}; expected one shape")
    return hu, labels.astype(np.uint8), spacing


def prepare_source(
    hu: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float], device: str = "cpu"
) -> SourceChest:
    """Reduce a canonical CT [x, y, z] and its labels to the arrays that the cohort samples.

    Parameters
    ----------
    hu, labels
        Canonical (RAS) volumes of the same shape: CT numbers and TotalSegmentator v2 labels.
    spacing_mm
        Voxel spacing (x, y, z) in mm.
    device
        PyTorch device of the result.

    Raises
    ------
    CxrError
        If lungs or heart are not labelled.
    """
    # The volumes become contiguous [z, y, x], so that all further processing runs in memory order.
    hu = np.ascontiguousarray(hu.transpose(2, 1, 0), dtype=np.float32)
    grouped = group_labels(np.ascontiguousarray(labels.transpose(2, 1, 0)))
    centre, anatomy = locate(grouped, spacing_mm)
    low = tuple(float(-c) for c in centre)
    high = tuple(float((n - 1) * s - c) for n, s, c in zip(hu.shape[::-1], spacing_mm, centre, strict=True))
    hu, grouped, added_mm = extend_neck(without_table(hu), grouped, spacing_mm)
    mu = attenuation(np.minimum(hu, _HU_CEILING))
    mu[:, [0, -1]] = 0  # outside the field of view is air, except above and below
    mu[:, :, [0, -1]] = 0
    bone = np.maximum(mu - attenuation(np.float32(_BONE_HU)), 0)

    def sampled(channels: Iterable[np.ndarray], across: int, along: int) -> SampledVolume:
        reduced = np.stack([mean_blocks(channel, along, across) for channel in channels])
        steps = (spacing_mm[0] * across, spacing_mm[1] * along, spacing_mm[2])
        first = (low[0] + spacing_mm[0] * (across - 1) / 2, low[1] + spacing_mm[1] * (along - 1) / 2, low[2])
        return SampledVolume(torch.from_numpy(reduced).to(device), first, steps)

    coarse = max(1, min(hu.shape[1:]) // 128)
    half = max(1, min(hu.shape[1:]) // 256)
    return SourceChest(
        frontal=sampled((mu, bone), 1, coarse),
        lateral=sampled((mu, bone), coarse, 1),
        organs=sampled((grouped == place for place in range(1, len(ORGAN_GROUPS) + 1)), half, coarse),
        anatomy=anatomy,
        low_mm=low,  # type: ignore[arg-type]
        high_mm=(high[0], high[1], high[2] + added_mm),
    )


def group_labels(labels: UInt8[np.ndarray, "z y x"]) -> UInt8[np.ndarray, "z y x"]:
    """Map TotalSegmentator v2 labels to positions (from 1) in :data:`ORGAN_GROUPS`; all other labels become 0.

    Raises
    ------
    CxrError
        If lungs or heart are not labelled.
    """
    groups = np.zeros(256, np.uint8)
    for place, values in enumerate(ORGAN_GROUPS.values(), start=1):
        groups[list(values)] = place
    grouped = groups[labels]
    for place, name in enumerate(ORGAN_GROUPS, start=1):
        if name in ORGANS and not (grouped == place).any():
            raise CxrError(f"the label volume holds no {name.replace('_', ' ')} (labels {ORGAN_GROUPS[name]})")
    return grouped


def _read(path: Path) -> tuple[np.ndarray, tuple[float, float, float]]:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; run `python -m cxrfactory stage fetch-ct --output {path.parent}` first")
    try:
        image = nib.as_closest_canonical(nib.load(path))
        values = np.asarray(image.dataobj, dtype=np.float32)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise CxrError(f"{path}: not a readable NIfTI volume ({error})") from error
    if values.ndim != 3:
        raise CxrError(f"{path}: {values.ndim} dimensions; expected a volume of 3")
    return values, tuple(float(step) for step in image.header.get_zooms()[:3])  # type: ignore[return-value]


def mean_blocks(volume: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Average blocks of ``rows`` x ``columns`` voxels in every slice; incomplete blocks at the end are dropped."""
    depth, height, width = volume.shape
    reduced = np.zeros((depth, height // rows, width // columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            reduced += volume[:, row : height // rows * rows : rows, column : width // columns * columns : columns]
    return reduced / np.float32(rows * columns)


def locate(
    grouped: UInt8[np.ndarray, "z y x"], spacing_mm: tuple[float, float, float]
) -> tuple[tuple[float, float, float], ChestAnatomy]:
    """Return the centre (x, y, z) of the lungs' box in mm from the first voxel, and the anatomy relative to it."""
    names = list(ORGAN_GROUPS)
    lungs = (grouped == names.index("right_lung") + 1) | (grouped == names.index("left_lung") + 1)
    spacing = np.array(spacing_mm)
    z, y, x = (np.flatnonzero(lungs.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    low = np.array([x[0], y[0], z[0]]) * spacing
    high = np.array([x[-1], y[-1], z[-1]]) * spacing
    centre = (low + high) / 2
    half = (high - low) / 2
    heart = np.argwhere(grouped == names.index("heart") + 1).mean(axis=0)[::-1] * spacing - centre
    below = np.flatnonzero((grouped == names.index("abdomen") + 1).any(axis=(1, 2)))
    dome = (below[-1] * spacing[2] if len(below) else low[2]) - centre[2]
    return tuple(centre), ChestAnatomy(  # type: ignore[return-value]
        half_width_mm=float(half[0]),
        half_depth_mm=float(half[1]),
        half_height_mm=float(half[2]),
        heart_mm=tuple(float(value) for value in heart),  # type: ignore[arg-type]
        dome_height_mm=float(dome),
    )
