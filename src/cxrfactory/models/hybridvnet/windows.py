"""Grey values around each node, read at its predicted position: HybridGNet's skip connection in 3D."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

# Distances along each axis, to both sides, at which grey values are read besides the node's own.
STEPS_MM = ((2.0, 5.0, 9.0), (2.0, 5.0, 9.0), (5.0, 10.0))
PLANE_STEPS_MM = ((2.5, 6.0), (2.5, 6.0))  # the same in a long-axis plane, along its right and upward directions
NEAR_MM = 8.0  # distance from a plane at which a node reads it with 0.6 of its weight


def _steps(steps_mm: tuple[tuple[float, ...], ...]) -> Float[Tensor, "points axes"]:
    """Return the zero and, for each step along each axis, the ways to both sides."""
    axes = torch.eye(len(steps_mm))
    ways = [sign * step * axes[axis] for axis, steps in enumerate(steps_mm) for step in steps for sign in (1, -1)]
    return torch.stack([torch.zeros(len(axes)), *ways])


class Windows(nn.Module):
    """Read the stack at nodes and at points beside them.

    Parameters
    ----------
    side_mm
        Side of the frame.
    """

    def __init__(self, side_mm: float) -> None:
        super().__init__()
        offsets = _steps(STEPS_MM) / side_mm
        self.channels = 2 * len(offsets)
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, stack: Float[Tensor, "b 2 z h w"], positions: Float[Tensor, "b n 3"]) -> Float[Tensor, "n b c"]:
        """Return grey values and what has been imaged; no gradient flows to the positions."""
        points = 2 * (positions.detach()[:, :, None] + self.offsets) - 1
        read = nn.functional.grid_sample(stack, points[..., None, :], align_corners=False)[..., 0]
        return read.permute(2, 0, 1, 3).flatten(2)


class PlaneWindows(nn.Module):
    """Read the long-axis planes where nodes lie on or near them.

    Parameters
    ----------
    side_mm
        Side of the frame.
    plane_mm
        Side of a sampled plane.
    views
        Number of planes.
    """

    def __init__(self, side_mm: float, plane_mm: float, views: int) -> None:
        super().__init__()
        self.side_mm, self.plane_mm = side_mm, plane_mm
        offsets = _steps(PLANE_STEPS_MM)
        self.channels = views * (1 + len(offsets))
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(
        self,
        planes: Float[Tensor, "b v 2 s s"],
        facts: Float[Tensor, "b v f"],
        present: Tensor,
        positions: Float[Tensor, "b n 3"],
    ) -> Float[Tensor, "n b c"]:
        """Return grey values and how near the plane is, both 0 far from a plane; no gradient flows to the positions.

        Parameters
        ----------
        planes
            Grey values, and what has been imaged.
        facts
            Right and upward direction of each plane along the frame's axes, and its distance from the centre
            (:func:`~cxrfactory.models.hybridvnet.sampling.sample_plane`).
        present
            ``[b, v]``: whether the view is there.
        positions
            Nodes relative to the frame.
        """
        right, up, apart = facts[..., :3], facts[..., 3:6], facts[..., 6]
        inside = self.side_mm * (positions.detach() - 0.5)
        along, upward, off = (
            torch.einsum("bnd,bvd->bvn", inside, each) for each in (right, up, torch.linalg.cross(right, up))
        )
        off = off - self.side_mm * apart[..., None]
        near = torch.exp(-0.5 * (off / NEAR_MM).square()) * present[..., None]
        points = torch.stack([along, upward], dim=-1)[..., None, :] + self.offsets
        points = points / (0.5 * self.plane_mm) * points.new_tensor([1.0, -1.0])  # rows run downwards
        read = nn.functional.grid_sample(
            planes[:, :, 0].flatten(0, 1)[:, None], points.flatten(0, 1), align_corners=False
        )
        read = read[:, 0].unflatten(0, near.shape[:2]) * near[..., None]
        return torch.cat([near[..., None], read], dim=-1).permute(2, 0, 1, 3).flatten(2)
