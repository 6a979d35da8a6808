"""Start of a training from parts of other networks' weights, such as an autoencoder's encoder."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.models.networks import StartsFromParts
from cxrfactory.tables.weights import read_weights

log = get_logger(__name__)


def start_from_parts(network: nn.Module, segmenter: str, paths: Sequence[Path]) -> None:
    """Load every part that the weights have, into the part of the network that starts from it.

    Parameters
    ----------
    network
        Network to change; what has no part in the weights keeps its random start.
    segmenter
        Its name, for messages.
    paths
        Weights, with their cards beside them. A later file replaces the parts of an earlier one.

    Raises
    ------
    CxrError
        If the network does not start from parts, the weights have none of them, or a tensor has another shape.
    """
    if not isinstance(network, StartsFromParts):
        raise CxrError(f"parts_from {paths[0]} for {segmenter}; this network has no parts to start from: leave it out")
    for path in paths:
        tensors, card = read_weights(path)
        own, taken = network.state_dict(), []
        for part, theirs in network.parts.items():
            found = {name: value for name, value in tensors.items() if name.startswith(f"{theirs}.")}
            loaded = {
                f"{part}{name.removeprefix(theirs)}": torch.from_numpy(each.copy()) for name, each in found.items()
            }
            if not loaded:
                continue
            wanted = {name: value.shape for name, value in own.items() if name.startswith(f"{part}.")}
            for name in sorted(wanted.keys() | loaded.keys()):
                shapes = [list(each[name]) if name in each else "none" for each in
                          ({key: value.shape for key, value in loaded.items()}, wanted)]  # fmt: skip
                if shapes[0] != shapes[1]:
                    raise CxrError(
                        f"{path}: part '{theirs}' of a {card['segmenter']} does not fit a {segmenter}: '{name}' is "
                        f"{shapes[0]}, expected {shapes[1]}; give weights of the same graph, input size and channels"
                    )
            own |= loaded
            taken.append(part)
        if not taken:
            raise CxrError(
                f"{path}: weights of a {card['segmenter']} have none of the parts {', '.join(network.parts.values())} "
                f"that a {segmenter} starts from"
            )
        network.load_state_dict(own)
        log.info("%s: %s start from %s", segmenter, ", ".join(taken), path.name)
