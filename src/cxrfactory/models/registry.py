"""Segmenters by name, and the network that a weights card describes."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cxrfactory.errors import CxrError

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

# name -> module with ``build(settings) -> nn.Module``
SEGMENTERS = {"hybridgnet": "cxrfactory.models.hybridgnet"}


def build_segmenter(name: str, settings: dict[str, Any]) -> "nn.Module":
    """Make an untrained network.

    Raises
    ------
    CxrError
        If no segmenter has that name.
    """
    if name not in SEGMENTERS:
        raise CxrError(f"unknown segmenter '{name}'; expected one of {', '.join(SEGMENTERS)}")
    return import_module(SEGMENTERS[name]).build(settings)


def segmenter_from_card(card: dict[str, Any], tensors: "dict[str, np.ndarray]", source: str = "weights") -> "nn.Module":
    """Make the network that ``card`` describes and fill in its weights.

    Parameters
    ----------
    card
        The weights card: ``segmenter`` and ``settings`` are read.
    tensors
        Name to array, as in the weights file.
    source
        Named in errors.

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
