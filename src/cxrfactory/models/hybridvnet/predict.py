"""Meshes predicted from the pictures of hearts, one case at a time, so that the result does not depend on a batch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.models.device import choose_device
from cxrfactory.models.hybridvnet.finder import HeartFinder
from cxrfactory.models.hybridvnet.frame import Frame, frame_of, turn_of
from cxrfactory.models.hybridvnet.inputs import collated, sample
from cxrfactory.models.hybridvnet.network import Answer, Inputs
from cxrfactory.models.hybridvnet.pictures import HeartPictures
from cxrfactory.models.hybridvnet.weights import FINDER, restored
from cxrfactory.tables.keys import seed_of

Card = Mapping[str, object]


@dataclass(frozen=True)
class PredictedHeart:
    """A predicted mesh.

    Attributes
    ----------
    vertices_mm
        Nodes (x, y, z) in the patient.
    std_mm
        For each node, the root mean squared distance of meshes of drawn codes from their mean; zeros without samples.
    code
        Mean of the code.
    """

    vertices_mm: Float32[np.ndarray, "n 3"]
    std_mm: Float32[np.ndarray, " n"]
    code: Float32[np.ndarray, " latent"]


class MeshPredictor:
    """A network of a mesh with the finder of its frame.

    Parameters
    ----------
    tensors, card
        Weights of the network and their card.
    finder_tensors, finder_card
        Weights of the finder and their card.
    device
        ``auto``, ``cpu`` or ``cuda``.
    samples
        Number of codes that are drawn for the spread of each node.
    passes
        How often the mesh is predicted; each further pass starts from the frame of the mesh before.
    source
        Name of the weights, for error messages.

    Raises
    ------
    CxrError
        If the cards are of other networks.
    """

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        card: Card,
        finder_tensors: Mapping[str, np.ndarray],
        finder_card: Card,
        device: str = "auto",
        samples: int = 8,
        passes: int = 3,
        source: str = "weights",
    ) -> None:
        if finder_card["segmenter"] != FINDER or card["segmenter"] == FINDER:
            raise CxrError(
                f"{source}: weights of a {card['segmenter']} with a {finder_card['segmenter']}; expected a network of "
                f"a mesh with a {FINDER}"
            )
        self.device, self.source, self.samples, self.passes = choose_device(device), source, samples, passes
        self.network = restored(str(card["segmenter"]), card["settings"], tensors).to(self.device)
        finder = restored(FINDER, finder_card["settings"], finder_tensors).to(self.device)
        assert isinstance(finder, HeartFinder)
        self.finder, self.graph, self.settings = finder, self.network.graph, self.network.settings

    @torch.no_grad()
    def predict(self, pictures: HeartPictures, key: str) -> PredictedHeart:
        """Predict the mesh of a case; ``key`` names the case, and decides the drawn codes.

        Raises
        ------
        ImageError
            If the answer of a network is not finite.
        """
        frame = self.finder.find(pictures, self.settings.side_mm)
        answer, inputs = None, None
        for number in range(self.passes):
            if number:
                frame = self.frame_about(pictures, frame.to_mm(answer.positions[0].cpu().numpy()))
            inputs = collated([sample(pictures, frame, self.settings)]).to(self.device)
            answer = self.network(inputs)
            if not torch.isfinite(answer.positions).all():
                raise ImageError(f"{self.source}: the network's answer holds numbers that are not finite")
        vertices = frame.to_mm(answer.positions[0].cpu().numpy()).astype(np.float32)
        return PredictedHeart(
            vertices, self._spread(answer, inputs, key, frame), answer.mu[0].cpu().numpy().astype(np.float32)
        )

    def frame_about(self, pictures: HeartPictures, vertices_mm: Float[np.ndarray, "n 3"]) -> Frame:
        """Return the frame about the ventricles of a mesh, turned as the template."""
        central = self.graph.central
        centre = vertices_mm[central].mean(0)
        straight = frame_of(pictures, centre, self.settings.side_mm)
        inside = (vertices_mm - centre) @ straight.axes.T
        turn = turn_of(inside, self.graph.reference_mm, central.astype(float))
        return frame_of(pictures, centre, self.settings.side_mm, turn)

    def _spread(self, answer: Answer, inputs: Inputs, key: str, frame: Frame) -> Float32[np.ndarray, " n"]:
        if self.samples < 2:
            return np.zeros(self.graph.nodes, np.float32)
        generator = torch.Generator().manual_seed(seed_of(key, "codes"))
        noise = torch.randn(self.samples, self.network.latent, generator=generator).to(self.device)
        codes = answer.mu + noise * torch.exp(0.5 * answer.logvar)
        drawn, _ = self.network.decode(codes, inputs.repeated(self.samples))
        variance = drawn.var(dim=0, correction=0).sum(-1).clamp(min=0)
        return (variance.sqrt().cpu().numpy() * frame.side_mm).astype(np.float32)
