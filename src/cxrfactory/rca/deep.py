"""RCA with a trained registration network: the same scores as with classical registration, many times as fast.

Each reference and each image is described once. A pair then costs only the comparison of two descriptions and the
warping of the masks.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch.nn import functional

from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.models.device import choose_device, single_threaded
from cxrfactory.models.inputs import to_input
from cxrfactory.models.registration import REGISTRATION, Description, RegistrationNet, Target
from cxrfactory.rca.labels import Codes
from cxrfactory.rca.score import Aligned, Reference, check_shapes
from cxrfactory.tables.weights import read_weights, sha256_of, weights_file


class DeepAligner:
    """An :class:`~cxrfactory.rca.score.Aligner` with a :class:`~cxrfactory.models.registration.RegistrationNet`.

    Parameters
    ----------
    weights
        Weights from ``train-registration``, with their card in the same folder.
    interpolation
        Interpolation of the labels: ``nearest``, or ``linear`` as in the published code.
    device
        ``auto``, ``cpu`` or ``cuda``.
    """

    method = "deep"

    def __init__(self, weights: str | Path, interpolation: str = "nearest", device: str = "cpu") -> None:
        self.interpolation, self.device = interpolation, choose_device(device)
        self.net = open_registration(weights).to(self.device)
        self.network = sha256_of(weights_file(weights))
        self._targets: dict[str, Target] = {}  # references by id

    def align(self, image: UInt8[np.ndarray, "rows columns"], references: Sequence[Reference]) -> Aligned:
        """Register an image onto each reference; images run separately, so a result depends on its own image only.

        Raises
        ------
        CxrError
            If the shape of a reference differs from that of the image.
        ImageError
            If the image has only one grey value.
        """
        check_shapes(image, references)
        if image.min() == image.max():
            raise ImageError(f"image has one grey value only ({image.min()}); nothing to register")
        with single_threaded(), torch.inference_mode():
            fixed = Target.join([self._target(each) for each in references])
            described = self._describe(image)
            typicality = float(self.net.typicality(described))
            grid = self.net.align(described[[0] * len(references)], fixed).grid(image.shape[0])

        def warp(codes: Codes) -> UInt8[np.ndarray, "references rows columns"]:
            with single_threaded(), torch.inference_mode():
                return warp_codes(torch.from_numpy(codes).to(self.device), grid, self.interpolation == "linear")

        return Aligned(warp, typicality)

    def typicality(self, images: Sequence[UInt8[np.ndarray, "rows columns"]]) -> list[float]:
        """Return the typicality of square images (:attr:`~cxrfactory.rca.score.Aligned.typicality`)."""
        with single_threaded(), torch.inference_mode():
            return self.net.typicality(self._describe(*images)).tolist()

    def _target(self, reference: Reference) -> Target:
        if reference.image_id not in self._targets:
            self._targets[reference.image_id] = self.net.target(self._describe(reference.image))
        return self._targets[reference.image_id]

    def _describe(self, *images: UInt8[np.ndarray, "rows columns"]) -> Description:
        values = torch.from_numpy(np.stack([to_input(image, self.net.input_size) for image in images]))[:, None]
        return self.net.describe(values.to(self.device, memory_format=torch.channels_last))


def warp_codes(
    codes: UInt8[torch.Tensor, "rows columns"], grid: torch.Tensor, linear: bool
) -> UInt8[np.ndarray, "references rows columns"]:
    """Sample a map of codes at the points of each grid ``[references, rows, columns, 2]``; outside is background."""
    count = len(grid)
    if not linear:
        source = codes.float().expand(count, 1, *codes.shape)
        warped = functional.grid_sample(source, grid, mode="nearest", align_corners=False)
        return warped[:, 0].to(torch.uint8).cpu().numpy()
    bits = torch.arange(len(ORGANS), device=codes.device).reshape(-1, 1, 1)
    masks = ((codes[None] >> bits) & 1).float().expand(count, -1, -1, -1)
    inside = functional.grid_sample(masks, grid, mode="bilinear", align_corners=False) >= 1 - 1e-6
    return (inside << bits).sum(dim=1).to(torch.uint8).cpu().numpy()


def open_registration(weights: str | Path) -> RegistrationNet:
    """Read weights of ``train-registration`` into a network that is ready for inference.

    Raises
    ------
    CxrError
        If the file is missing or does not hold a registration network.
    """
    tensors, card = read_weights(weights)
    if card["segmenter"] != REGISTRATION:
        raise CxrError(f"{weights}: weights of '{card['segmenter']}'; expected those of train-registration")
    net = RegistrationNet(**card["settings"])
    net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in tensors.items()})
    return net.for_inference()
