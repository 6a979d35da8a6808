"""Segmenters by name, and the network that a weights card describes."""

from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.zoo.table import BUILDERS as ZOO_MODELS
from cxrfactory.tables.weights import NetworkSettings, WeightsCard

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class ModelKind(StrEnum):
    """Kind of a segmenter's output."""

    LANDMARK = "landmark"
    """Image ``[b, 1, s, s]`` to positions ``[b, n, 2]``, (x, y) fractions of the side, in the order of its graph."""

    ATLAS = "atlas"
    """Landmarks that are transferred from labelled images; there is no latent code and nothing is trained."""

    AUTOENCODER = "autoencoder"
    """Images and landmarks to themselves; it segments nothing, and other networks start from its parts."""

    PIXEL = "pixel"
    """Image ``[b, 1, h, w]`` to logits ``[b, o, h, w]``, in the order of its ``organs``; one sigmoid per organ."""


# Name -> "module:function"; the function makes the untrained network from its settings.
LANDMARK_MODELS = {
    "hybridgnet": "cxrfactory.models.hybridgnet:build",
    "hybrid-unet": "cxrfactory.models.hybrid_unet:build",
    "fc": "cxrfactory.models.baselines.fc:build",
    "pca": "cxrfactory.models.baselines.pca:build",
    "hybridgnet-miccai": "cxrfactory.models.miccai.hybridgnet:build",
    "hybridgnet-dual": "cxrfactory.models.miccai.hybridgnet:build_dual",
    "hybridgnet-dual-skips": "cxrfactory.models.miccai.hybridgnet:build_dual_skips",
}
AUTOENCODERS = {"hybridgnet-autoencoders": "cxrfactory.models.miccai.autoencoders:build"}
ATLAS_MODELS = {"multi-atlas": "cxrfactory.models.baselines.atlas_segmenter:build"}
PIXEL_MODELS = {
    "unet": "cxrfactory.models.pixel.unet:build",
    "unet-hybridgnet": "cxrfactory.models.pixel.unet_hybridgnet:build",
    "unet-plus-plus": "cxrfactory.models.pixel.unet_plus_plus:build",
    "attention-unet": "cxrfactory.models.pixel.attention_unet:build",
    "sa-unet": "cxrfactory.models.pixel.sa_unet:build",
    "res-cr-net": "cxrfactory.models.pixel.res_cr_net:build",
    "unet-ht": "cxrfactory.models.pixel.unet_ht:build",
    "hybridgnet-dual-unet": "cxrfactory.models.miccai.unet:build",
}
# Settings of a landmark model that is requested by name only; pixel models hold their own defaults.
LANDMARK_DEFAULTS = {"graph": "lungs-heart", "input_size": 1024, "igsc": [6, 5], "latent": 64}
ATLAS_DEFAULTS = {"graph": "lungs-heart", "input_size": 256}


def model_names() -> list[str]:
    """Return all registered names, landmark models first and the benchmark's 19 architectures last."""
    return [*LANDMARK_MODELS, *AUTOENCODERS, *ATLAS_MODELS, *PIXEL_MODELS, *ZOO_MODELS]


def model_kind(name: str) -> ModelKind:
    """Return the kind of output of the segmenter of that name.

    Raises
    ------
    CxrError
        If no segmenter has that name.
    """
    if name in LANDMARK_MODELS:
        return ModelKind.LANDMARK
    if name in AUTOENCODERS:
        return ModelKind.AUTOENCODER
    if name in ATLAS_MODELS:
        return ModelKind.ATLAS
    if name in PIXEL_MODELS or name in ZOO_MODELS:
        return ModelKind.PIXEL
    raise CxrError(f"unknown segmenter '{name}'; expected one of {', '.join(model_names())}")


def build_segmenter(name: str, settings: NetworkSettings) -> "nn.Module":
    """Make an untrained network.

    Raises
    ------
    CxrError
        If no segmenter has that name, or its settings are not what it expects.
    """
    model_kind(name)  # raises for unknown names
    module, function = (LANDMARK_MODELS | AUTOENCODERS | ATLAS_MODELS | PIXEL_MODELS | ZOO_MODELS)[name].split(":")
    return getattr(import_module(module), function)(settings)


def build_model(name: str, settings: NetworkSettings | None = None) -> "nn.Module":
    """Make an untrained network; without settings, those of its paper are used.

    Parameters
    ----------
    name
        One of :func:`model_names`.
    settings
        Settings as ``network.settings()`` returns them and weights cards hold them. A pixel model accepts any subset.

    Raises
    ------
    CxrError
        If no segmenter has that name, or its settings are not what it expects.
    """
    if settings is None:
        defaults = {ModelKind.ATLAS: ATLAS_DEFAULTS, ModelKind.PIXEL: {}}
        settings = defaults.get(model_kind(name), LANDMARK_DEFAULTS)
    return build_segmenter(name, dict(settings))


def segmenter_from_card(card: WeightsCard, tensors: "dict[str, np.ndarray]", source: str = "weights") -> "nn.Module":
    """Make the network that ``card`` describes and fill in its weights.

    Parameters
    ----------
    card
        The weights card, of which ``segmenter`` and ``settings`` are read.
    tensors
        Tensor name to array, as in the weights file.
    source
        Name of the weights, for error messages.

    Raises
    ------
    CxrError
        If the weights do not fit the network that the card describes, e.g. weights of another graph.
    """
    import torch

    network = build_segmenter(card["segmenter"], card["settings"])
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if expected != found:
        odd = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        first = odd[0]
        raise CxrError(
            f"{source}: {len(odd)} tensors do not fit a {card['segmenter']} with settings {card['settings']}; "
            f"first '{first}': found {found.get(first, 'none')}, expected {expected.get(first, 'none')}; "
            "use weights together with their own card"
        )
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in tensors.items()})
    return network
