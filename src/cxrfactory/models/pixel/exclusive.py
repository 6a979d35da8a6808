"""Softmax outputs: each pixel belongs to one organ or to the background, in the form of independent logits.

A network with softmax has one more map than organs, for the background. Its probabilities are turned into the logits
of the same probabilities, so that losses, thresholds and files are those of networks with one sigmoid for each organ:
the sigmoid of a logit is the softmax's probability, and a logit of at least 0 means a probability of at least a half.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

OUTPUTS = ("sigmoid", "softmax")
LEAST = 1e-6  # smallest probability of all other classes together; it limits a logit to 14


class Exclusive(nn.Module):
    """A network whose maps exclude each other.

    Parameters
    ----------
    body
        Network from ``[b, 1, h, w]`` to ``[b, 1 + organs, h, w]``; the first map is the background.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, image: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b o h w"]:
        """Return the logit of each organ's softmax probability."""
        scores = self.body(image).float()
        scores = scores - scores.amax(1, keepdim=True)
        each = scores.exp()
        total = each.sum(1, keepdim=True)
        others = torch.maximum(total - each[:, 1:], LEAST * total)
        return scores[:, 1:] - others.log()
