"""Post-DAE: a denoising autoencoder over masks, put behind any segmenter (Larrazabal et al., TMI 2020).

The network sees no radiograph. It is trained on spoiled masks to return the true ones, through a code that is too small
for holes, islands and swapped labels; what it returns is the nearest plausible anatomy that it knows. The paper
fixes the principle (convolutional encoder, fully connected code, mirrored decoder, Dice loss); the HybridGNet thesis
(first article, section 4.2.5) only names it. Chosen here, for minutes on one core: sides of 64 pixels that hold the
covered share of their area (filled contours come back from that with a Dice of 0.993 at 1024); four convolutions with
stride 2; a code of 256; sigmoids, because contours of lungs and heart may overlap by a pixel.

A code loses what is special to a patient: in the thesis Post-DAE costs a U-Net's lungs 1.6 points of Dice. So three
local convolutions follow here that see both the plausible masks and the given ones, and learn where the given border
can be trusted. ``refine: false`` is the paper's form.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import NetworkSettings

NAME = "post-dae"
DEFAULTS = {"graph": "lungs-heart", "input_size": 64, "latent": 256, "widths": [16, 32, 64, 64], "refine": True}


class PostDAE(nn.Module):
    """Encoder, code, decoder.

    Parameters
    ----------
    graph
        Landmark graph whose organs are the channels, in its order.
    input_size
        Side of the masks; a multiple of two to the number of ``widths``.
    latent
        Numbers in the code.
    widths
        Channels after each halving.
    refine
        Whether local convolutions take the given border back where it can be trusted.

    Raises
    ------
    CxrError
        If the graph is unknown or the side cannot be halved so often.
    """

    def __init__(self, graph: str, input_size: int, latent: int, widths: list[int], refine: bool) -> None:
        super().__init__()
        step = 2 ** len(widths)
        if not widths or input_size < step or input_size % step:
            raise CxrError(f"{NAME}: input_size {input_size} and {len(widths)} widths; expected a multiple of {step}")
        self.graph_name = graph
        self.organs, self.definition = landmark_graph(graph).organs, landmark_graph(graph).definition
        self.input_size, self.latent, self.widths = input_size, latent, list(widths)
        channels = [len(self.organs), *widths]
        down = [_block(before, after, stride=2) for before, after in zip(channels, widths, strict=False)]
        self.encoder = nn.Sequential(*down)
        self.deepest = (widths[-1], input_size // step, input_size // step)
        flat = self.deepest[0] * self.deepest[1] * self.deepest[2]
        self.to_code = nn.Linear(flat, latent)
        self.from_code = nn.Linear(latent, flat)
        upwards = list(reversed(widths))
        up = [
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), _block(before, after, 1))
            for before, after in pairwise(upwards)
        ]
        # The last doubling rearranges channels: a convolution at full resolution would cost as much as all others.
        self.decoder = nn.Sequential(*up, nn.Conv2d(widths[0], 4 * len(self.organs), 3, padding=1), nn.PixelShuffle(2))

        self.refine = _refiner(len(self.organs)) if refine else None

    def forward(self, masks: Float[Tensor, "b o s s"]) -> Float[Tensor, "b o s s"]:
        """Logits of mended masks from the covered share of every pixel, in the order of ``organs``."""
        return self.stages(masks)[-1]

    def stages(self, masks: Float[Tensor, "b o s s"]) -> list[Float[Tensor, "b o s s"]]:
        """Logits decoded from the code alone and, with ``refine``, those corrected by the given borders."""
        code = self.to_code(self.encoder(masks).flatten(1))
        plausible = self.decoder(torch.relu(self.from_code(code)).unflatten(1, self.deepest))
        if self.refine is None:
            return [plausible]
        return [plausible, plausible + self.refine(torch.cat([masks, torch.sigmoid(plausible)], dim=1))]

    def settings(self) -> NetworkSettings:
        """What :func:`build` needs to make this network again; part of the weights card."""
        return {
            "graph": self.graph_name,
            "input_size": self.input_size,
            "latent": self.latent,
            "widths": self.widths,
            "refine": self.refine is not None,
        }


def _block(before: int, after: int, stride: int) -> nn.Sequential:
    # Batch statistics of training become constants at inference: no neighbour changes a result.
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )


def _refiner(organs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2 * organs, 16, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(16, 16, 3, padding=2, dilation=2),
        nn.ReLU(inplace=True),
        nn.Conv2d(16, organs, 3, padding=1),
    )


def build(settings: NetworkSettings) -> PostDAE:
    """Make an untrained network from any part of its settings.

    Raises
    ------
    CxrError
        If a setting is unknown or does not fit.
    """
    unknown = sorted(set(settings) - set(DEFAULTS))
    if unknown:
        raise CxrError(f"{NAME}: unknown setting '{unknown[0]}'; expected any of {', '.join(DEFAULTS)}")
    return PostDAE(**(DEFAULTS | settings))
