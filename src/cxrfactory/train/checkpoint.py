"""Checkpoints: one safetensors file with everything that a resumed run needs."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path


def save_checkpoint(
    path: Path,
    network: nn.Module,
    average: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
    best: dict[str, torch.Tensor] | None = None,
) -> None:
    """Write the network, the running average, the optimiser moments, the best weights and ``state``, atomically."""
    from safetensors.torch import save_file

    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.items()}
    tensors |= {f"best.{name}": value for name, value in (best or {}).items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    contiguous = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, metadata={"state": json.dumps(state)})


def load_checkpoint(
    path: Path,
    network: nn.Module,
    average: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    best: dict[str, torch.Tensor] | None = None,
) -> dict[str, Any]:
    """Fill network, average, optimiser and best weights from a checkpoint, and return its ``state``.

    Raises
    ------
    CxrError
        If the checkpoint is unreadable or belongs to another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            state = json.loads(stream.metadata()["state"])
        network.load_state_dict(_part(tensors, "network."))
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError) as error:
        first = str(error).splitlines()[0]
        raise CxrError(f"{path}: not a checkpoint of this network ({first}); remove it to start afresh") from error
    average.update(_part(tensors, "average."))
    if best is not None:
        best.update(_part(tensors, "best."))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in _part(tensors, "optimizer.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    described = optimizer.state_dict()
    optimizer.load_state_dict({"state": moments, "param_groups": described["param_groups"]})
    return state


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
