"""Layers and checks that several architectures of the zoo share."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from torch import Tensor, nn
from torch.nn import functional

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, input_size_of
from cxrfactory.models.torchvision_ops import import_torchvision
from cxrfactory.tables.weights import NetworkSettings

Size = tuple[int, int]
INPUT_SIZE = 384  # the side of RadGenome-Anatomy's radiographs


def build_zoo(
    name: str,
    settings: NetworkSettings,
    defaults: NetworkSettings,
    body: Callable[[int, NetworkSettings, Size], tuple[nn.Module, int]],
) -> PixelSegmenter:
    """Make a segmenter whose body may depend on the size of its input.

    Parameters
    ----------
    name
        Registered name.
    settings, defaults
        As :func:`cxrfactory.models.pixel.segmenter.build_pixel` takes them; ``input_size`` is 384 if neither names one.
    body
        Function from the number of outputs, the network's own settings and (rows, columns) of the input to the
        network and the number that its input sides must be multiples of.

    Raises
    ------
    CxrError
        If a setting is unknown or has an invalid value, or a package of the extra ``zoo`` is missing.
    """
    defaults = {"input_size": INPUT_SIZE} | defaults
    size = input_size_of(name, settings.get("input_size", defaults["input_size"]))
    return build_pixel(name, settings, defaults, lambda outputs, options: body(outputs, options, size))


def zoo_package(model: str, package: str) -> ModuleType:
    """Import a package that an architecture of the zoo is made of.

    Raises
    ------
    CxrError
        If the package, or one that it needs, is not installed.
    """
    import_torchvision()
    try:
        return import_module(package)
    except ImportError as error:
        missing = error.name or package
        raise CxrError(f'{model} needs {missing}, which is not installed: pip install "cxrfactory[zoo]"') from error


def one_of(model: str, key: str, value: object, known: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of the known names.

    Raises
    ------
    CxrError
        If it is not.
    """
    if value not in known:
        raise CxrError(f"{model}: {key} is {value!r}; expected one of {', '.join(known)}")
    return str(value)


def check_multiple(model: str, size: Size, multiple: int) -> None:
    """Check that the sides of a network with a fixed input size are multiples of a number.

    Raises
    ------
    CxrError
        If they are not.
    """
    if any(side % multiple for side in size):
        raise CxrError(
            f"{model}: input_size is {size[0]} x {size[1]}; expected sides that are multiples of {multiple}, "
            f"such as {INPUT_SIZE}"
        )


def check_size(model: str, image: Tensor, size: Size) -> None:
    """Check that an image has the one size that the network was built for.

    Raises
    ------
    CxrError
        If it has another size.
    """
    found = tuple(image.shape[-2:])
    if found != size:
        raise CxrError(
            f"{model}: image is {found[0]} x {found[1]}; this network reads only its input_size, "
            f"{size[0]} x {size[1]}: scale the image, or train a network with another input_size"
        )


def check_batch(model: str, x: Tensor, training: bool) -> None:
    """Check that a training batch has two images where the network normalises globally pooled features.

    Raises
    ------
    CxrError
        If it has one.
    """
    if training and x.shape[0] < 2:
        raise CxrError(
            f"{model}: a training batch of one image; expected at least two, because the network normalises globally "
            "pooled features over the batch; raise batch_size or leave the image out"
        )


def conv_norm(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: nn.Module | None = None
) -> nn.Sequential:
    """Make a convolution without bias, batch normalisation and, if given, an activation; the padding keeps the size."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([] if act is None else [act]))


def norm_conv(inputs: int, outputs: int, kernel: int = 1, groups: int = 1) -> nn.Sequential:
    """Make batch normalisation, ReLU and a convolution without bias; the padding keeps the size."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), convolution)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of ``[b, c, h, w]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def resize(x: Tensor, size: Size) -> Tensor:
    """Scale ``[b, c, h, w]`` bilinearly to (rows, columns)."""
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)


def double(x: Tensor) -> Tensor:
    """Scale ``[b, c, h, w]`` bilinearly to twice its sides."""
    return resize(x, (2 * x.shape[-2], 2 * x.shape[-1]))
