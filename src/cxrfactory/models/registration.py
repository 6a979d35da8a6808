"""A network that aligns one radiograph with another: an affine map, then a dense displacement.

The learned counterpart of :mod:`cxrfactory.registration.classical`, for CheXmask's "Deep RCA" (Gaggion et al. 2024).
Every image is described once, by feature maps at three scales; a pair costs only what compares two descriptions, from
coarse to fine (as PWC-Net does for optical flow, Sun et al. 2018). A library of references is therefore described once
for any number of images.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cxrfactory.models.normalise import Equalise
from cxrfactory.tables.weights import NetworkSettings

REGISTRATION = "registration"  # names it in the cards of its weights
CHANNELS = (16, 24, 32, 48, 64)  # at 1/2, 1/2, 1/4, 1/8 and 1/16 of the input's side
SHRINKAGE = 0.3  # of the covariance of summaries, in units of their mean variance
WITHIN = 0.99  # share of held-out images that are typical


@dataclass(frozen=True)
class Description:
    """Feature maps of some images.

    Attributes
    ----------
    maps
        From fine to coarse: a quarter, an eighth and a sixteenth of the input's side, ``[b, c, s, s]``.
    """

    maps: tuple[Tensor, Tensor, Tensor]

    def __len__(self) -> int:
        return len(self.maps[0])

    def __getitem__(self, index: Any) -> Self:
        """Choose or repeat images."""
        return type(self)(tuple(each[index] for each in self.maps))

    @classmethod
    def join(cls, parts: "list[Description]") -> "Description":
        """One description of all images of several."""
        return cls(tuple(torch.cat(level) for level in zip(*(each.maps for each in parts), strict=True)))


@dataclass(frozen=True)
class Target:
    """Fixed images, with what the heads of a network for inference make of them alone: done once for many pairs.

    Attributes
    ----------
    described
        The images.
    parts
        From coarse to fine, ``[b, width, s, s]``: their share of each head's first sums.
    """

    described: Description
    parts: tuple[Tensor, Tensor, Tensor]

    @classmethod
    def join(cls, targets: "list[Target]") -> "Target":
        """One target of all images of several."""
        parts = tuple(torch.cat(level) for level in zip(*(each.parts for each in targets), strict=True))
        return cls(Description.join([each.described for each in targets]), parts)


@dataclass(frozen=True)
class Alignment:
    """Where each point of the fixed image lies in the moving one.

    Coordinates run from -1 at the left or upper border of the image to 1 at the right or lower, (x, y).

    Attributes
    ----------
    affine
        ``[b, 2, 3]``: fixed point (x, y, 1) to moving point.
    displacement
        ``[b, 2, f, f]``: added to it, at the centres of ``f`` x ``f`` cells of the fixed image.
    """

    affine: Float[Tensor, "b 2 3"]
    displacement: Float[Tensor, "b 2 f f"]

    def grid(self, side: int) -> Float[Tensor, "b side side 2"]:
        """Moving point (x, y) of the centre of every pixel of the fixed image [row, column]."""
        moved = enlarge(self.displacement, side)
        centres = (torch.arange(side, dtype=moved.dtype, device=moved.device) * 2 + 1) / side - 1
        across, down = centres.reshape(1, 1, side), centres.reshape(1, side, 1)
        terms = self.affine.unsqueeze(-1).unsqueeze(-1)  # b 2 3 1 1
        parts = [terms[:, k, 0] * across + (terms[:, k, 1] * down + terms[:, k, 2]) + moved[:, k] for k in (0, 1)]
        return torch.stack(parts, dim=-1)


def enlarge(field: Float[Tensor, "b 2 f f"], side: int) -> Float[Tensor, "b 2 side side"]:
    """Interpolate a field of cells linearly to ``side`` pixels."""
    if field.shape[-1] == side:
        return field
    return functional.interpolate(field, size=side, mode="bilinear", align_corners=False)


class Convolution(nn.Module):
    """3 x 3 convolution, normalisation by running statistics, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o p q"]:
        """Apply."""
        return torch.relu_(self.norm(self.conv(x)))

    def fold(self) -> None:
        """Fold the normalisation into the convolution, for inference."""
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Head(nn.Module):
    """What two maps of one scale say about the displacement that is left between them."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Convolution(2 * channels + 2, width), Convolution(width, width))
        self.last = nn.Conv2d(width, 2, 3, padding=1)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)

    def forward(self, moving: Tensor, fixed: Tensor, so_far: Tensor) -> Tensor:
        """Displacement to add, in the coordinates of :class:`Alignment`; ``so_far`` [b, 2, s, s]."""
        joined = torch.cat([moving, fixed, so_far], dim=1)
        return self.last(self.body(joined.contiguous(memory_format=torch.channels_last)))

    def split(self) -> None:
        """Take the first convolution, its normalisation folded in, apart: what the fixed map adds, and the rest."""
        conv = self.body[0].conv
        channels = (conv.in_channels - 2) // 2
        fixed = conv.weight[:, channels : 2 * channels]
        rest = torch.cat([conv.weight[:, :channels], conv.weight[:, 2 * channels :]], dim=1)
        for name, weight in (("fixed_weight", fixed), ("rest_weight", rest)):
            kept = weight.detach().contiguous(memory_format=torch.channels_last)
            self.register_buffer(name, kept, persistent=False)

    def part(self, fixed: Tensor) -> Tensor:
        """What a fixed map adds to the first sums."""
        return functional.conv2d(fixed, self.fixed_weight, self.body[0].conv.bias, padding=1)

    def with_part(self, moving: Tensor, part: Tensor, so_far: Tensor) -> Tensor:
        """As :meth:`forward`, with the fixed map's part given."""
        joined = torch.cat([moving, so_far], dim=1).contiguous(memory_format=torch.channels_last)
        first = torch.relu_(functional.conv2d(joined, self.rest_weight, padding=1).add_(part))
        return self.last(self.body[1](first))


