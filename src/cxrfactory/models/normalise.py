"""Grey values to what a network sees: equalised, and always with bright bone.

Hospitals' films differ by tone curve, exposure and range. The rank of a grey value within its image does not
change under any of them, nor by a saturated marker, which holds few pixels; so images are equalised, at the network's
own resolution, as part of the network. A film whose polarity is inverted is recognised by its correlation with the mean
training image, an odd function of the centred grey values: a film and its negative always get the same input, up to
rounding.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

# Sixteen steps a grey level: means of up to 16 pixels fall on them. Between them, ties of a film and of its negative
# would be rounded to different sides.
LEVELS = 16 * 255 + 1
TEMPLATE = 32  # side of the mean image that polarity is told by
FLAT = 0.95  # share of saturated pixels from which a row or column at the border is no part of the film


class Equalise(nn.Module):
    """Rank of each pixel among its image's pixels, 0 to 1; what frames the film is 0 and does not count.

    Attributes
    ----------
    template
        Mean equalised training image, centred, ``[32, 32]``; zeros (as at first) leave the polarity alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("template", torch.zeros(TEMPLATE, TEMPLATE))

    def forward(self, image: Float[Tensor, "b 1 s s"]) -> Float[Tensor, "b 1 s s"]:
        """Equalise and set the polarity; float32."""
        image = image.float()
        inside = inside_frame(image)
        ranks = torch.stack([_ranks(one, valid) for one, valid in zip(image, inside, strict=True)])
        likeness = (_small(ranks, inside) * self.template).sum(dim=(1, 2))
        inverted = (likeness < 0).reshape(-1, 1, 1, 1)
        return torch.where(inverted, 1 - ranks, ranks) * inside

    def learn(self, images: Float[Tensor, "n 1 s s"]) -> None:
        """Set the template from training images, all with bright bone."""
        total = torch.zeros_like(self.template)
        for start in range(0, len(images), 32):
            part = images[start : start + 32].float().to(total.device)
            inside = inside_frame(part)
            ranks = torch.stack([_ranks(one, valid) for one, valid in zip(part, inside, strict=True)])
            total += _small(ranks, inside).sum(dim=0)
        mean = total / len(images)
        self.template.copy_(mean - mean.mean())


def inside_frame(image: Float[Tensor, "b 1 s s"]) -> Bool[Tensor, "b 1 s s"]:
    """What is left without the rows and columns at the border that are black or white from end to end.

    Those are padding, or a frame that was burnt in. A saturated pixel within the film counts as film: in the negative
    it would be 0 as padding is, and film and negative would not get the same input.
    """
    saturated = ((image[:, 0] <= 0) | (image[:, 0] >= 1)).float()
    rows, columns = saturated.mean(2) > FLAT, saturated.mean(1) > FLAT
    outside = _from_either_end(rows).unsqueeze(2) | _from_either_end(columns).unsqueeze(1)
    return ~outside.unsqueeze(1)


def _from_either_end(flat: Bool[Tensor, "b s"]) -> Bool[Tensor, "b s"]:
    """Keep the runs that touch the first or the last place."""
    leading = flat.long().cumprod(1)
    trailing = flat.flip(1).long().cumprod(1).flip(1)
    return (leading + trailing) > 0


def _ranks(image: Float[Tensor, "1 s s"], inside: Bool[Tensor, "1 s s"]) -> Float[Tensor, "1 s s"]:
    level = torch.round(image * (LEVELS - 1)).long().clamp(0, LEVELS - 1)
    counts = torch.bincount(level[inside], minlength=LEVELS).float()
    total = counts.sum().clamp(min=1)
    # The middle of a level's ranks, so that the ranks of a negative are exactly the rest to 1.
    return ((counts.cumsum(0) - 0.5 * counts) / total)[level]


def _small(ranks: Float[Tensor, "b 1 s s"], inside: Bool[Tensor, "b 1 s s"]) -> Float[Tensor, "b t t"]:
    """Centred ranks at the template's size; padding counts as neither bright nor dark."""
    centred = torch.where(inside, ranks - 0.5, 0.0)
    return nn.functional.adaptive_avg_pool2d(centred, TEMPLATE)[:, 0]


def build_normaliser(kind: str) -> nn.Module:
    """Make the input normalisation of a network: ``none`` or ``equalise``."""
    return Equalise() if kind == "equalise" else nn.Identity()
