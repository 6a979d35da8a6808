"""The source chest for films with the masks of all its structures, without contrast agent and with loose clavicles."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from cxrfactory.cohort.source import arrays_of, group_labels, locate, mean_blocks, read_source, tensors_of
from cxrfactory.cohort.surroundings import extend_neck, without_table
from cxrfactory.imaging.volume.label_names import read_names
from cxrfactory.projection.conventions import attenuation
from cxrfactory.projection.deform import ChestAnatomy
from cxrfactory.projection.warp import SampledVolume

# TotalSegmentator v2 label values of bones and costal cartilages; right and left clavicle.
_BONES = (*range(25, 51), *range(69, 79), 91, *range(92, 117), 118)
CLAVICLES = (74, 73)
_BONE_EDGE_PX = 2  # a label of bone is widened by this much, since its edge may lie inside the bone
_TISSUE_HU = 60.0  # most that soft tissue and blood without contrast agent have
_BONE_HU = 150.0
_MUSCLE_HU = 40.0


@dataclass(frozen=True)
class FilmSource:
    """The source patient, ready to be deformed and projected with all structures.

    Attributes
    ----------
    frontal, lateral
        Attenuation in 1/mm in four channels: all but the clavicles, the part of it above the bone threshold, and the
        same two of the clavicles alone.
    labels
        Label values as float32, one channel.
    values, names
        Label values and the source's names of the structures in the volume.
    anatomy
        Positions of the parts of the chest.
    low_mm, high_mm
        Corners (x, y, z) of the box of voxel centres, in mm relative to the centre of the lungs.
    """

    frontal: SampledVolume
    lateral: SampledVolume
    labels: SampledVolume
    values: tuple[int, ...]
    names: tuple[str, ...]
    anatomy: ChestAnatomy
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]

    def to_arrays(self) -> dict:
        """Return the attributes with NumPy arrays instead of tensors, for other processes."""
        return arrays_of(self)

    @classmethod
    def from_arrays(cls, arrays: dict) -> "FilmSource":
        """Return the source from the result of :meth:`to_arrays`."""
        return cls(**tensors_of(arrays))


def load_film_source(folder: str | Path, contrast: bool = False) -> FilmSource:
    """Read the CT, the labels and the names that ``fetch-ct`` wrote to a folder.

    Parameters
    ----------
    folder
        Folder of ``fetch-ct``.
    contrast
        Keep the contrast agent in vessels and heart; by default, what is no bone is limited to 60 HU.

    Raises
    ------
    CxrError
        Under the conditions of :func:`cxrfactory.cohort.source.read_source`, or if lungs or heart are not labelled.
    """
    hu, labels, spacing = read_source(folder)
    names = read_names(Path(folder) / "structures.csv")
    labels = np.ascontiguousarray(labels.transpose(2, 1, 0))
    centre, anatomy = locate(group_labels(labels), spacing)
    low = tuple(float(-value) for value in centre)
    high = [
        float((count - 1) * step - value)
        for count, step, value in zip(labels.shape[::-1], spacing, centre, strict=True)
    ]
    hu = np.ascontiguousarray(hu.transpose(2, 1, 0), dtype=np.float32)
    hu = without_table(hu)
    hu = hu if contrast else _without_contrast(hu, labels)
    hu, labels, added_mm = extend_neck(hu, labels, spacing)
    values = tuple(int(value) for value in np.unique(labels) if int(value) in names)
    channels = _channels(hu, labels)

    def sampled(rows: int, columns: int) -> SampledVolume:
        reduced = np.stack([mean_blocks(channel, rows, columns) for channel in channels])
        steps = (spacing[0] * columns, spacing[1] * rows, spacing[2])
        first = (low[0] + spacing[0] * (columns - 1) / 2, low[1] + spacing[1] * (rows - 1) / 2, low[2])
        return SampledVolume(torch.from_numpy(reduced), first, steps)

    half, coarse = max(1, min(hu.shape[1:]) // 256), max(1, min(hu.shape[1:]) // 128)
    reduced = np.ascontiguousarray(labels[:, ::half, ::half], dtype=np.float32)
    held = SampledVolume(torch.from_numpy(reduced)[None], low, (spacing[0] * half, spacing[1] * half, spacing[2]))  # type: ignore[arg-type]
    return FilmSource(
        frontal=sampled(coarse, half),
        lateral=sampled(half, coarse),
        labels=held,
        values=values,
        names=tuple(names[value] for value in values),
        anatomy=anatomy,
        low_mm=low,  # type: ignore[arg-type]
        high_mm=(high[0], high[1], high[2] + added_mm),
    )


def _without_contrast(hu: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Limit everything that is no bone to the CT number of soft tissue; contrast agent and its streaks disappear."""
    bones = np.isin(labels, _BONES).astype(np.uint8)
    around = np.ones((2 * _BONE_EDGE_PX + 1, 2 * _BONE_EDGE_PX + 1), np.uint8)
    near = np.stack([cv2.dilate(each, around) for each in bones])
    return np.where(near > 0, np.minimum(hu, 1500), np.minimum(hu, np.float32(_TISSUE_HU)))


def _channels(hu: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    mu = attenuation(hu)
    mu[:, [0, -1]] = 0  # outside the field of view is air, except above and below
    mu[:, :, [0, -1]] = 0
    bone = np.maximum(mu - attenuation(np.float32(_BONE_HU)), 0)
    clavicles = np.isin(labels, CLAVICLES)
    loose = np.where(clavicles, np.maximum(mu - attenuation(np.float32(_MUSCLE_HU)), 0), np.float32(0))
    loose_bone = np.where(clavicles, bone, np.float32(0))
    return mu - loose, bone - loose_bone, loose, loose_bone
