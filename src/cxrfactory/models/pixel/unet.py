"""U-Net (Ronneberger et al., MICCAI 2015) from MONAI, or from segmentation-models-pytorch with one of its encoders."""

from torch import nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, positive, share
from cxrfactory.tables.weights import NetworkSettings

# "plain" is the paper's encoder. Any other name is an encoder of segmentation-models-pytorch, without pretraining.
DEFAULTS = {"width": 16, "dropout": 0.0, "encoder": "plain"}
LEVELS = 5


def widths(width: int) -> tuple[int, ...]:
    """Return the channels of the five levels; each level has twice as many as the one above."""
    return tuple(width * 2**level for level in range(LEVELS))


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings (see :meth:`PixelSegmenter.settings`).

    ``width`` is the number of channels of the first level. ``dropout`` is the dropout probability in every convolution.
    ``encoder`` is ``plain``, or an encoder of segmentation-models-pytorch, which has its own widths and no dropout.
    """
    return build_pixel("unet", settings, DEFAULTS, _body)


def _body(outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    width, dropout = positive("unet", "width", options["width"]), share("unet", "dropout", options["dropout"])
    if options["encoder"] != "plain":
        from cxrfactory.models.pixel.encoders import build_with_encoder

        return build_with_encoder("Unet", options["encoder"], outputs)
    from monai.networks.nets import BasicUNet

    network = BasicUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=outputs,
        features=(*widths(width), width),
        act=("relu", {"inplace": True}),
        norm="batch",
        dropout=dropout,
    )
    return network, 2 ** (LEVELS - 1)
