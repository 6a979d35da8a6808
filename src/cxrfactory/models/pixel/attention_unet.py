"""Attention U-Net (Oktay et al., MIDL 2018) from MONAI: a U-Net with attention gates on the skip connections."""

from torch import nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, positive, share
from cxrfactory.models.pixel.unet import LEVELS, widths
from cxrfactory.tables.weights import NetworkSettings


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (channels of the first level), ``dropout``, and the shared ones."""
    return build_pixel("attention-unet", settings, {"width": 16, "dropout": 0.0}, _body)


def _body(outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    from monai.networks.nets import AttentionUnet

    name = "attention-unet"
    network = AttentionUnet(
        spatial_dims=2,
        in_channels=1,
        out_channels=outputs,
        channels=widths(positive(name, "width", options["width"])),
        strides=(2,) * (LEVELS - 1),
        dropout=share(name, "dropout", options["dropout"]),
    )
    return network, 2 ** (LEVELS - 1)
