"""Res-CR-Net: residual blocks of parallel separable, dilated convolutions at full resolution.

Abdulah et al., "Lung Segmentation in Chest X-rays with Res-CR-Net" (2021), section 1.3: one STEM block and 4 CONV RES
blocks without an LSTM block, kernels 3/5/7 with dilations 1/3/5, 16 filters per branch, 48 in the shortcut, leaky ReLU,
spatial dropout after each block, two classes; histogram-equalised images of 300 x 340; 59,165 trained parameters.

The text does not state how many separable convolutions a branch holds, nor the positions of biases and normalisations.
This module offers two layouts.

``normalised`` (the default) has exactly 59,165 parameters under the settings of the text. If every block follows the
same rule, this count implies three separable convolutions per branch (two give too few parameters, four too many), a
normalised and bias-free first depthwise convolution, and a normalised and bias-free head. 52 ways of giving biases and
normalisations to the other positions then fit. The layout is the only one of them that is a full pre-activation block
(He et al., ECCV 2016). It has no biases. It has a normalisation before each CONV RES block, after every depthwise
convolution, after every pointwise convolution except a branch's last, and before the head. Sums and shortcuts are not
normalised. The stem lacks the operations before the block, as in the paper's figure 1.

``released`` is the layout of the authors' public code: two separable convolutions per branch with pointwise biases, and
a normalisation before the block, after the first of the two convolutions, and in the shortcut. Under the settings of
the text it has 47,189 parameters. It has 59,165 under that code's default settings, which are for microscopy: three
input channels, four classes, five CONV RES blocks (58,569 with the stem), one LSTM block (400) and the head (196). The
paper's count is therefore most likely that of this configuration, and it proves neither layout.

The LSTM RES block (``lstm_blocks``, 0 in the paper's final network) follows the projection to classes. It adds two
bidirectional convolutional LSTMs, over the rows and over the columns, whose input at each step is a picture of
[columns, classes] or [rows, classes] with one feature. With kernels of 3 x classes it has exactly the 400 parameters that
the count leaves for four classes.

``outputs: softmax`` gives the paper's last layer: with one organ, ``lungs``, its two classes are lungs and background.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, positive, share
from cxrfactory.tables.weights import NetworkSettings

KERNELS = (3, 5, 7)
DILATIONS = (1, 3, 5)
SLOPE = 0.1  # negative slope of the leaky ReLU
CONVOLUTIONS = {"normalised": 3, "released": 2}  # layout -> separable convolutions per branch
DEFAULTS = {
    "organs": ("right_lung", "left_lung"),
    "input_size": (300, 340),
    "normalise": "equalise",
    "layout": "normalised",
    "blocks": 4,
    "filters": 16,
    "dropout": 0.05,
    "lstm_blocks": 0,
}


def _separable(inputs: int, outputs: int, kernel: int, dilation: int, layout: str) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    depthwise = nn.Conv2d(inputs, inputs, kernel, padding=padding, dilation=dilation, groups=inputs, bias=False)
    if layout == "released":
        return [depthwise, nn.Conv2d(inputs, outputs, 1)]
    return [depthwise, nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 1, bias=False)]


def _between(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.LeakyReLU(SLOPE)]


def _branch(inputs: int, filters: int, kernel: int, dilation: int, layout: str) -> nn.Sequential:
    layers = _separable(inputs, filters, kernel, dilation, layout)
    for _ in range(CONVOLUTIONS[layout] - 1):
        layers += [*_between(filters), *_separable(filters, filters, kernel, dilation, layout)]
    return nn.Sequential(*layers)


class ResidualBlock(nn.Module):
    """Three parallel branches whose outputs are concatenated and added to the shortcut.

    Parameters
    ----------
    inputs
        Channels of the input.
    filters
        Channels of each branch; the output of the block has three times as many.
    stem
        Whether this is the first block, whose branches read the image itself instead of a normalised activation.
    layout
        ``normalised`` or ``released``.
    """

    def __init__(self, inputs: int, filters: int, stem: bool, layout: str) -> None:
        super().__init__()
        self.before = nn.Sequential(*([] if stem else _between(inputs)))
        self.branches = nn.ModuleList(
            _branch(inputs, filters, kernel, dilation, layout)
            for kernel, dilation in zip(KERNELS, DILATIONS, strict=True)
        )
        outputs = filters * len(KERNELS)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=layout == "released")
        self.shortcut_norm = nn.BatchNorm2d(outputs) if layout == "released" else nn.Identity()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        """Apply the block; the resolution does not change."""
        inner = self.before(x)
        residual = torch.cat([branch(inner) for branch in self.branches], dim=1)
        return residual + self.shortcut_norm(self.shortcut(x))


class RowsLSTM(nn.Module):
    """Bidirectional convolutional LSTM over the rows of the class maps; a row is a picture of [columns, classes].

    The picture has one feature, and kernels reach over three columns and all classes. The states of both directions are
    added.

    Parameters
    ----------
    classes
        Number of maps.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        kernel = (3, classes)
        self.inputs = nn.ModuleList(nn.Conv2d(1, 4, kernel, padding="same") for _ in range(2))
        self.states = nn.ModuleList(nn.Conv2d(1, 4, kernel, padding="same", bias=False) for _ in range(2))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return the hidden states of all rows, both directions together."""
        count, _, rows, _ = x.shape
        pictures = x.permute(0, 2, 3, 1)  # b rows columns classes
        total = torch.zeros_like(pictures)
        for direction, (inputs, states) in enumerate(zip(self.inputs, self.states, strict=True)):
            gates = inputs(pictures.flatten(0, 1).unsqueeze(1)).unflatten(0, (count, rows))
            hidden = cell = torch.zeros_like(gates[:, 0, :1])
            found = []
            for row in reversed(range(rows)) if direction else range(rows):
                entry, forget, new, shown = (gates[:, row] + states(hidden)).chunk(4, dim=1)
                cell = torch.sigmoid(forget) * cell + torch.sigmoid(entry) * torch.tanh(new)
                hidden = torch.sigmoid(shown) * torch.tanh(cell)
                found.append(hidden)
            total = total + torch.cat(found[::-1] if direction else found, dim=1)
        return total.permute(0, 3, 1, 2)


class LSTMBlock(nn.Module):
    """LSTM RES block: the class maps plus convolutional LSTMs over their rows and over their columns.

    Parameters
    ----------
    classes
        Number of maps.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.rows, self.columns = RowsLSTM(classes), RowsLSTM(classes)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Apply the block; the resolution does not change."""
        return x + self.rows(x) + self.columns(x.transpose(2, 3)).transpose(2, 3)


class ResCRNet(nn.Sequential):
    """The network; it returns logits, to which the loss or ``outputs: softmax`` applies its activation.

    Parameters
    ----------
    inputs, outputs
        Number of channels of the image, and number of output maps.
    layout
        ``normalised`` or ``released``.
    blocks
        Number of CONV RES blocks after the stem.
    filters
        Channels of each branch.
    dropout
        Probability of dropping a whole channel after a block, in training.
    lstm_blocks
        Number of LSTM RES blocks behind the projection to classes; the paper's final network has none.
    """

    def __init__(
        self, inputs: int, outputs: int, layout: str, blocks: int, filters: int, dropout: float, lstm_blocks: int = 0
    ) -> None:
        width = filters * len(KERNELS)
        layers: list[nn.Module] = []
        for index in range(1 + blocks):
            layers.append(ResidualBlock(width if index else inputs, filters, stem=index == 0, layout=layout))
            layers.append(nn.Dropout2d(dropout))
        if layout == "released":
            layers.append(nn.Conv2d(width, outputs, 1))
        else:
            layers += [*_between(width), nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        layers += [LSTMBlock(outputs) for _ in range(lstm_blocks)]
        super().__init__(*layers)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=SLOPE)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        """Compute logits; on the CPU this always uses fp32, even under autocast.

        On the CPU, the gradient of a dilated convolution in bf16 ends the process (oneDNN, channels last, torch 2.13),
        and fp32 is faster.
        """
        with torch.autocast(x.device.type, enabled=torch.is_autocast_enabled(x.device.type) and x.device.type != "cpu"):
            return super().forward(x)


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings.

    They are ``layout``, ``blocks``, ``filters``, ``dropout``, ``lstm_blocks``, and the shared settings.
    """
    return build_pixel("res-cr-net", settings, DEFAULTS, _body)


def _body(outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    name, layout = "res-cr-net", options["layout"]
    if layout not in CONVOLUTIONS:
        raise CxrError(f"{name}: layout is {layout!r}; expected one of {', '.join(CONVOLUTIONS)}")
    blocks, filters = positive(name, "blocks", options["blocks"]), positive(name, "filters", options["filters"])
    lstm_blocks = options["lstm_blocks"] and positive(name, "lstm_blocks", options["lstm_blocks"])
    dropout = share(name, "dropout", options["dropout"])
    return ResCRNet(1, outputs, layout, blocks, filters, dropout, lstm_blocks), 1
