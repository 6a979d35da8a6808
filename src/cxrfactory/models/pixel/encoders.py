"""U-Net and U-Net++ of segmentation-models-pytorch with one of its encoders and random weights."""

from torch import nn

from cxrfactory.errors import CxrError
from cxrfactory.models.torchvision_ops import import_torchvision

DEPTH = 5


def build_with_encoder(architecture: str, encoder: str, outputs: int) -> tuple[nn.Module, int]:
    """Make ``Unet`` or ``UnetPlusPlus`` with an encoder; nothing is downloaded.

    Returns
    -------
    network, multiple
        The network, and the number that its input sides must be multiples of.

    Raises
    ------
    CxrError
        If the library has no such encoder.
    """
    import_torchvision()
    import segmentation_models_pytorch as smp

    if encoder not in smp.encoders.get_encoder_names():
        raise CxrError(
            f"encoder is '{encoder}'; expected 'plain' or an encoder of segmentation-models-pytorch, "
            "such as 'resnet18' or 'efficientnet-b0'"
        )
    network = getattr(smp, architecture)(
        encoder, encoder_depth=DEPTH, encoder_weights=None, in_channels=1, classes=outputs
    )
    return network, 2**DEPTH
