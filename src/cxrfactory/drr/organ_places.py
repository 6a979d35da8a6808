"""Whether labels lie where structures of their names can lie in the CT.

Names of another version number other structures: with the names of TotalSegmentator v1, the upper lobe of the left lung
that v2 numbers 10 is called pancreas. Two things are impossible in any patient: a large solid organ that consists of
air, and a left lung on the right of the right one.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int16, Integer

from cxrfactory.anatomy.taxonomy import AnatomyClass, class_of
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.geometry.structures import LUNGS

STEP = 2  # each second voxel along each axis is looked at
# Fat has -100 HU. Specks that a network finds in a lung are smaller than the volume.
SOLID = frozenset({"liver", "spleen", "pancreas", "kidney", "adrenal gland", "heart", "aorta", "thyroid", "vertebrae"})
LEAST_SOLID_HU, LEAST_ML = -400, 20.0
LEAST_REVERSED_MM = 10.0  # distance of the lungs' centres, from right to left, below which nothing is said

_ADVICE = (
    "check the names (TotalSegmentator v1 and v2 number structures differently: totalsegmentator-v1 or "
    "totalsegmentator-v2), and that the labels are of this CT and not mirrored"
)


class OrganPlaces:
    """Where the labels of solid organs and of lungs lie.

    Parameters
    ----------
    hu
        CT numbers [z, y, x], x towards the patient's right; each :data:`STEP`-th voxel is kept.
    spacing_mm
        Voxel spacing (z, y, x), mm.
    """

    def __init__(self, hu: Int16[np.ndarray, "z y x"], spacing_mm: tuple[float, float, float]) -> None:
        self._hu = hu[::STEP, ::STEP, ::STEP].astype(np.float32)
        self._voxel_ml = float(np.prod(spacing_mm)) * STEP**3 / 1000
        self._step_mm = float(spacing_mm[2]) * STEP
        self._sides: dict[str, list[tuple[float, float]]] = {lung: [] for lung in LUNGS}

    def add(self, labels: Integer[np.ndarray, "z y x"], names: Mapping[int, str]) -> None:
        """Look at the labels of a volume on the CT's grid, by the names of their values.

        Raises
        ------
        ImageError
            If a solid organ of :data:`LEAST_ML` or more lies in air.
        """
        known = {value: found for value, name in names.items() if (found := _class(name)) is not None}
        wanted = {value: each for value, each in known.items() if each.organ in SOLID or each.part in self._sides}
        if not wanted:
            return
        seen = labels[::STEP, ::STEP, ::STEP]
        for value, found in wanted.items():
            voxels = seen == value
            count = int(np.count_nonzero(voxels))
            if count * self._voxel_ml < LEAST_ML:
                continue
            if found.organ in SOLID:
                mean = float(self._hu[voxels].mean())
                if mean < LEAST_SOLID_HU:
                    raise ImageError(
                        f"the label called '{names[value]}' lies in air (mean {mean:.0f} HU, "
                        f"{count * self._voxel_ml:.0f} ml); {_ADVICE}"
                    )
            else:
                across = voxels.sum(axis=(0, 1))
                self._sides[str(found.part)].append((float(across @ np.arange(len(across))), float(count)))

    def check(self) -> None:
        """Refuse labels whose left lung lies on the right of the right lung.

        Raises
        ------
        ImageError
            If the centres of the lungs are in that order, :data:`LEAST_REVERSED_MM` or more apart.
        """
        if not all(self._sides.values()):
            return
        right, left = (np.sum(self._sides[lung], axis=0) for lung in LUNGS)
        reversed_mm = (left[0] / left[1] - right[0] / right[1]) * self._step_mm
        if reversed_mm >= LEAST_REVERSED_MM:
            raise ImageError(
                f"the label of the left lung lies {reversed_mm:.0f} mm on the right of the right lung's; {_ADVICE}"
            )


def _class(name: str) -> AnatomyClass | None:
    try:
        return class_of(name)
    except CxrError:  # names that are not known are reported where classes are needed
        return None
