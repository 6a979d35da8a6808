"""SeaFormer-Base: squeeze-enhanced axial attention in a light network with a branch for details.

Wan et al., "SeaFormer: squeeze-enhanced axial transformer for mobile semantic segmentation" (ICLR 2023), sections 3.1
to 3.4 and the table of variants in its appendix (the Base variant).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from cxrfactory.models.pixel.segmenter import PixelSegmenter
from cxrfactory.models.pixel.zoo.inverted_residual import Rows, inverted_residuals, scaled
from cxrfactory.models.pixel.zoo.parts import build_zoo, conv_norm, resize
from cxrfactory.models.pixel.zoo.topformer import Mlp, factor
from cxrfactory.tables.weights import NetworkSettings

NAME = "seaformer"
STEM = 16
SHARED: tuple[Rows, ...] = (  # from 1/2 to 1/4 and 1/8; the branches part after them
    ((3, 3, 16, 1), (3, 4, 32, 2), (3, 3, 32, 1)),
    ((5, 3, 64, 2), (5, 3, 64, 1)),
)
CONTEXT: tuple[Rows, ...] = (((3, 3, 128, 2), (3, 3, 128, 1)), ((5, 4, 192, 2),), ((3, 6, 256, 2),))
BLOCKS, HEADS, VALUE_RATIO = 4, 8, 2
KEYS, MLP_RATIOS = (16, 24), (2, 4)  # of the two stages with attention
FUSED = (128, 160)  # channels of the detail branch after each fusion
POSITIONS = 16  # learned positions along an axis; interpolated to its length


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (1 gives the Base variant, 0.5 half its channels)."""
    return build_zoo(NAME, settings, {"width": 1.0}, _body)


def _body(outputs: int, options: NetworkSettings, _size: tuple[int, int]) -> tuple[nn.Module, int]:
    return SeaFormer(outputs, factor(NAME, options["width"])), 64


class AxisPosition(nn.Module):
    """A learned position embedding along one axis."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.randn(1, channels, POSITIONS) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return x + interpolate(self.values, size=x.shape[2], mode="linear", align_corners=False)


def along_axis(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Let the positions of one axis attend to each other; arguments and result are ``[b, c, length]``."""
    split = [each.unflatten(1, (HEADS, -1)).transpose(2, 3) for each in (queries, keys, values)]
    return nn.functional.scaled_dot_product_attention(*split).transpose(2, 3).flatten(1, 2)


class SeaAttention(nn.Module):
    """Squeezed axial attention with detail enhancement (section 3.2)."""

    def __init__(self, channels: int, keys: int) -> None:
        super().__init__()
        key_width, value_width = HEADS * keys, HEADS * keys * VALUE_RATIO
        self.queries, self.keys = conv_norm(channels, key_width), conv_norm(channels, key_width)
        self.values = conv_norm(channels, value_width)
        self.positions = nn.ModuleList(AxisPosition(key_width) for _ in range(4))
        self.rows, self.columns = conv_norm(value_width, value_width), conv_norm(value_width, value_width)
        self.project = conv_norm(value_width, channels)
        every = 2 * key_width + value_width
        self.detail = nn.Sequential(
            conv_norm(every, every, 3, groups=every, act=nn.ReLU6()), conv_norm(every, channels), nn.Hardsigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        queries, keys, values = self.queries(x), self.keys(x), self.values(x)
        detail = self.detail(torch.cat([queries, keys, values], 1))
        row_query, row_key, column_query, column_key = self.positions
        relu6 = nn.functional.relu6
        by_row = along_axis(row_query(queries.mean(3)), row_key(keys.mean(3)), values.mean(3))
        by_column = along_axis(column_query(queries.mean(2)), column_key(keys.mean(2)), values.mean(2))
        mixed = values + self.rows(relu6(by_row[..., None])) + self.columns(relu6(by_column[..., None, :]))
        return self.project(relu6(mixed)) * detail


class Block(nn.Module):
    """Attention and feed-forward part, each beside the identity."""

    def __init__(self, channels: int, keys: int, ratio: int) -> None:
        super().__init__()
        self.attention, self.mlp = SeaAttention(channels, keys), Mlp(channels, ratio)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        x = x + self.attention(x)
        return x + self.mlp(x)


class Fusion(nn.Module):
    """Context weights the details (section 3.3)."""

    def __init__(self, detail: int, context: int, outputs: int) -> None:
        super().__init__()
        self.detail, self.gate = conv_norm(detail, outputs), conv_norm(context, outputs)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        """Weight the features of the first argument by those of the second, which may be smaller."""
        gate = nn.functional.hardsigmoid(self.gate(context))
        return self.detail(detail) * resize(gate, detail.shape[-2:])


class SeaFormer(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    width
        Factor of the channels.
    """

    def __init__(self, outputs: int, width: float = 1.0) -> None:
        super().__init__()
        self.stem = conv_norm(1, STEM, 3, 2, act=nn.ReLU())
        channels, stages = STEM, []
        for rows in (*SHARED, *CONTEXT):
            stages.append(inverted_residuals(channels, scaled(rows, width)))
            channels = scaled(rows, width)[-1][2]
        self.shared, self.context = nn.Sequential(*stages[:2]), nn.ModuleList(stages[2:])
        detail = scaled(SHARED[-1], width)[-1][2]
        deep = [scaled(rows, width)[-1][2] for rows in CONTEXT[1:]]
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Block(each, keys, ratio) for _ in range(BLOCKS)))
            for each, keys, ratio in zip(deep, KEYS, MLP_RATIOS, strict=True)
        )
        fused = [scaled(((1, 1, each, 1),), width)[0][2] for each in FUSED]
        self.fusions = nn.ModuleList([Fusion(detail, deep[0], fused[0]), Fusion(fused[0], deep[1], fused[1])])
        self.merge = nn.Sequential(
            conv_norm(fused[1], fused[1], 3, groups=fused[1], act=nn.ReLU()),
            conv_norm(fused[1], fused[1], act=nn.ReLU()),
        )
        self.head = nn.Conv2d(fused[1], outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        detail = self.shared(self.stem(image))
        context = self.context[0](detail)
        for stage, blocks, fusion in zip(list(self.context)[1:], self.blocks, self.fusions, strict=True):
            context = blocks(stage(context))
            detail = fusion(detail, context)
        return resize(self.head(self.merge(detail)), image.shape[-2:])
