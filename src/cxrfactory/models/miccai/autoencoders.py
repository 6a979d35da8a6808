"""The autoencoders that the networks of Gaggion et al., MICCAI 2021, start from: of images, of graphs and of vectors.

The article trains a variational autoencoder of images and one of landmark graphs, for its FC baseline one of the
landmarks as a vector, all with codes of one size. The image encoder and one of the shape decoders then are the first
weights of a network from images to landmarks. Here, the three are one network for the training's sake: they see the
same images, and have no weight in common. It segments nothing.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.models.baselines.fc import HIDDEN
from cxrfactory.models.encoder import Encoder
from cxrfactory.models.hybridgnet import REACH
from cxrfactory.models.miccai.hybridgnet import arguments
from cxrfactory.models.miccai.parts import CHANNELS, DenseDecoder, GraphDecoder, GraphEncoder, VectorEncoder
from cxrfactory.models.networks import LandmarkNetwork, Rebuilt, check_input_size
from cxrfactory.models.normalise import build_normaliser
from cxrfactory.tables.weights import NetworkSettings


class Autoencoders(LandmarkNetwork):
    """Autoencoders of images, of landmark graphs and of landmark vectors.

    Parameters
    ----------
    graph
        The landmark graph.
    input_size
        Side of the square images in pixels, a multiple of 32.
    latent
        Size of each code.
    normalise
        Normalisation of the grey values, after which images are rebuilt (:mod:`cxrfactory.models.normalise`).

    Raises
    ------
    CxrError
        If the input size is not a positive multiple of 32.
    """

    def __init__(self, graph: LandmarkGraph, input_size: int = 512, latent: int = 64, normalise: str = "none") -> None:
        super().__init__()
        check_input_size(input_size)
        self.graph, self.input_size, self.latent = graph, input_size, latent
        self.normalise, self.normaliser = normalise, build_normaliser(normalise)
        self.encoder = Encoder(input_size, latent, CHANNELS)
        self.dense = DenseDecoder(input_size, latent)
        self.head = nn.Conv2d(CHANNELS[0], 1, 1)
        self.graph_encoder = GraphEncoder(graph, latent)
        self.decoder = GraphDecoder(graph, latent)
        self.vector_encoder = VectorEncoder(graph.nodes, HIDDEN, latent)
        self.hidden = nn.Linear(latent, HIDDEN)  # the decoder of the FC baseline
        self.output = nn.Linear(HIDDEN, 2 * graph.nodes)
        nn.init.normal_(self.output.weight, std=1e-2)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("pooling", torch.from_numpy(graph.pooling()).float(), persistent=False)
        self.register_buffer("mean_shape", torch.full((graph.nodes, 2), 0.5))

    def rebuild_images(
        self, images: Float[Tensor, "b 1 s s"], noise: Float[Tensor, "b latent"] | None = None
    ) -> tuple[Rebuilt, Float[Tensor, "b 1 s s"]]:
        """Encode and decode images.

        Parameters
        ----------
        images
            Grey values, 0 to 1.
        noise
            Standard normal noise of the code; without it, its mean is decoded.

        Returns
        -------
        tuple
            What was rebuilt, and the normalised images that it should equal.
        """
        wanted = self.normaliser(images)
        _, mu, logvar = self.encoder(wanted, ())
        return Rebuilt(self.head(self.dense(_code(mu, logvar, noise))), mu, logvar), wanted

    def rebuild_shapes(
        self, positions: Float[Tensor, "b n 2"], noise: Float[Tensor, "2 b latent"] | None = None
    ) -> tuple[Rebuilt, Rebuilt]:
        """Encode and decode landmarks, as a graph and as a vector; every node must be a number.

        Parameters
        ----------
        positions
            (x, y) as fractions of the side.
        noise
            Standard normal noise of both codes; without it, their means are decoded.
        """
        moved = (positions - self.mean_shape) / REACH
        graphs, vectors = self.graph_encoder(moved), self.vector_encoder(moved)
        first, second = (None, None) if noise is None else noise
        from_graph = self.decoder(_code(*graphs, first))
        from_vector = self.output(torch.relu(self.hidden(_code(*vectors, second)))).unflatten(-1, (self.graph.nodes, 2))
        return (
            Rebuilt(self.mean_shape + REACH * from_graph, *graphs),
            Rebuilt(self.mean_shape + REACH * from_vector, *vectors),
        )

    def for_inference(self) -> "Autoencoders":
        """Refuse: there is no way from an image to landmarks.

        Raises
        ------
        CxrError
            Always.
        """
        raise CxrError(
            "weights of autoencoders, which segment nothing; expected those of a segmenter: train one that starts "
            "from them (train --segmenter hybridgnet-miccai --parts-from WEIGHTS)"
        )

    def settings(self) -> NetworkSettings:
        """Return what :func:`build` needs to make this network again; it is part of the weights card."""
        own = {"graph": self.graph.name, "input_size": self.input_size, "latent": self.latent}
        return own | {"normalise": self.normalise}


def _code(mu: Tensor, logvar: Tensor, noise: Tensor | None) -> Tensor:
    return mu if noise is None else mu + noise * torch.exp(0.5 * logvar)


def build(settings: NetworkSettings) -> Autoencoders:
    """Make the network from its settings (:meth:`Autoencoders.settings`); other settings are ignored."""
    return Autoencoders(**arguments(settings))
