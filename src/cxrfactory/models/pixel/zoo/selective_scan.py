"""Selective state-space layers in plain PyTorch.

Gu and Dao, "Mamba: linear-time sequence modeling with selective state spaces" (2023), sections 3.2 and 3.4. The
recurrence ``h[t] = a[t] * h[t - 1] + b[t]`` is computed in about ``2 * sqrt(length)`` steps: within all chunks of a
sequence at the same time, then from chunk to chunk. It is exact, and its memory grows with length times states, so it
serves tests and small trainings; at the papers' sizes it needs a GPU.
"""

from math import ceil, isqrt, log

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STATES = 16
SLOWEST, FASTEST = 1e-3, 0.1  # range of the initial time steps


def scan(a: Float[Tensor, "*n length"], b: Float[Tensor, "*n length"]) -> Float[Tensor, "*n length"]:
    """Compute ``h[t] = a[t] * h[t - 1] + b[t]`` along the last axis, with ``h[-1] = 0``.

    Examples
    --------
    >>> scan(torch.tensor([0.5, 0.5, 0.5]), torch.tensor([1.0, 1.0, 1.0]))
    tensor([1.0000, 1.5000, 1.7500])
    """
    length = a.shape[-1]
    size = max(1, isqrt(length))
    chunks = ceil(length / size)
    padding = (0, chunks * size - length)
    a, b = (functional.pad(each, padding).unflatten(-1, (chunks, size)) for each in (a, b))
    # Within the chunks, all at the same time: the state from a start at 0, and the product of the factors.
    state, product, states, products = torch.zeros_like(b[..., 0]), torch.ones_like(a[..., 0]), [], []
    for step_a, step_b in zip(a.unbind(-1), b.unbind(-1), strict=True):
        state, product = step_a * state + step_b, step_a * product
        states.append(state)
        products.append(product)
    # From chunk to chunk: the state that each one starts from.
    start, starts = torch.zeros_like(state[..., 0]), []
    for last_state, last_product in zip(state.unbind(-1), product.unbind(-1), strict=True):
        starts.append(start)
        start = last_state + last_product * start
    whole = torch.stack(states, -1) + torch.stack(products, -1) * torch.stack(starts, -1)[..., None]
    return whole.flatten(-2)[..., :length]


class SelectiveScan(nn.Module):
    """The selective state-space layer on sequences ``[b, channels, length]``.

    Parameters
    ----------
    channels
        Number of channels, each with its own states.
    states
        Number of states a channel.
    rank
        Width of the projection that gives the time steps; a 32nd of ``channels`` if not given.
    """

    def __init__(self, channels: int, states: int = STATES, rank: int | None = None) -> None:
        super().__init__()
        self.states, self.rank = states, rank or ceil(channels / 32)
        self.select = nn.Linear(channels, self.rank + 2 * states, bias=False)
        self.step = nn.Linear(self.rank, channels)
        self.log_decay = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(channels, 1))
        self.through = nn.Parameter(torch.ones(channels))
        # The initial time steps lie between 0.001 and 0.1, spread evenly in their logarithm (section 3.6).
        steps = torch.exp(torch.linspace(log(SLOWEST), log(FASTEST), channels))
        with torch.no_grad():
            nn.init.uniform_(self.step.weight, -(self.rank**-0.5), self.rank**-0.5)
            self.step.bias.copy_(steps + torch.log(-torch.expm1(-steps)))

    def forward(self, x: Float[Tensor, "b c length"]) -> Float[Tensor, "b c length"]:
        """Apply the layer."""
        rank, inputs, outputs = self.select(x.transpose(1, 2)).split([self.rank, self.states, self.states], -1)
        # A long recurrence needs the digits of 32 bits, also where the layers around it compute in 16.
        exact = torch.promote_types(x.dtype, torch.float32)
        x, rank, inputs, outputs = (each.to(exact) for each in (x, rank, inputs, outputs))
        step = functional.softplus(self.step(rank)).transpose(1, 2).to(x.dtype)  # [b, c, length]
        decay = -self.log_decay.exp()
        a = torch.exp(step[:, :, None] * decay[:, :, None])  # [b, c, states, length]
        b = (step * x)[:, :, None] * inputs.transpose(1, 2)[:, None]
        y = (scan(a, b) * outputs.transpose(1, 2)[:, None]).sum(2)
        return y + self.through[:, None] * x
