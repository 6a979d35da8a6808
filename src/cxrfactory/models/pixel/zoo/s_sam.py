"""S-SAM: SAM's image encoder adapted by a scale and a shift of the singular values of its weights.

Paranjape et al., "S-SAM: SVD-based fine-tuning of segment anything model for medical image segmentation" (MICCAI
2024), section 2: every weight matrix of the encoder's blocks is decomposed as ``U diag(s) V``, and only ``A`` and
``B`` in ``U diag(relu(A * s + B)) V`` are trained, with the normalisation layers. The mask decoder stays frozen. The
paper prompts with the name of the structure; here each structure has a learned token
(:mod:`cxrfactory.models.pixel.zoo.sam`), which takes the place of the text encoder and its affine layer.
"""

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter
from cxrfactory.models.pixel.zoo.sam import SamSegmenter, build_sam
from cxrfactory.tables.weights import NetworkSettings

NAME = "s-sam"


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings, which are those of SAM."""
    return build_sam(NAME, settings, {}, _adapt)


def _adapt(network: SamSegmenter, _options: NetworkSettings) -> None:
    for part in (network.decoder, network.enlarge, network.to_mask):
        part.requires_grad_(False)
    for layer in network.encoder.layers:
        layer.attn.qkv, layer.attn.proj = SingularLinear(layer.attn.qkv), SingularLinear(layer.attn.proj)
        layer.mlp.lin1, layer.mlp.lin2 = SingularLinear(layer.mlp.lin1), SingularLinear(layer.mlp.lin2)
        layer.layer_norm1.requires_grad_(True)
        layer.layer_norm2.requires_grad_(True)


class SingularLinear(nn.Module):
    """A linear layer whose singular values are scaled and shifted; all else is frozen.

    Parameters
    ----------
    layer
        The linear layer to adapt.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        left, values, right = torch.linalg.svd(layer.weight.detach(), full_matrices=False)
        self.left, self.right = (nn.Parameter(each.contiguous(), requires_grad=False) for each in (left, right))
        self.values = nn.Parameter(values, requires_grad=False)
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone(), requires_grad=False)
        self.scale, self.shift = nn.Parameter(torch.ones_like(values)), nn.Parameter(torch.zeros_like(values))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        values = nn.functional.relu(self.scale * self.values + self.shift)
        return nn.functional.linear(nn.functional.linear(x, self.right) * values, self.left, self.bias)