class RegistrationNet(nn.Module):
    """Describe images; align descriptions.

    Parameters
    ----------
    input_size
        Side of the images, a multiple of 16.
    channels
        Of the encoder's five steps.

    Attributes
    ----------
    usual, whiten, limit
        Mean and whitening of the training images' summaries, and the distance up to which an image is typical.
    """

    def __init__(self, input_size: int = 128, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        self.input_size, self.channels = input_size, tuple(channels)
        self.normaliser = Equalise()  # its template stays empty: a negative must not fit
        first, second, fine, middle, coarse = channels
        self.stem = nn.Sequential(Convolution(1, first, 2), Convolution(first, second))
        self.fine = nn.Sequential(Convolution(second, fine, 2), Convolution(fine, fine))
        self.middle = nn.Sequential(Convolution(fine, middle, 2), Convolution(middle, middle))
        self.coarse = nn.Sequential(Convolution(middle, coarse, 2), Convolution(coarse, coarse))
        cells = input_size // 16
        self.pose = nn.Sequential(Convolution(2 * coarse, coarse), Convolution(coarse, coarse // 2))
        self.affine = nn.Linear(coarse // 2 * cells * cells, 6)
        nn.init.normal_(self.affine.weight, std=1e-4)
        nn.init.zeros_(self.affine.bias)
        self.heads = nn.ModuleList([Head(coarse, 64), Head(middle, 48), Head(fine, 32)])
        features = 2 * (coarse + middle)
        self.register_buffer("usual", torch.zeros(features))
        self.register_buffer("whiten", torch.zeros(features, features))
        self.register_buffer("limit", torch.tensor(1.0))

    def settings(self) -> NetworkSettings:
        """What :class:`RegistrationNet` is built from."""
        return {"input_size": self.input_size, "channels": list(self.channels)}

    def describe(self, images: Float[Tensor, "b 1 s s"]) -> Description:
        """Feature maps of grey images in [0, 1]."""
        x = self.stem(self.normaliser(images) - 0.5)
        fine = self.fine(x)
        middle = self.middle(fine)
        return Description((fine, middle, self.coarse(middle)))

    def summary(self, described: Description) -> Float[Tensor, "b n"]:
        """Mean and deviation of every feature of the two coarser scales: what kind of picture it is."""
        _, middle, coarse = described.maps
        return torch.cat([part for each in (coarse, middle) for part in (each.mean((2, 3)), each.std((2, 3)))], dim=1)

    def distance(self, described: Description) -> Float[Tensor, " b"]:
        """Mahalanobis distance of images from the training images, by their summaries."""
        return torch.linalg.vector_norm((self.summary(described) - self.usual) @ self.whiten, dim=1)

    def typicality(self, described: Description) -> Float[Tensor, " b"]:
        """1 for an image as near to the training images as held-out radiographs are; less, the farther it is.

        ``(limit / distance) ** 2`` beyond the limit, which 99 % of the held-out images do not reach.
        """
        return (self.limit / self.distance(described).clamp(min=1e-6)).square().clamp(max=1)

    @torch.no_grad()
    def learn_usual(self, train: Float[Tensor, "n f"], held_out: Float[Tensor, "m f"]) -> None:
        """Set mean, whitening and limit from summaries of training and of held-out images."""
        train = train.double()
        mean = train.mean(dim=0)
        spread = torch.cov(train.T)
        # Shrunk, so that directions in which the training images hardly differ do not decide.
        spread += SHRINKAGE * spread.diagonal().mean() * torch.eye(len(spread), dtype=spread.dtype)
        values, vectors = torch.linalg.eigh(spread)
        self.usual.copy_(mean)
        self.whiten.copy_(vectors / values.sqrt())
        distances = torch.linalg.vector_norm((held_out.double() - mean) @ self.whiten.double(), dim=1)
        self.limit.copy_(torch.quantile(distances, WITHIN))

    def target(self, described: Description) -> Target:
        """Make fixed images ready for many pairs; of a network for inference."""
        parts = (head.part(each) for head, each in zip(self.heads, reversed(described.maps), strict=True))
        return Target(described, tuple(parts))

    def align(self, moving: Description, fixed: Description | Target) -> Alignment:
        """Align pair by pair; both of one length."""
        described = fixed.described if isinstance(fixed, Target) else fixed
        parts = fixed.parts if isinstance(fixed, Target) else (None, None, None)
        coarse = torch.cat([moving.maps[2], described.maps[2]], dim=1)
        change = self.affine(self.pose(coarse).flatten(1)).reshape(-1, 2, 3)
        affine = change + torch.eye(2, 3, dtype=change.dtype, device=change.device)
        field = torch.zeros(len(coarse), 2, *coarse.shape[2:], dtype=change.dtype, device=change.device)
        pairs = zip(reversed(moving.maps), reversed(described.maps), strict=True)
        for head, (theirs, ours), part in zip(self.heads, pairs, parts, strict=True):
            side = ours.shape[-1]
            field = enlarge(field, side)
            grid = Alignment(affine, field).grid(side)
            seen = functional.grid_sample(theirs, grid, padding_mode="border", align_corners=False)
            field = field + (head(seen, ours, field) if part is None else head.with_part(seen, part, field))
        return Alignment(affine, field)

    def forward(self, moving: Float[Tensor, "b 1 s s"], fixed: Float[Tensor, "b 1 s s"]) -> Alignment:
        """Align images pair by pair."""
        return self.align(self.describe(moving), self.describe(fixed))

    def for_inference(self) -> Self:
        """Fold normalisations and leave training mode, in place."""
        self.eval()
        for module in self.modules():
            if isinstance(module, Convolution):
                module.fold()
        for head in self.heads:
            head.split()
        return self.to(memory_format=torch.channels_last)
