"""Cone-beam projection of both views from a point source, by ray marching with nanodrr (PyPI; the extra ``cone``).

Source and detector are placed as in an upright chest examination. In the PA view the source is behind the patient and
the detector in front of the chest. In the LL (left lateral) view the source is on the patient's right and the detector
on the left side. The ray through the centre of the picture passes through the centre of the volume. In the plane
through that centre, a pixel has the same size as in the parallel projection. Structures nearer to the source appear
larger and may leave the picture.

Each ray is sampled twice per voxel: CT numbers trilinearly, labels at the nearest voxel. Structures thinner than half a
voxel can be missed. The cone beam is less exact and slower than the parallel projection.
"""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Bool, Float32, Integer, Real, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import View, attenuation, seen_axes
from cxrfactory.projection.frame import Frame
from cxrfactory.projection.integrals import AttenuationCurve

_SAMPLES_A_VOXEL = 2
_SAMPLES_AT_ONCE = 2_000_000  # bounds the memory besides the volume: 12 bytes of position per sample and some copies
# Directions in world coordinates (x, y, z) of a picture's columns (to the right), of its rows (down) and of the rays.
_DIRECTIONS = {
    "PA": ((-1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "LL": ((0, -1, 0), (0, 0, -1), (-1, 0, 0)),
}


@dataclass(frozen=True)
class ConeBeam:
    """Distances of a point source.

    Attributes
    ----------
    source_detector_mm
        Distance from the source to the detector; 1.8 m is usual for an upright chest radiograph.
    source_object_mm
        Distance from the source to the centre of the volume.
    """

    source_detector_mm: float = 1800.0
    source_object_mm: float = 1600.0


def cone_integrals(
    hu: Real[np.ndarray, "z y x"],
    frame: Frame,
    beam: ConeBeam,
    view: View,
    curve: AttenuationCurve | None = None,
    body: Bool[np.ndarray, "z y x"] | None = None,
    device: str = "cpu",
) -> Float32[np.ndarray, "size size"]:
    """Compute path integrals of a CT along rays from a point source, in the frame.

    Parameters
    ----------
    hu
        Canonical volume [z, y, x] of CT numbers.
    frame
        Frame of that volume.
    beam
        Distances of source and detector.
    view
        ``PA`` or ``LL``.
    curve
        Attenuation as a function of the CT number; the default scales the attenuation of water.
    body
        Mask that is True where the CT numbers are used; all other voxels are set to air.
    device
        PyTorch device.

    Returns
    -------
    Float32[np.ndarray, "size size"]
        Dimensionless path integrals in display orientation [row, column].

    Raises
    ------
    CxrError
        If nanodrr is not installed, if the volume does not have the frame's shape, or if it does not lie between source
        and detector.
    """
    mu = attenuation(hu) if curve is None else np.interp(hu, curve.hu, curve.mu_per_mm).astype(np.float32)
    if body is not None:
        mu = np.where(body, mu, np.float32(0))
    volume = torch.from_numpy(np.ascontiguousarray(mu)).to(device)[None, None]
    parts = _march(volume, torch.zeros(1, device=device).expand(volume.shape), 1, frame, beam, view)
    return np.concatenate([part[0] for part in parts])


def cone_occupancy(
    labels: Integer[np.ndarray, "z y x"],
    values: Sequence[int],
    frame: Frame,
    beam: ConeBeam,
    view: View,
    device: str = "cpu",
) -> UInt8[np.ndarray, "k size size"]:
    """Compute masks of structures along rays from a point source, in the frame.

    Parameters
    ----------
    labels
        Canonical label volume [z, y, x].
    values
        Label values; each gives one mask, in this order.
    frame, beam, view, device
        The same as in :func:`cone_integrals`.

    Returns
    -------
    UInt8[np.ndarray, "k size size"]
        Masks of 0 and 1 in display orientation [structure, row, column].

    Raises
    ------
    CxrError
        Under the same conditions as in :func:`cone_integrals`.
    """
    slot = np.zeros(int(max(labels.max(), *values, 0)) + 1, np.float32)
    slot[list(values)] = np.arange(1, len(values) + 1)
    slots = torch.from_numpy(slot[labels]).to(device)[None, None]
    ones = torch.ones(1, device=device).expand(slots.shape)
    parts = _march(ones, slots, len(values) + 1, frame, beam, view)
    return np.concatenate([(part[1:] > 0).astype(np.uint8) for part in parts], axis=1)


def _march(
    volume: torch.Tensor, labels: torch.Tensor, classes: int, frame: Frame, beam: ConeBeam, view: View
) -> Iterator[np.ndarray]:
    """Yield bands of rows of the picture, [classes, rows, size], from top to bottom."""
    nanodrr = _nanodrr()
    along = 3 - sum(seen_axes(view))
    shape = np.array([frame.depth, frame.height, frame.width])
    spacing_mm = np.array([frame.spacing_z_mm, frame.spacing_y_mm, frame.spacing_x_mm])
    if tuple(volume.shape[2:]) != tuple(shape):
        raise CxrError(f"volume of shape {tuple(volume.shape[2:])}; expected the frame's {tuple(map(int, shape))}")
    reach = float(shape[along] * spacing_mm[along] / 2)
    if not reach < beam.source_object_mm <= beam.source_detector_mm - reach:
        raise CxrError(
            f"{view}: source {beam.source_object_mm} mm before the centre of a volume that reaches {reach:.1f} mm from "
            f"it, detector at {beam.source_detector_mm} mm; expected the whole volume between the two"
        )
    subject = nanodrr.data.Subject(
        volume, labels, *_placed(shape, spacing_mm), torch.zeros(3), max_label=classes - 1, convert_to_mu=False
    ).to(volume.device)
    pixel_mm = frame.pixel_mm * beam.source_detector_mm / beam.source_object_mm
    k_inv = nanodrr.camera.make_k_inv(
        beam.source_detector_mm, pixel_mm, pixel_mm, 0.0, 0.0, frame.size, frame.size, dtype=torch.float32
    )[0]
    across = (torch.arange(frame.size) + 0.5).float()
    samples = int(shape[along]) * _SAMPLES_A_VOXEL
    band = max(1, _SAMPLES_AT_ONCE // (samples * frame.size))
    to_world = _camera_to_world(view, beam).to(volume.device)[None]
    detector_mm = torch.tensor([beam.source_detector_mm], dtype=torch.float32, device=volume.device)
    for top in range(0, frame.size, band):
        rows, columns = torch.meshgrid(across[top : top + band], across, indexing="ij")
        pixels = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).reshape(-1, 3)
        ends = (beam.source_detector_mm * pixels @ k_inv.T).to(volume.device)[None]
        with torch.no_grad():
            found = nanodrr.drr.render(
                subject, k_inv[None].to(volume.device), to_world, detector_mm, len(rows), frame.size, samples, tgt=ends
            )
        yield found[0].cpu().numpy()


def _placed(shape: np.ndarray, spacing_mm: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return three affine matrices: voxel to world, world to voxel, and voxel to the -1..1 range of ``grid_sample``.

    Coordinates are (x, y, z), and the origin of the world lies at the centre of the volume.
    """
    counts, steps = shape[::-1].astype(float), spacing_mm[::-1]
    to_world, to_grid = np.eye(4), np.eye(4)
    to_world[:3, :3], to_world[:3, 3] = np.diag(steps), -steps * (counts - 1) / 2
    to_grid[:3, :3], to_grid[:3, 3] = np.diag(2 / counts), 1 / counts - 1
    matrices = (to_world, np.linalg.inv(to_world), to_grid)
    return tuple(torch.from_numpy(matrix).float() for matrix in matrices)  # type: ignore[return-value]


def _camera_to_world(view: View, beam: ConeBeam) -> torch.Tensor:
    """Return the camera matrix; its columns are the directions of the picture's x, y and the rays, and the source.

    The matrix contains a reflection: pictures are displayed as if the viewer faces the patient, but the source of the
    PA view is behind the patient.
    """
    matrix = torch.eye(4)
    matrix[:3, :3] = torch.tensor(_DIRECTIONS[view], dtype=torch.float32).T
    matrix[:3, 3] = -beam.source_object_mm * matrix[:3, 2]
    return matrix


def _nanodrr() -> ModuleType:
    try:
        for part in ("data", "camera", "drr"):
            importlib.import_module(f"nanodrr.{part}")
        return importlib.import_module("nanodrr")
    except ModuleNotFoundError as error:
        raise CxrError(
            f"the cone beam needs nanodrr, and {error.name} is not installed; run `pip install 'cxrfactory[cone]'`, or "
            "project parallel"
        ) from error
