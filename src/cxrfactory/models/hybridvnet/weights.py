"""Weights of a heart's network with the graph that it needs, in the house's weights file."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from cxrfactory.errors import CxrError
from cxrfactory.models.hybridvnet.finder import HeartFinder
from cxrfactory.models.hybridvnet.graph import MeshGraph, graph_arrays, graph_from
from cxrfactory.models.hybridvnet.network import HybridVNet, NetworkSettings
from cxrfactory.models.hybridvnet.pca import PcaVNet

MODELS = {"hybridvnet": HybridVNet, "pca": PcaVNet}
FINDER = "heart-finder"


def build(model: str, graph: MeshGraph, settings: NetworkSettings) -> nn.Module:
    """Make a network by name.

    Raises
    ------
    CxrError
        If the name is unknown.
    """
    if model not in MODELS:
        raise CxrError(f"model is '{model}'; expected one of {', '.join(MODELS)}")
    return MODELS[model](graph, settings)


def stored_arrays(network: nn.Module) -> dict[str, np.ndarray]:
    """Return the weights and, for a network of a mesh, its graph as named arrays."""
    arrays = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    graph = getattr(network, "graph", None)
    return arrays if graph is None else arrays | graph_arrays(graph)


def settings_of(network: nn.Module) -> dict[str, Any]:
    """Return what :func:`restored` needs besides the arrays."""
    if isinstance(network, HeartFinder):
        return {"grid": list(network.grid), "side_mm": network.side_mm, "channels": list(network.channels)}
    return {"mesh": network.graph.kind, **asdict(network.settings)}


def restored(model: str, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> nn.Module:
    """Make a network with its stored weights, in evaluation mode."""
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    if model == FINDER:
        network: nn.Module = HeartFinder(**plain)
    else:
        kind = plain.pop("mesh")
        network = build(model, graph_from(arrays, kind), NetworkSettings(**plain))
    state = {name: torch.from_numpy(np.array(value)) for name, value in arrays.items() if not name.startswith("graph.")}
    network.load_state_dict(state)
    return network.eval()
