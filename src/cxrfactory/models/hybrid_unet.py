"""HybridUNet: one trunk with a head for every pixel and a head of graph convolutions for the landmarks.

Dense networks see borders, landmark networks know anatomy: under one recipe, a U-Net has the better Dice at home, and
HybridGNet (:mod:`cxrfactory.models.hybridgnet`) the better one on films of another hospital (docs/training.md). Here, a
latent code of 64 gives the shape, as in HybridGNet, and each pass of the last stage moves the landmarks along and
across their contour. It reads at every node the decoder's features and, along the normal, the dense head's answer for
the node's organ. Where the dense head has a border nearby, the landmarks are drawn to it; where it has none, they stay
where the shape puts them. The nodes keep their correspondence.

As in the thesis (Gaggion, section on image-to-graph skip connections), each skip connection also reads the node's own
position.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.regions import contour_regions
from cxrfactory.errors import CxrError
from cxrfactory.models.chebyshev import ChebConv, chebyshev_basis
from cxrfactory.models.contour_windows import neighbours, sample_points, sample_profiles, tangents_and_normals
from cxrfactory.models.encoder import FIRST_LOGVAR
from cxrfactory.models.networks import Encoded, LatentNetwork
from cxrfactory.models.normalise import build_normaliser, local_contrast
from cxrfactory.models.trunk import DIVISOR, Trunk
from cxrfactory.tables.weights import NetworkSettings

NODE_WIDTH = 32  # channels of a node
ORDER = 6  # Chebyshev polynomials of a layer, as in the paper
REACH = 0.1  # an output of 1 moves a node by this share of the side (models/hybridgnet.py tells why)
# Distances along the normal at which the dense head is read, in 256ths of the side.
PROFILE = (-30, -21, -14, -9, -6, -3, -1, 0, 1, 3, 6, 9, 14, 21, 30)
SOFT = 4.0  # logits are divided by this and squashed, so that a certain answer far from a border is no larger
COARSE_LEVEL, FINE_LEVEL = 2, 0  # levels of the trunk that the pooled and the full graph read


class HybridUNet(LatentNetwork):
    """Predict the landmarks of an image and, beside them, the logits of regions for every other pixel.

    Parameters
    ----------
    graph
        The landmark graph.
    regions
        Regions of the dense head (:mod:`cxrfactory.anatomy.regions`). The first are those that the graph's contours
        enclose; further ones, such as lungs of the other definition, only help to train the trunk.
    input_size
        Side of the square input in pixels, a multiple of 32.
    latent
        Size of the latent code.
    width
        Channels of the trunk's first level.
    normalise
        Normalisation of the grey values: ``none`` or ``equalise`` (:mod:`cxrfactory.models.normalise`).
    passes
        How often the last stage moves the landmarks.

    Raises
    ------
    CxrError
        If the input size is not a multiple of 32, ``passes`` is out of range, or the first regions are not those of
        the graph.
    """

    shape_stage, start_stage = 1, 2  # places in the intermediate positions of :meth:`decode`

    def __init__(
        self,
        graph: LandmarkGraph,
        regions: tuple[str, ...] = (),
        input_size: int = 256,
        latent: int = 64,
        width: int = 16,
        normalise: str = "equalise",
        passes: int = 3,
    ) -> None:
        super().__init__()
        if input_size < DIVISOR or input_size % DIVISOR:
            raise CxrError(f"model input_size is {input_size}; expected a positive multiple of {DIVISOR}")
        if passes not in range(1, 10):
            raise CxrError(f"model passes is {passes}; expected 1 to 9 for hybrid-unet")
        own = tuple(contour_regions(graph))
        if regions[: len(own)] != own or len(set(regions)) < len(regions):
            raise CxrError(f"model regions {list(regions)}; expected {list(own)} first, and each region once")
        self.graph, self.regions, self.input_size, self.latent = graph, tuple(regions), input_size, latent
        self.passes, self.width = passes, width
        self.normalise, self.normaliser = normalise, build_normaliser(normalise)
        self.trunk = Trunk(2, width)
        self.dense = nn.Conv2d(width, len(regions), 1)
        flat = self.trunk.channels[-1] * (input_size // DIVISOR) ** 2
        self.mu, self.logvar = nn.Linear(flat, latent), nn.Linear(flat, latent)
        nn.init.zeros_(self.logvar.weight)
        nn.init.constant_(self.logvar.bias, FIRST_LOGVAR)
        self._build_decoder(latent)

    def _build_decoder(self, latent: int) -> None:
        graph, node = self.graph, NODE_WIDTH
        fine = chebyshev_basis(graph.adjacency(), ORDER)
        coarse = chebyshev_basis(graph.pooled_adjacency(), ORDER)
        self.pooled = coarse.shape[1]
        self.expand = nn.Linear(latent, self.pooled * node)
        self.shape1, self.shape2 = ChebConv(coarse, node, node), ChebConv(coarse, node, node)
        self.position1 = ChebConv(coarse, node, 2)
        self.coarse = ChebConv(coarse, node + self.trunk.channels[COARSE_LEVEL] + 2, node)
        self.fine = ChebConv(fine, node, node)
        self.position2 = ChebConv(fine, node, 2)
        self.move1 = ChebConv(fine, node + self.trunk.channels[FINE_LEVEL] + len(PROFILE) + 2, node)
        self.move2, self.position3 = ChebConv(fine, node, node), ChebConv(fine, node, 2)
        self.norms = nn.ModuleList(nn.LayerNorm(node) for _ in range(7))
        for layer in (self.position1, self.position2, self.position3):
            nn.init.normal_(layer.weight, std=1e-2)
        before, after = neighbours(graph)
        buffers = {
            "unpooling": torch.from_numpy(graph.unpooling()).float(),
            "pooling": torch.from_numpy(graph.pooling()).float(),
            "offsets": torch.tensor(PROFILE, dtype=torch.float32) / 256,
            "before": before,
            "after": after,
        }
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)
        self.register_buffer("mean_shape", torch.full((graph.nodes, 2), 0.5))

    def encode(self, image: Float[Tensor, "b 1 s s"], also: object = ()) -> Encoded:
        """Run the trunk and the dense head; ``also`` is ignored, because the maps do not depend on it.

        Raises
        ------
        CxrError
            If the image's side differs from the input size.
        """
        self.check_side(image)
        with torch.no_grad():
            grey = self.normaliser(image).float()
            seen = torch.cat([grey, local_contrast(grey)], dim=1) - 0.5
        maps, bottom = self.trunk(seen)
        logits = self.dense(maps[FINE_LEVEL].to(self.dense.weight.dtype)).float()
        flat = bottom.flatten(1).to(self.mu.weight.dtype)
        kept = {level: maps[level].float() for level in (COARSE_LEVEL, FINE_LEVEL)}
        return Encoded(kept, self.mu(flat).float(), self.logvar(flat).float(), logits)

    def dense_answer(self, encoded: Encoded, code: Float[Tensor, "b latent"]) -> Float[Tensor, "b r h w"]:
        """Return the answer of the dense head, which does not depend on the code."""
        return encoded.logits

    def decode(self, encoded: Encoded, z: Float[Tensor, "b k latent"]) -> tuple[Float[Tensor, "b k n 2"], list[Tensor]]:
        """Decode ``k`` latent codes per image.

        Returns
        -------
        positions
            (x, y) as fractions of the side, ``[b, k, nodes, 2]``.
        intermediate
            Positions of the pooled nodes, of the shape that the code alone gives, and of every pass but the last.
        """
        with torch.autocast(z.device.type, enabled=False):
            batch, samples = z.shape[:2]
            stages = self._stages(encoded, z.float().flatten(0, 1))
            stages = [each.unflatten(0, (batch, samples)) for each in stages]
            return stages[-1], stages[:-1]

    def _stages(self, encoded: Encoded, z: Float[Tensor, "b latent"]) -> list[Tensor]:
        x = self._act(0, self.expand(z).reshape(len(z), self.pooled, NODE_WIDTH))
        x = self._act(2, self.shape2(self._act(1, self.shape1(x))))
        offset = REACH * self.position1(x)
        stages = [offset + self.pooling @ self.mean_shape]
        place = stages[0].detach()
        seen = sample_points(encoded.maps[COARSE_LEVEL], place)
        x = self._act(3, self.coarse(torch.cat([x, seen, place - 0.5], dim=-1)))
        x = self._act(4, self.fine(self.unpooling @ x))
        stages.append(self.mean_shape + self.unpooling @ offset)
        answers = torch.tanh(encoded.logits[:, : len(self.graph.slices)] / SOFT)
        position = stages[1] + REACH * self.position2(x)
        for _ in range(self.passes):
            stages.append(position)
            position = position + self._step(encoded.maps[FINE_LEVEL], answers, x, position.detach())
        return [*stages, position]

    def _step(
        self, features: Tensor, answers: Tensor, x: Tensor, place: Float[Tensor, "r n 2"]
    ) -> Float[Tensor, "r n 2"]:
        """Return how far the nodes move, from what is seen at ``place``; no gradient flows through the place."""
        tangents, normals = tangents_and_normals(place, self.before, self.after)
        profiles = sample_profiles(answers, place, normals, self.offsets, list(self.graph.slices.values()))
        seen = torch.cat([x, sample_points(features, place), profiles, place - 0.5], dim=-1)
        move = REACH * self.position3(self._act(6, self.move2(self._act(5, self.move1(seen)))))
        return move[..., :1] * normals + move[..., 1:] * tangents

    def _act(self, number: int, x: Tensor) -> Tensor:
        return torch.relu(self.norms[number](x))

    def fold(self) -> None:
        """Fold the normalisations into the convolutions of the trunk."""
        self.trunk.fold()

    def to_bf16(self) -> None:
        """Convert the trunk to bf16, except the blocks that read the image and give the border."""
        self.trunk.to_bf16()

    def settings(self) -> NetworkSettings:
        """Return what :func:`build` needs to make this network again; it is part of the weights card."""
        return {
            "graph": self.graph.name,
            "regions": list(self.regions),
            "input_size": self.input_size,
            "latent": self.latent,
            "width": self.width,
            "normalise": self.normalise,
            "passes": self.passes,
        }


def build(settings: NetworkSettings) -> HybridUNet:
    """Make the network from its settings (see :meth:`HybridUNet.settings`); no regions are those of the graph."""
    graph = landmark_graph(settings["graph"])
    return HybridUNet(
        graph,
        regions=tuple(settings.get("regions") or contour_regions(graph)),
        input_size=int(settings["input_size"]),
        latent=int(settings["latent"]),
        width=int(settings.get("width", 16)),
        normalise=settings.get("normalise", "equalise"),
        passes=int(settings.get("passes", 3)),
    )
