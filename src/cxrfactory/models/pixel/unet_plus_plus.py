"""U-Net++ (Zhou et al., DLMIA 2018) with nested skip connections, from MONAI or segmentation-models-pytorch."""

from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, positive, share
from cxrfactory.models.pixel.unet import DEFAULTS, LEVELS, widths
from cxrfactory.tables.weights import NetworkSettings


class _Last(nn.Module):
    """MONAI's U-Net++ without deep supervision; returns a tensor instead of a list with one output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        # Only the deepest output is used; the weights of the other heads would never be trained.
        network.final_conv_0_1 = network.final_conv_0_2 = network.final_conv_0_3 = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[-1]


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings, which are those of :func:`cxrfactory.models.pixel.unet.build`."""
    return build_pixel("unet-plus-plus", settings, DEFAULTS, _body)


def _body(outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    name = "unet-plus-plus"
    width, dropout = positive(name, "width", options["width"]), share(name, "dropout", options["dropout"])
    if options["encoder"] != "plain":
        from cxrfactory.models.pixel.encoders import build_with_encoder

        return build_with_encoder("UnetPlusPlus", options["encoder"], outputs)
    from monai.networks.nets import BasicUNetPlusPlus

    network = BasicUNetPlusPlus(
        spatial_dims=2,
        in_channels=1,
        out_channels=outputs,
        features=(*widths(width), width),
        act=("relu", {"inplace": True}),
        norm="batch",
        dropout=dropout,
    )
    return _Last(network), 2 ** (LEVELS - 1)
