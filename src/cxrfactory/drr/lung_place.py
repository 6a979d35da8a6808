"""Whether the labels of the lungs lie where the CT has lungs.

Labels with a wrong affine, or of another patient, lie in tissue. Consolidated and collapsed lungs are dense too, but
what air they hold is labelled. So labels are refused only if they are dense and leave out the air-filled lung around
them.
"""

import numpy as np
from jaxtyping import Bool, Int16, Integer

from cxrfactory.anatomy.taxonomy import class_of
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.geometry.structures import LUNGS

STEP = 2  # each second voxel along each axis is looked at, to save memory
# Means of true labels: -755 to -874 HU in four real CTs. Labels of TotalSegmentator's example that its affine puts into
# the abdomen: -76.
LARGEST_MEAN_HU = -300
AERATED_HU = (-950, -400)  # lung with air, without the air outside
# True labels hold 0.78 to 0.97 of the air-filled lung in the box around them, and 0.44 to 0.52 if four fifths of both
# lungs are filled; the labels in the abdomen 0.06, and labels moved by a quarter of the CT 0.19 to 0.55.
LEAST_COVERED = 0.4
LEAST_AERATED = 0.1  # voxels with such values in the whole CT, as a share of the labels, by which a place can be judged


_ADVICE = "look whether they lie in the lungs"


def is_lung(name: str) -> bool:
    """Return whether a structure of a source is a lung or a lobe."""
    try:
        found = class_of(name)
    except CxrError:  # names that are not known are reported where classes are needed
        return False
    return found is not None and (found.part in LUNGS or found.name == "lung")


class LungPlace:
    """The place of the lungs' labels in a CT.

    Parameters
    ----------
    hu
        CT numbers [z, y, x], of which each :data:`STEP`-th voxel is kept.
    """

    def __init__(self, hu: Int16[np.ndarray, "z y x"]) -> None:
        self._hu = hu[::STEP, ::STEP, ::STEP].copy()
        self._labels = np.zeros(self._hu.shape, bool)

    def add(self, labels: Integer[np.ndarray, "z y x"] | Bool[np.ndarray, "z y x"], values: list[int]) -> None:
        """Add the labels of a lung or lobe, by their values in a volume on the CT's grid."""
        if values:
            self._labels |= np.isin(labels[::STEP, ::STEP, ::STEP], values)

    def check(self) -> tuple[str, ...]:
        """Return a note where the lungs are dense, or leave out lung; none where all is well, or there are none.

        Raises
        ------
        ImageError
            If the labels lie in tissue, and the air-filled lung lies elsewhere.
        """
        if not self._labels.any():
            return ()
        mean, covered = float(self._hu[self._labels].mean()), self._covered()
        elsewhere = covered is not None and covered < LEAST_COVERED
        if mean <= LARGEST_MEAN_HU:
            what = f"hold {covered:.0%} of the air-filled lung around them"
            return (f"the labels of the lungs {what}: {_ADVICE}",) if elsewhere else ()
        if elsewhere:
            raise ImageError(
                f"the labels of the lungs lie in tissue (mean {mean:.0f} HU) and hold {covered:.0%} of the air-filled "
                f"lung around them; expected most of it, and a mean below {LARGEST_MEAN_HU} HU: check that the labels "
                "are of this CT, and their affine"
            )
        return (f"the labels of the lungs are dense (mean {mean:.0f} HU): {_ADVICE}",)

    def _covered(self) -> float | None:
        """Return the labelled share of the air-filled lung in the box around the labels; None for a CT without any."""
        low, high = AERATED_HU
        aerated = (self._hu > low) & (self._hu < high)
        if aerated.sum() < LEAST_AERATED * self._labels.sum():
            return None
        box = tuple(slice(along.min(), along.max() + 1) for along in np.nonzero(self._labels))
        inside = aerated[box]
        return float((inside & self._labels[box]).sum() / max(int(inside.sum()), 1))
