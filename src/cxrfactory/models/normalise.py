"""Normalisation of grey values: equalised histograms, and bones that are always bright.

Radiographs of different hospitals differ in tone curve, exposure and range. The rank of a grey value within its image
does not change under any of these, and a saturated marker hardly changes it, because it covers few pixels. Images are
therefore equalised, at the network's own resolution and as part of the network. An image of inverted polarity is
recognised by its correlation with the mean training image. This correlation is an odd function of the centred grey
values, so an image and its negative always give the same input, up to rounding.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

# Sixteen steps per grey level, so that means of up to 16 pixels fall exactly on a step. Values between the steps would
# be rounded in opposite ways in an image and in its negative.
LEVELS = 16 * 255 + 1
TEMPLATE = 32  # side of the mean image that determines the polarity
CELL, WIDE = 4, 7  # pixels of a cell, cells of the surroundings
QUIET = 4e-3
REPEATED = 0.03  # share of the radiograph that has one grey value, above which that value says nothing of the polarity
FLAT = 0.95  # share of saturated pixels above which a row or column at the border does not belong to the radiograph


class Equalise(nn.Module):
    """Rank of each pixel among its image's pixels, 0 to 1; the frame around the radiograph is 0 and does not count.

    Attributes
    ----------
    template
        Mean equalised training image, centred, ``[32, 32]``. With zeros, the initial value, the polarity is unchanged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("template", torch.zeros(TEMPLATE, TEMPLATE))

    def forward(self, image: Float[Tensor, "b 1 s s"]) -> Float[Tensor, "b 1 s s"]:
        """Equalise images and set their polarity; returns float32 in [0, 1]."""
        image = image.float()
        inside = inside_frame(image)
        ranked = [_ranks(one, valid) for one, valid in zip(image, inside, strict=True)]
        ranks, telling = (torch.stack(each) for each in zip(*ranked, strict=True))
        likeness = (_small(ranks, telling) * self.template).sum(dim=(1, 2))
        inverted = (likeness < 0).reshape(-1, 1, 1, 1)
        return torch.where(inverted, 1 - ranks, ranks) * inside

    def learn(self, images: Float[Tensor, "n 1 s s"]) -> None:
        """Set the template from training images, in all of which bones are bright."""
        total = torch.zeros_like(self.template)
        for start in range(0, len(images), 32):
            part = images[start : start + 32].float().to(total.device)
            inside = inside_frame(part)
            ranks = torch.stack([_ranks(one, valid)[0] for one, valid in zip(part, inside, strict=True)])
            total += _small(ranks, inside).sum(dim=0)
        mean = total / len(images)
        self.template.copy_(mean - mean.mean())


def inside_frame(image: Float[Tensor, "b 1 s s"]) -> Bool[Tensor, "b 1 s s"]:
    """Mark the pixels inside the border rows and columns that are black or white almost from end to end.

    Such rows and columns are padding or a frame burnt into the image. A saturated pixel inside counts as part of the
    radiograph. If it did not, it would become 0 like the padding in the image and in its negative alike, and the two
    would not give the same input.
    """
    saturated = ((image[:, 0] <= 0) | (image[:, 0] >= 1)).float()
    rows, columns = saturated.mean(2) > FLAT, saturated.mean(1) > FLAT
    outside = _from_either_end(rows).unsqueeze(2) | _from_either_end(columns).unsqueeze(1)
    return ~outside.unsqueeze(1)


def _from_either_end(flat: Bool[Tensor, "b s"]) -> Bool[Tensor, "b s"]:
    """Keep the runs that touch the first or the last position."""
    leading = flat.long().cumprod(1)
    trailing = flat.flip(1).long().cumprod(1).flip(1)
    return (leading + trailing) > 0


def _ranks(
    image: Float[Tensor, "1 s s"], inside: Bool[Tensor, "1 s s"]
) -> tuple[Float[Tensor, "1 s s"], Bool[Tensor, "1 s s"]]:
    """Return the rank of each pixel, and the pixels that tell the polarity.

    Black and white areas, such as shutters and boxes over names, look the same in an image of either polarity, but may
    outweigh the anatomy. Grey values that many pixels have are therefore left out, unless they cover half of the
    radiograph, as in an image with few grey values.
    """
    level = torch.round(image * (LEVELS - 1)).long().clamp(0, LEVELS - 1)
    # Pixels outside count as a further level, which is five times as fast as taking those inside out of the image.
    counts = torch.bincount(torch.where(inside, level, LEVELS).flatten(), minlength=LEVELS + 1)[:LEVELS].float()
    total = counts.sum().clamp(min=1)
    telling = inside & (counts <= REPEATED * total)[level]
    telling = torch.where(2 * telling.sum() > total, telling, inside)
    # The middle of a level's ranks is used, so that the ranks of the negative are exactly 1 minus those of the image.
    return ((counts.cumsum(0) - 0.5 * counts) / total)[level], telling


def _small(ranks: Float[Tensor, "b 1 s s"], inside: Bool[Tensor, "b 1 s s"]) -> Float[Tensor, "b t t"]:
    """Average the centred ranks at the template's size; pixels outside count as neither bright nor dark."""
    centred = torch.where(inside, ranks - 0.5, 0.0)
    return nn.functional.adaptive_avg_pool2d(centred, TEMPLATE)[:, 0]


def local_contrast(ranks: Float[Tensor, "b 1 s s"]) -> Float[Tensor, "b 1 s s"]:
    """Return each pixel relative to its surroundings: 0.5 is their mean, 0.75 one standard deviation above it.

    The surroundings are about a tenth of the side. Their statistics are computed on cells of 4 x 4 pixels, and
    interpolated between the cells. An addition of ``QUIET`` to the variance keeps noise in flat areas small.
    """
    mean = _surroundings(ranks)
    return (ranks - mean) / (_surroundings((ranks - mean).square()) + QUIET).sqrt() * 0.25 + 0.5


def _surroundings(values: Float[Tensor, "b 1 s s"]) -> Float[Tensor, "b 1 s s"]:
    cells = nn.functional.avg_pool2d(values, CELL)
    wide = nn.functional.avg_pool2d(nn.functional.pad(cells, (WIDE // 2,) * 4, mode="replicate"), WIDE, 1)
    return nn.functional.interpolate(wide, scale_factor=float(CELL), mode="bilinear")


def build_normaliser(kind: str) -> nn.Module:
    """Make the input normalisation of a network: ``none`` or ``equalise``."""
    return Equalise() if kind == "equalise" else nn.Identity()
