"""Grey values of the stack around each node, read at its predicted position: HybridGNet's skip connection in 3D."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

STEPS_MM = (4.0, 9.0)  # distances along each axis, to both sides, at which grey values are read besides the node's own


class Windows(nn.Module):
    """Read the stack at nodes and at points beside them.

    Parameters
    ----------
    side_mm
        Side of the frame.
    """

    def __init__(self, side_mm: float) -> None:
        super().__init__()
        steps = [torch.zeros(1, 3)]
        for step in STEPS_MM:
            steps += [sign * step / side_mm * torch.eye(3) for sign in (1, -1)]
        offsets = torch.cat(steps)
        self.channels = 2 * len(offsets)
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, stack: Float[Tensor, "b 2 z h w"], positions: Float[Tensor, "b n 3"]) -> Float[Tensor, "n b c"]:
        """Return grey values and what has been imaged; no gradient flows to the positions."""
        points = 2 * (positions.detach()[:, :, None] + self.offsets) - 1
        read = nn.functional.grid_sample(stack, points[..., None, :], align_corners=False)[..., 0]
        return read.permute(2, 0, 1, 3).flatten(2)
