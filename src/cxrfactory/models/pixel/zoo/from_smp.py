"""Five architectures of the zoo from segmentation-models-pytorch, with random weights.

U-Net (Ronneberger et al., MICCAI 2015), U-Net++ (Zhou et al., DLMIA 2018) and DeepLabV3+ (Chen et al., ECCV 2018) have
a ResNet-34 encoder, UPerNet (Xiao et al., ECCV 2018) a Swin-T encoder, and SegFormer (Xie et al., NeurIPS 2021) its own
encoder mit_b2. The setting ``encoder`` takes any other encoder of the library.
"""

from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.segmenter import PixelSegmenter
from cxrfactory.models.pixel.zoo.parts import Size, build_zoo, check_batch, zoo_package
from cxrfactory.tables.weights import NetworkSettings

RESNET, SWIN = "resnet34", "tu-swin_tiny_patch4_window7_224"
DOWN = 32


def unet(settings: NetworkSettings) -> PixelSegmenter:
    """Make a U-Net from its settings: ``encoder`` and the shared ones."""
    return _build("unet-resnet34", "Unet", RESNET, settings)


def unet_plus_plus(settings: NetworkSettings) -> PixelSegmenter:
    """Make a U-Net++ from its settings: ``encoder`` and the shared ones."""
    return _build("unet-plus-plus-resnet34", "UnetPlusPlus", RESNET, settings)


def deeplab(settings: NetworkSettings) -> PixelSegmenter:
    """Make a DeepLabV3+ from its settings: ``encoder`` and the shared ones."""
    return _build("deeplabv3-plus", "DeepLabV3Plus", RESNET, settings)


def upernet(settings: NetworkSettings) -> PixelSegmenter:
    """Make a UPerNet from its settings: ``encoder`` (a Swin or a convolutional one) and the shared ones."""
    return _build("upernet", "UPerNet", SWIN, settings)


def segformer(settings: NetworkSettings) -> PixelSegmenter:
    """Make a SegFormer from its settings: ``encoder`` (mit_b0 to mit_b5) and the shared ones."""
    return _build("segformer", "Segformer", "mit_b2", settings)


class _AtLeastTwo(nn.Module):
    """A network that normalises globally pooled features over the batch, with a check of the batch."""

    def __init__(self, name: str, network: nn.Module) -> None:
        super().__init__()
        self.name, self.network = name, network

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        check_batch(self.name, image, self.training)
        return self.network(image)


def _build(name: str, architecture: str, encoder: str, settings: NetworkSettings) -> PixelSegmenter:
    def body(outputs: int, options: NetworkSettings, size: Size) -> tuple[nn.Module, int]:
        smp = zoo_package(name, "segmentation_models_pytorch")
        chosen = options["encoder"]
        if not str(chosen).startswith("tu-") and chosen not in smp.encoders.get_encoder_names():
            raise CxrError(f"{name}: encoder is {chosen!r}; expected one of segmentation-models-pytorch")
        sized = {"img_size": size, "strict_img_size": False} if "swin" in str(chosen) else {}
        network = getattr(smp, architecture)(str(chosen), encoder_weights=None, in_channels=1, classes=outputs, **sized)
        pooled = architecture in ("DeepLabV3Plus", "UPerNet")
        return _AtLeastTwo(name, network) if pooled else network, DOWN

    return build_zoo(name, settings, {"encoder": encoder}, body)
