"""Medical SAM adapter: small trained layers in SAM's frozen image encoder.

Wu et al., "Medical SAM adapter: adapting segment anything model for medical image segmentation" (2023), section 3.1 and
figure 2: one adapter after the attention of every block and one beside its feed-forward part, scaled. The mask decoder
is trained. Prompts are learned (:mod:`cxrfactory.models.pixel.zoo.sam`), since a benchmark has no one to click.
"""

from typing import Any

from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.sam import SamSegmenter, build_sam
from cxrfactory.tables.weights import NetworkSettings

NAME = "med-sam-adapter"
SCALE = 0.5  # of the adapter beside the feed-forward part


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``ratio`` (how many times narrower an adapter is), and those of SAM."""
    return build_sam(NAME, settings, {"ratio": 4}, _adapt)


def _adapt(network: SamSegmenter, options: NetworkSettings) -> None:
    ratio = positive(NAME, "ratio", options["ratio"])
    for layer in network.encoder.layers:
        width = layer.layer_norm1.normalized_shape[0]
        layer.attn = AfterAttention(layer.attn, Adapter(width, max(1, width // ratio)))
        layer.mlp = BesideMlp(layer.mlp, Adapter(width, max(1, width // ratio)))


class Adapter(nn.Module):
    """A narrow pair of linear layers with GELU; it starts at 0, so that the network starts as SAM."""

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return self.up(nn.functional.gelu(self.down(x)))


class AfterAttention(nn.Module):
    """SAM's attention, and an adapter added to its result."""

    def __init__(self, attention: nn.Module, adapter: Adapter) -> None:
        super().__init__()
        self.attention, self.adapter = attention, adapter

    def forward(self, hidden_states: Tensor, **others: Any) -> tuple[Tensor, Any]:
        """Compute the attention and add the adapter of its result."""
        x, weights = self.attention(hidden_states=hidden_states, **others)
        return x + self.adapter(x), weights


class BesideMlp(nn.Module):
    """SAM's feed-forward part and a scaled adapter of the same input."""

    def __init__(self, mlp: nn.Module, adapter: Adapter) -> None:
        super().__init__()
        self.mlp, self.adapter = mlp, adapter

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return self.mlp(x) + SCALE * self.adapter(x)
