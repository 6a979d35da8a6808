"""Measure the mesh of a case: volumes of its parts, quality of its tetrahedra, and reasons to look at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from cxrfactory.geometry.mesh.filling import Filling
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.geometry.mesh.quality import flipped, scaled_jacobian
from cxrfactory.geometry.mesh.slicing import slice_mask
from cxrfactory.geometry.mesh.surface import volume_mm3
from cxrfactory.hearts.views import ImagePlane

DENSITY_G_PER_ML = 1.05  # of myocardium, as is usual in cardiac MR
LV, WALL, RV = "lv", "lv_myocardium", "rv"
LEAST_EF, LARGEST_EF = 5.0, 85.0  # percent; ejection fractions outside are flagged


@dataclass(frozen=True)
class Anatomy:
    """What all meshes of a template share: the surfaces of its parts, and how inner nodes follow the surfaces.

    Attributes
    ----------
    template
        The template's mesh.
    """

    template: LabelledMesh

    @cached_property
    def filling(self) -> Filling:
        """Function that places all nodes from those of the surfaces."""
        return Filling(self.template)

    @cached_property
    def surfaces(self) -> dict[str, Int[np.ndarray, "faces 3"]]:
        """Closed surface of each part, by its name; normals point outwards."""
        return {name: self.template.surface(name) for name in self.template.parts}

    @cached_property
    def epicardium(self) -> Int[np.ndarray, "faces 3"]:
        """Closed surface of the left ventricle's cavity and wall together."""
        return self.template.surface(LV, WALL)

    def volumes_ml(self, positions_mm: Float[np.ndarray, "nodes 3"]) -> dict[str, float]:
        """Return the volume within the closed surface of each part, ml."""
        return {name: volume_mm3(positions_mm, faces) / 1000 for name, faces in self.surfaces.items()}

    def masks(
        self, positions_mm: Float[np.ndarray, "nodes 3"], plane: ImagePlane
    ) -> dict[str, Bool[np.ndarray, "rows columns"]]:
        """Return the parts of a mesh in an image plane, one mask for each part."""
        return {name: cut(positions_mm, faces, plane) for name, faces in self.surfaces.items()}


def cut(
    positions_mm: Float[np.ndarray, "nodes 3"], faces: Int[np.ndarray, "faces 3"], plane: ImagePlane
) -> Bool[np.ndarray, "rows columns"]:
    """Return which pixels of a plane have their centre inside a closed surface."""
    return slice_mask(
        positions_mm, faces, plane.origin_mm, plane.across, plane.down, plane.spacing_mm, plane.pixels.shape
    )


def quality(anatomy: Anatomy, positions_mm: Float[np.ndarray, "nodes 3"]) -> dict[str, float | int]:
    """Return the columns of a row that describe the tetrahedra."""
    tetrahedra = anatomy.template.tetrahedra
    jacobians = scaled_jacobian(positions_mm, tetrahedra)
    return {
        "smallest_jacobian": float(jacobians.min()),
        "mean_jacobian": float(jacobians.mean()),
        "flipped_tetrahedra": int(np.count_nonzero(flipped(positions_mm, tetrahedra))),
    }


def pumping(volumes_ml: Mapping[str, Mapping[str, float]]) -> dict[str, float | None]:
    """Return the columns with volumes and ejection fractions of a case.

    Parameters
    ----------
    volumes_ml
        Volumes of the parts, by frame; the frames ED and ES are read.

    Returns
    -------
    End-diastolic and end-systolic volume in ml and ejection fraction in percent of both ventricles; None for those
    whose frame is missing.
    """
    row: dict[str, float | None] = {}
    for part in (LV, RV):
        end, rest = (volumes_ml.get(frame, {}).get(part) for frame in ("ED", "ES"))
        row |= {f"{part}_edv_ml": end, f"{part}_esv_ml": rest}
        row[f"{part}_ef_percent"] = None if end is None or rest is None or end <= 0 else 100 * (end - rest) / end
    return row


def flags_of(
    row: Mapping[str, object], long_axis: Sequence[str], largest_std_mm: float, least_slices: int
) -> list[str]:
    """Return the reasons to look at a mesh.

    Parameters
    ----------
    row
        Its row without flags.
    long_axis
        Names of the long-axis views of the case.
    largest_std_mm, least_slices
        Limits of the config.
    """
    ef = row["lv_ef_percent"]
    raised = {
        "flipped": row["flipped_tetrahedra"] != 0,
        "uncertain": float(row["mean_std_mm"]) > largest_std_mm,  # type: ignore[arg-type]
        "few_slices": int(row["slices"]) < least_slices,  # type: ignore[call-overload]
        "no_long_axis": not long_axis,
        "ef_implausible": ef is not None and not LEAST_EF <= float(ef) <= LARGEST_EF,  # type: ignore[arg-type]
    }
    return [name for name, on in raised.items() if on]
