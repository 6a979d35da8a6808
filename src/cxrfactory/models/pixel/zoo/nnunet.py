"""nnU-Net's two-dimensional network with one sigmoid per structure.

Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation" (Nature
Methods 2021), supplementary note 2: the levels follow from the input size (halved while 4 pixels or more remain), with
32 to 512 channels, two convolutions each, instance normalisation and leaky ReLU. The network comes from
``dynamic-network-architectures``; nnU-Net's own training refuses overlapping labels, so this package trains it. Deep
supervision is left out: the network has the one output that all segmenters here have.
"""

from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import Size, build_zoo, zoo_package
from cxrfactory.tables.weights import NetworkSettings

NAME = "nnunet"
SMALLEST = 4  # pixels of the deepest level's shorter side
WIDEST = 16  # the widest level has 16 times the channels of the first


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (channels of the first level) and the shared ones."""
    return build_zoo(NAME, settings, {"width": 32}, _body)


def levels_of(size: Size) -> int:
    """Return the number of levels for (rows, columns): 7 for 256 to 511 pixels, 6 for 128 to 255."""
    return max(2, (min(size) // SMALLEST).bit_length())


def channels_of(width: int, levels: int) -> list[int]:
    """Return the channels of the levels, doubled from one to the next up to 16 times the first."""
    return [width * min(2**level, WIDEST) for level in range(levels)]


def _body(outputs: int, options: NetworkSettings, size: Size) -> tuple[nn.Module, int]:
    levels = levels_of(size)
    unet = zoo_package(NAME, "dynamic_network_architectures.architectures.unet")
    network = unet.PlainConvUNet(
        input_channels=1,
        n_stages=levels,
        features_per_stage=channels_of(positive(NAME, "width", options["width"]), levels),
        conv_op=nn.Conv2d,
        kernel_sizes=3,
        strides=[1] + [2] * (levels - 1),
        n_conv_per_stage=2,
        num_classes=outputs,
        n_conv_per_stage_decoder=2,
        conv_bias=True,
        norm_op=nn.InstanceNorm2d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=False,
    )
    network.apply(network.initialize)
    heads = network.decoder.seg_layers
    for level in range(len(heads) - 1):  # of the deep supervision; they would never be trained
        heads[level] = nn.Identity()
    multiple = 2 ** (levels - 1)
    return LargeEnough(NAME, network, multiple), multiple


class LargeEnough(nn.Module):
    """A network that normalises every image over its pixels, with a check that the deepest level has more than one.

    Parameters
    ----------
    name
        Registered name.
    network
        The network.
    multiple
        Number of pixels that become one at its deepest level.
    """

    def __init__(self, name: str, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.name, self.network, self.multiple = name, network, multiple

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        rows, columns = image.shape[-2:]
        if max(rows, columns) <= self.multiple:
            raise CxrError(
                f"{self.name}: image is at most {rows} x {columns}; this network needs a side above {self.multiple}: "
                "scale the image to the network's input_size"
            )
        return self.network(image)
