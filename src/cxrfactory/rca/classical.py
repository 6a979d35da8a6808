"""RCA with SimpleITK: affine and B-spline registration of every pair. It is slow and needs no training.

It is the method that the deep registration is compared with.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import ImageError
from cxrfactory.rca.labels import Codes
from cxrfactory.rca.score import Aligned, Reference, check_shapes
from cxrfactory.registration.classical import prepare, register, warp_codes

if TYPE_CHECKING:
    import SimpleITK as sitk


class ClassicalAligner:
    """An :class:`~cxrfactory.rca.score.Aligner` that uses :mod:`cxrfactory.registration.classical`.

    Parameters
    ----------
    interpolation
        Interpolation of the labels: ``nearest``, or ``linear`` as in the published code.
    """

    method = "classical"
    network = None

    def __init__(self, interpolation: str = "nearest") -> None:
        self.interpolation = interpolation
        self._prepared: dict[str, sitk.Image] = {}  # references by id, prepared once

    def align(self, image: UInt8[np.ndarray, "rows columns"], references: Sequence[Reference]) -> Aligned:
        """Register an image onto each reference.

        Raises
        ------
        CxrError
            If the shape of a reference differs from that of the image.
        ImageError
            If the image has only one grey value, or a registration fails.
        """
        check_shapes(image, references)
        moving = prepare(image)
        transforms = []
        for reference in references:
            try:
                if reference.image_id not in self._prepared:
                    self._prepared[reference.image_id] = prepare(reference.image)
                transforms.append(register(self._prepared[reference.image_id], moving))
            except ImageError as error:
                raise ImageError(f"RCA registration failed for reference '{reference.image_id}': {error}") from error

        def warp(codes: Codes) -> UInt8[np.ndarray, "references rows columns"]:
            return np.stack([warp_codes(codes, each, self.interpolation == "linear") for each in transforms])

        return Aligned(warp)
