"""Baseline: a point distribution model with a pose, inferred from the same pictures.

The second half of MCSI-Net (Xia et al. 2022): a network predicts a centre, a rotation, and the weights of the
principal modes of shapes that were aligned before.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.models.hybridvnet.graph import MeshGraph
from cxrfactory.models.hybridvnet.network import REACH, Answer, Inputs, NetworkSettings, ViewEncoder

MODES = 40
TURN = 0.3  # an output of 1 turns the mesh by so many radians


class PcaVNet(nn.Module):
    """Predict centre, rotation and shape modes.

    Parameters
    ----------
    graph
        Graph of the mesh, of which only the number of nodes is used.
    settings
        Sizes, as of HybridVNet.
    modes
        Number of principal modes.
    """

    def __init__(self, graph: MeshGraph, settings: NetworkSettings, modes: int = MODES) -> None:
        super().__init__()
        self.graph, self.settings, self.modes = graph, settings, modes
        self.latent = settings.latent
        self.encoder = ViewEncoder(settings)
        self.head = nn.Linear(self.latent, 6 + modes)
        nn.init.normal_(self.head.weight, std=1e-2)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("mean_shape", torch.zeros(graph.nodes, 3))
        self.register_buffer("basis", torch.zeros(modes, graph.nodes, 3))

    def fit_shapes(self, shapes: Float[np.ndarray, "cases n 3"]) -> None:
        """Learn the modes from positions relative to their frames, before the first step."""
        mean, basis = shape_modes(shapes, self.modes)
        with torch.no_grad():
            self.mean_shape.copy_(torch.from_numpy(mean))
            self.basis[: len(basis)].copy_(torch.from_numpy(basis))

    def decode(
        self, code: Float[Tensor, "b latent"], inputs: Inputs | None = None
    ) -> tuple[Float[Tensor, "b n 3"], list[Tensor]]:
        """Return positions relative to the frame; there are no coarser levels."""
        numbers = self.head(code)
        shape = self.mean_shape + torch.einsum("bm,mnd->bnd", numbers[:, 6:], self.basis)
        rotation = rotations(TURN * numbers[:, 3:6])
        return 0.5 + REACH * numbers[:, None, :3] + shape @ rotation.transpose(1, 2), []

    def answer(self, mu: Tensor, logvar: Tensor, inputs: Inputs | None = None, noise: Tensor | None = None) -> Answer:
        """Decode the mean of the code, which is not drawn at random."""
        positions, coarse = self.decode(mu)
        return Answer(positions, coarse, torch.zeros_like(mu), torch.zeros_like(mu))

    def forward(self, inputs: Inputs, noise: Tensor | None = None) -> Answer:
        """Return positions relative to the frame."""
        return self.answer(*self.encoder(inputs))


def rotations(vectors: Float[Tensor, "b 3"]) -> Float[Tensor, "b 3 3"]:
    """Return the rotation matrices of rotation vectors in radians."""
    x, y, z = vectors.unbind(1)
    nil = torch.zeros_like(x)
    crosses = torch.stack([nil, -z, y, z, nil, -x, -y, x, nil], dim=1).reshape(-1, 3, 3)
    return torch.linalg.matrix_exp(crosses)


def rigid_onto(
    moving: Float[np.ndarray, "n 3"], fixed: Float[np.ndarray, "n 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """Return rotation R and shift t so that ``moving @ R.T + t`` is nearest to the corresponding fixed points."""
    a, b = moving.mean(0), fixed.mean(0)
    u, _, vt = np.linalg.svd((moving - a).T @ (fixed - b))
    sign = np.sign(np.linalg.det(vt.T @ u.T))
    rotation = vt.T @ np.diag([1, 1, sign]) @ u.T
    return rotation, b - rotation @ a


def shape_modes(
    shapes: Float[np.ndarray, "cases n 3"], modes: int, rounds: int = 3
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "modes n 3"]]:
    """Align shapes by rotation and shift, and return their mean about the origin and their principal modes.

    Each mode is scaled to one standard deviation. There are at most as many modes as shapes less one.
    """
    shapes = np.asarray(shapes, np.float64)
    mean = shapes[0] - shapes[0].mean(0)
    for _ in range(rounds):
        aligned = []
        for shape in shapes:
            rotation, shift = rigid_onto(shape, mean)
            aligned.append(shape @ rotation.T + shift)
        mean = np.mean(aligned, axis=0)
        mean -= mean.mean(0)
    apart = (np.stack(aligned) - mean).reshape(len(shapes), -1)
    _, sizes, directions = np.linalg.svd(apart, full_matrices=False)
    kept = min(modes, len(shapes) - 1)
    scaled = directions[:kept] * sizes[:kept, None] / np.sqrt(len(shapes) - 1)
    return mean.astype(np.float32), scaled.reshape(kept, *mean.shape).astype(np.float32)
