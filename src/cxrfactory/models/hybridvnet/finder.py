"""Finding the heart in a whole short-axis stack: its centre, and the direction from the left to the right ventricle."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.models.hybridvnet.encoder import StackEncoder
from cxrfactory.models.hybridvnet.frame import Frame, frame_of, planned_frame, planned_turn
from cxrfactory.models.hybridvnet.pictures import HeartPictures
from cxrfactory.models.hybridvnet.sampling import sample_stack

FINDER_GRID = (8, 64, 64)
FINDER_CHANNELS = (12, 24, 32, 48)


class HeartFinder(nn.Module):
    """Predict the frame of a heart from its stack alone.

    Parameters
    ----------
    grid
        Grid (z, h, w) on which the stack is sampled about the centre of its field of view.
    side_mm
        Side of that frame in the plane of the slices. Along the third axis, the grid reaches over half of it.
    channels
        Channels of the encoder's blocks.
    """

    def __init__(
        self,
        grid: tuple[int, int, int] = FINDER_GRID,
        side_mm: float = 288.0,
        channels: Sequence[int] = FINDER_CHANNELS,
    ) -> None:
        super().__init__()
        self.grid, self.side_mm, self.channels = tuple(grid), side_mm, tuple(channels)
        self.encoder = StackEncoder(self.grid, 5, self.channels)

    def forward(self, stack: Float[Tensor, "b 2 z h w"]) -> tuple[Float[Tensor, "b 3"], Float[Tensor, "b 2"]]:
        """Return the centre relative to the frame, and the direction's cosine and sine, not of length 1."""
        numbers, _ = self.encoder(stack)
        return 0.5 + 0.1 * numbers[:, :3], numbers[:, 3:]

    def find(self, pictures: HeartPictures, side_mm: float) -> Frame:
        """Return the heart's frame: from the planes' places where two long-axis views exist, else from the stack."""
        planned = planned_frame(pictures, side_mm)
        return self.find_in_stack(pictures, side_mm) if planned is None else planned

    @torch.no_grad()
    def find_in_stack(self, pictures: HeartPictures, side_mm: float) -> Frame:
        """Return the frame of the heart in a stack, with the given side."""
        whole = whole_frame(pictures, self.side_mm)
        stack = torch.from_numpy(sample_stack(pictures, whole, self.grid))[None]
        centre, direction = (each[0].cpu().numpy() for each in self(stack.to(self.encoder.head.weight.device)))
        turn = planned_turn(pictures) + float(np.arctan2(direction[1], direction[0]))
        return frame_of(pictures, whole.to_mm(centre[None])[0], side_mm, turn)


def whole_frame(pictures: HeartPictures, side_mm: float) -> Frame:
    """Return the frame about the centre of a stack's field of view, turned to where the right ventricle likely lies.

    The frame has half of the side along the third axis.
    """
    return replace(frame_of(pictures, pictures.centre_mm, side_mm, planned_turn(pictures)), scale=(1.0, 1.0, 2.0))
