"""The U-Net of Gaggion et al., MICCAI 2021: the second dual model without its graph decoder.

It keeps the fully connected code between encoder and decoder, so its input has one side. The code is its mean: without
the graph there is no variational term.
"""

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.encoder import Encoder
from cxrfactory.models.miccai.parts import CHANNELS, DenseDecoder
from cxrfactory.models.networks import check_input_size
from cxrfactory.models.pixel.segmenter import INPUT_SIZE, PixelSegmenter, build_pixel, input_size_of, positive
from cxrfactory.tables.weights import NetworkSettings

NAME = "hybridgnet-dual-unet"
DEFAULTS = {"code": 64}
PARTS = {"body.encoder": "encoder", "body.dense": "dense"}


class DualUNet(nn.Module):
    """Encoder, code, and mask decoder with skip connections.

    Parameters
    ----------
    outputs
        Number of maps.
    side
        Side of the input in pixels, a multiple of 32.
    latent
        Size of the code.
    """

    def __init__(self, outputs: int, side: int, latent: int) -> None:
        super().__init__()
        check_input_size(side)
        self.side = side
        self.encoder = Encoder(side, latent, CHANNELS)
        self.encoder.logvar.requires_grad_(False)  # the code is not drawn
        self.dense = DenseDecoder(side, latent)
        self.head = nn.Conv2d(CHANNELS[0], outputs, 1)

    def forward(self, x: Float[Tensor, "b 1 s s"]) -> Float[Tensor, "b outputs s s"]:
        """Compute the logits of every map.

        Raises
        ------
        CxrError
            If the image has another side.
        """
        if x.shape[-2:] != (self.side, self.side):
            raise CxrError(f"{NAME}: image is {list(x.shape[-2:])}; this network expects {self.side} squared")
        maps, mu, _ = self.encoder(x, range(1, len(CHANNELS)))
        return self.head(self.dense(mu, maps))


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings (see :meth:`PixelSegmenter.settings`); ``code`` is the size of the code.

    Raises
    ------
    CxrError
        If the input is not a square whose side is a multiple of 32.
    """
    rows, columns = input_size_of(NAME, settings.get("input_size", INPUT_SIZE))
    if rows != columns:
        raise CxrError(f"{NAME}: input_size is {rows} x {columns}; its code needs one side, a multiple of 32")
    network = build_pixel(NAME, settings, DEFAULTS, partial(_body, rows))
    network.parts = PARTS
    return network


def _body(side: int, outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    return DualUNet(outputs, side, positive(NAME, "code", options["code"])), 1
