"""PointRend: a coarse segmentation whose uncertain pixels are computed again, point by point.

Kirillov et al., "PointRend: image segmentation as rendering" (CVPR 2020), section 3, on the feature pyramid network
of segmentation-models-pytorch. The coarse logits at a quarter of the size are enlarged twice by a factor of two.
After each step, the points whose logits are closest to 0 are predicted again from the finest features and the coarse
logits there. The paper trains the point head on points drawn at random, with a loss of their own. Here the same
subdivision serves training and inference, so that one loss on the final map trains both heads, and nothing is random.
"""

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import build_zoo, double, zoo_package
from cxrfactory.tables.weights import NetworkSettings

NAME = "pointrend"
DOWN = 32
HIDDEN, LAYERS = 256, 3
SHARE = 16  # one of 16 points of each enlarged map is predicted again


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``encoder`` and ``hidden`` (channels of the point head)."""
    return build_zoo(NAME, settings, {"encoder": "resnet34", "hidden": HIDDEN}, _body)


def _body(outputs: int, options: NetworkSettings, _size: tuple[int, int]) -> tuple[nn.Module, int]:
    smp = zoo_package(NAME, "segmentation_models_pytorch")
    fpn = smp.FPN(options["encoder"], encoder_weights=None, in_channels=1, classes=outputs, decoder_dropout=0.0)
    return PointRend(fpn, outputs, positive(NAME, "hidden", options["hidden"])), DOWN


class PointHead(nn.Module):
    """Shared layers on points: fine features, with the coarse logits at the input of every layer.

    Parameters
    ----------
    features, outputs, hidden
        Channels of the fine features, of the logits, and of the hidden layers.
    """

    def __init__(self, features: int, outputs: int, hidden: int) -> None:
        super().__init__()
        inputs = [features, *[hidden] * (LAYERS - 1)]
        self.layers = nn.ModuleList(nn.Linear(each + outputs, hidden) for each in inputs)
        self.head = nn.Linear(hidden + outputs, outputs)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Compute the logits ``[b, points, outputs]`` from ``[b, points, features]`` and ``[b, points, outputs]``."""
        for layer in self.layers:
            fine = nn.functional.relu(layer(torch.cat([fine, coarse], -1)))
        return self.head(torch.cat([fine, coarse], -1))


class PointRend(nn.Module):
    """The network.

    Parameters
    ----------
    fpn
        Feature pyramid network; its segmentation head gives the coarse logits.
    outputs, hidden
        Number of output maps, and channels of the point head.
    """

    def __init__(self, fpn: nn.Module, outputs: int, hidden: int) -> None:
        super().__init__()
        self.encoder, self.decoder = fpn.encoder, fpn.decoder
        self.coarse = fpn.segmentation_head[0]  # without its enlargement
        self.points = PointHead(self.coarse.in_channels, outputs, hidden)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        fine = self.decoder(self.encoder(image))
        coarse = logits = self.coarse(fine)
        while logits.shape[-1] < image.shape[-1]:
            logits = self.refined(double(logits), fine, coarse)
        return logits

    def refined(self, logits: Tensor, fine: Tensor, coarse: Tensor) -> Tensor:
        """Predict the most uncertain points of ``logits`` again (section 3.1)."""
        rows, columns = logits.shape[-2:]
        # The least certain class decides; the choice itself has no gradient.
        certainty = logits.detach().abs().amin(1).flatten(1)
        chosen = certainty.topk(max(1, rows * columns // SHARE), dim=1, largest=False).indices
        # Centres of the chosen pixels, (x, y) in [-1, 1].
        x = (chosen % columns + 0.5) * (2 / columns) - 1
        y = (torch.div(chosen, columns, rounding_mode="floor") + 0.5) * (2 / rows) - 1
        exact = torch.promote_types(fine.dtype, torch.float32)  # 16 bits would blur the places
        places = torch.stack([x, y], -1)[:, :, None].to(exact)
        at = [
            nn.functional.grid_sample(each.to(exact), places, align_corners=False, padding_mode="border")[..., 0]
            for each in (fine, coarse)
        ]
        values = self.points(*(each.transpose(1, 2) for each in at)).transpose(1, 2).to(logits.dtype)
        index = chosen[:, None].expand_as(values)
        return logits.flatten(2).scatter(2, index, values).unflatten(2, (rows, columns))
