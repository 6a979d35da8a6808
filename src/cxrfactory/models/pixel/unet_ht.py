"""UNet-HT: a U-Net with residual blocks for heterogeneous labels.

Gaggion et al., "Multi-center anatomical segmentation with heterogeneous labels via landmark-based models" (ISBI
2023), section 2: every organ is a separate binary problem with a sigmoid output, and an organ that an image's source
did not annotate does not enter the loss. This module holds the network. The loss, with its table of annotated organs,
is in :mod:`cxrfactory.models.pixel.losses` and is shared by all pixel segmenters.
"""

from torch import nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, positive, share
from cxrfactory.models.pixel.unet import LEVELS, widths
from cxrfactory.tables.weights import NetworkSettings

RESIDUAL_UNITS = 2


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (channels of the first level), ``dropout``, and the shared ones."""
    return build_pixel("unet-ht", settings, {"width": 16, "dropout": 0.0}, _body)


def _body(outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    from monai.networks.nets import UNet

    network = UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=outputs,
        channels=widths(positive("unet-ht", "width", options["width"])),
        strides=(2,) * (LEVELS - 1),
        num_res_units=RESIDUAL_UNITS,
        act="relu",
        norm="batch",
        dropout=share("unet-ht", "dropout", options["dropout"]),
    )
    return network, 2 ** (LEVELS - 1)
