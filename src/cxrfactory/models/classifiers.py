"""The four torchvision classifiers of CXLSeg's study (section VI), for grey radiographs and several labels."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.torchvision_ops import import_torchvision

# Name -> torchvision's builder, and the name of the layer that produces the classes.
_BUILDERS: dict[str, tuple[str, str]] = {
    "resnet50": ("resnet50", "fc"),
    "mobilenet-v2": ("mobilenet_v2", "classifier.1"),
    "densenet121": ("densenet121", "classifier"),
    "inception-v3": ("inception_v3", "fc"),
}
CLASSIFIERS = tuple(_BUILDERS)
SMALLEST_PX = 75  # smallest side that the strides of Inception allow

# Mean and spread that bring grey values of radiographs in [0, 1] to about zero mean and unit spread.
_MEAN, _SPREAD = 0.5, 0.25


class GreyClassifier(nn.Module):
    """A torchvision network that receives a grey image as each of its three colour channels.

    Parameters
    ----------
    network
        Network from [batch, 3, h, w] to [batch, labels].
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Float[Tensor, "batch 1 h w"]) -> Float[Tensor, "batch labels"]:
        """Compute one logit per label from grey values in [0, 1]; labels are independent (sigmoid, not softmax)."""
        return self.network(((images - _MEAN) / _SPREAD).expand(-1, 3, -1, -1))


def build_classifier(name: str, labels: int, seed: int, initial: str | Path | None = None) -> GreyClassifier:
    """Build a classifier with random weights, or with those of a file except for the last layer.

    Parameters
    ----------
    name
        One of ``CLASSIFIERS``.
    labels
        Number of outputs.
    seed
        Seed of the random weights; torch's global random state is not changed.
    initial
        ``.safetensors`` file with torchvision's layer names, such as weights trained on ImageNet.

    Raises
    ------
    CxrError
        If the name is unknown, or the file is unreadable or belongs to another network.
    """
    if name not in _BUILDERS:
        raise CxrError(f"classifier is '{name}'; expected one of {', '.join(CLASSIFIERS)}")
    import_torchvision()
    from torchvision import models

    builder, last = _BUILDERS[name]
    build: Callable[..., nn.Module] = getattr(models, builder)
    # Inception's auxiliary head only supports training; without it, all four networks are trained in the same way.
    extra = {"aux_logits": False, "init_weights": True} if name == "inception-v3" else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(weights=None, num_classes=labels, **extra)
    if initial is not None:
        _fill(network, Path(initial), last)
    return GreyClassifier(network)


def _fill(network: nn.Module, path: Path, last: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CxrError(f"{path}: not a readable .safetensors file ({str(error).splitlines()[0]})") from error
    own = network.state_dict()
    wanted = {key for key in own if not key.startswith(f"{last}.")}
    absent = sorted(key for key in wanted if key not in found or found[key].shape != own[key].shape)
    if absent:
        raise CxrError(
            f"{path}: {len(absent)} layers are missing or of another shape, first '{absent[0]}'; expected those of "
            f"torchvision's {type(network).__name__}"
        )
    network.load_state_dict(own | {key: found[key] for key in wanted})
