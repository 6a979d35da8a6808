"""A network that aligns one radiograph with another by an affine map and a dense displacement.

It is the learned counterpart of :mod:`cxrfactory.registration.classical`, for CheXmask's "Deep RCA" (Gaggion et al.
2024). Feature maps at three scales describe each image and are computed once per image. A pair of images costs only the
comparison of two descriptions, from coarse to fine (as in PWC-Net for optical flow, Sun et al. 2018). A library of
references is therefore described once for any number of images.
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

REGISTRATION = "registration"  # name of the network in the cards of its weights
CHANNELS = (16, 24, 32, 48, 64)  # at 1/2, 1/2, 1/4, 1/8 and 1/16 of the input's side
SHRINKAGE = 0.3  # weight of the identity added to the covariance of summaries, in units of their mean variance
WITHIN = 0.99  # share of held-out images that count as typical


@dataclass(frozen=True)
class Description:
    """Feature maps of a batch of images.

    Attributes
    ----------
    maps
        Maps from fine to coarse, at 1/4, 1/8 and 1/16 of the input's side, each ``[b, c, s, s]``.
    """

    maps: tuple[Tensor, Tensor, Tensor]

    def __len__(self) -> int:
        return len(self.maps[0])

    def __getitem__(self, index: Any) -> Self:
        """Select or repeat images."""
        return type(self)(tuple(each[index] for each in self.maps))

    @classmethod
    def join(cls, parts: "list[Description]") -> "Description":
        """Concatenate several descriptions to one description of all their images."""
        return cls(tuple(torch.cat(level) for level in zip(*(each.maps for each in parts), strict=True)))


@dataclass(frozen=True)
class Target:
    """Fixed images with the parts of the heads that depend on them alone, computed once for many pairs.

    Attributes
    ----------
    described
        Description of the images.
    parts
        Contribution of the fixed maps to the first convolution of each head, from coarse to fine, ``[b, width, s, s]``.
    """

    described: Description
    parts: tuple[Tensor, Tensor, Tensor]

    @classmethod
    def join(cls, targets: "list[Target]") -> "Target":
        """Concatenate several targets to one target of all their images."""
        parts = tuple(torch.cat(level) for level in zip(*(each.parts for each in targets), strict=True))
        return cls(Description.join([each.described for each in targets]), parts)


@dataclass(frozen=True)
class Alignment:
    """The position in the moving image of each point of the fixed image.

    Coordinates are (x, y) from -1 at the left or top edge of the image to 1 at the right or bottom edge.

    Attributes
    ----------
    affine
        ``[b, 2, 3]``, from a fixed point (x, y, 1) to a moving point.
    displacement
        ``[b, 2, f, f]``, added to the affine result, at the centres of ``f`` x ``f`` cells of the fixed image.
    """

    affine: Float[Tensor, "b 2 3"]
    displacement: Float[Tensor, "b 2 f f"]

    def grid(self, side: int) -> Float[Tensor, "b side side 2"]:
        """Compute the moving point (x, y) of the centre of every pixel [row, column] of the fixed image."""
        moved = enlarge(self.displacement, side)
        centres = (torch.arange(side, dtype=moved.dtype, device=moved.device) * 2 + 1) / side - 1
        across, down = centres.reshape(1, 1, side), centres.reshape(1, side, 1)
        terms = self.affine.unsqueeze(-1).unsqueeze(-1)  # b 2 3 1 1
        parts = [terms[:, k, 0] * across + (terms[:, k, 1] * down + terms[:, k, 2]) + moved[:, k] for k in (0, 1)]
        return torch.stack(parts, dim=-1)


def enlarge(field: Float[Tensor, "b 2 f f"], side: int) -> Float[Tensor, "b 2 side side"]:
    """Interpolate a field of cells linearly to ``side`` x ``side`` pixels."""
    if field.shape[-1] == side:
        return field
    return functional.interpolate(field, size=side, mode="bilinear", align_corners=False)


class Convolution(nn.Module):
    """A 3 x 3 convolution, batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o p q"]:
        """Apply the three operations."""
        return torch.relu_(self.norm(self.conv(x)))

    def fold(self) -> None:
        """Fold the normalisation into the convolution, for inference."""
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Head(nn.Module):
    """Estimate the remaining displacement between two feature maps of one scale."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Convolution(2 * channels + 2, width), Convolution(width, width))
        self.last = nn.Conv2d(width, 2, 3, padding=1)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)

    def forward(self, moving: Tensor, fixed: Tensor, so_far: Tensor) -> Tensor:
        """Return the displacement to add to ``so_far`` ``[b, 2, s, s]``, in the coordinates of :class:`Alignment`."""
        joined = torch.cat([moving, fixed, so_far], dim=1)
        return self.last(self.body(joined.contiguous(memory_format=torch.channels_last)))

    def split(self) -> None:
        """Split the first convolution (with its normalisation folded in) into the fixed map's part and the rest."""
        conv = self.body[0].conv
        channels = (conv.in_channels - 2) // 2
        fixed = conv.weight[:, channels : 2 * channels]
        rest = torch.cat([conv.weight[:, :channels], conv.weight[:, 2 * channels :]], dim=1)
        for name, weight in (("fixed_weight", fixed), ("rest_weight", rest)):
            kept = weight.detach().contiguous(memory_format=torch.channels_last)
            self.register_buffer(name, kept, persistent=False)

    def part(self, fixed: Tensor) -> Tensor:
        """Compute the contribution of a fixed map to the first convolution."""
        return functional.conv2d(fixed, self.fixed_weight, self.body[0].conv.bias, padding=1)

    def with_part(self, moving: Tensor, part: Tensor, so_far: Tensor) -> Tensor:
        """Compute the result of :meth:`forward` from the given contribution of the fixed map."""
        joined = torch.cat([moving, so_far], dim=1).contiguous(memory_format=torch.channels_last)
        first = torch.relu_(functional.conv2d(joined, self.rest_weight, padding=1).add_(part))
        return self.last(self.body[1](first))


class RegistrationNet(nn.Module):
    """A network that describes images and aligns their descriptions.

    Parameters
    ----------
    input_size
        Side of the images in pixels, a multiple of 16.
    channels
        Channels of the encoder's five steps.

    Attributes
    ----------
    usual, whiten, limit
        Mean and whitening matrix of the training images' summaries, and the distance within which an image is typical.
    """

    def __init__(self, input_size: int = 128, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        self.input_size, self.channels = input_size, tuple(channels)
        self.normaliser = Equalise()  # its template stays zero, so that a negative is not inverted and does not fit
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
        """Return the arguments that make this :class:`RegistrationNet` again."""
        return {"input_size": self.input_size, "channels": list(self.channels)}

    def describe(self, images: Float[Tensor, "b 1 s s"]) -> Description:
        """Compute the feature maps of grey images in [0, 1]."""
        x = self.stem(self.normaliser(images) - 0.5)
        fine = self.fine(x)
        middle = self.middle(fine)
        return Description((fine, middle, self.coarse(middle)))

    def summary(self, described: Description) -> Float[Tensor, "b n"]:
        """Summarise the kind of image by the mean and standard deviation of every feature of the two coarser scales."""
        _, middle, coarse = described.maps
        return torch.cat([part for each in (coarse, middle) for part in (each.mean((2, 3)), each.std((2, 3)))], dim=1)

    def distance(self, described: Description) -> Float[Tensor, " b"]:
        """Compute the Mahalanobis distance of images from the training images, by their summaries."""
        return torch.linalg.vector_norm((self.summary(described) - self.usual) @ self.whiten, dim=1)

    def typicality(self, described: Description) -> Float[Tensor, " b"]:
        """Score how similar images are to the training images, from 1 (typical) towards 0.

        The score is 1 up to the limit and ``(limit / distance) ** 2`` beyond it. 99 % of the held-out images lie within
        the limit.
        """
        return (self.limit / self.distance(described).clamp(min=1e-6)).square().clamp(max=1)

    @torch.no_grad()
    def learn_usual(self, train: Float[Tensor, "n f"], held_out: Float[Tensor, "m f"]) -> None:
        """Set mean, whitening matrix and limit from the summaries of training and held-out images."""
        train = train.double()
        mean = train.mean(dim=0)
        spread = torch.cov(train.T)
        # Shrinkage keeps directions in which the training images hardly differ from dominating the distance.
        spread += SHRINKAGE * spread.diagonal().mean() * torch.eye(len(spread), dtype=spread.dtype)
        values, vectors = torch.linalg.eigh(spread)
        self.usual.copy_(mean)
        self.whiten.copy_(vectors / values.sqrt())
        distances = torch.linalg.vector_norm((held_out.double() - mean) @ self.whiten.double(), dim=1)
        self.limit.copy_(torch.quantile(distances, WITHIN))

    def target(self, described: Description) -> Target:
        """Prepare fixed images for many pairs; this needs a network made ready by :meth:`for_inference`."""
        parts = (head.part(each) for head, each in zip(self.heads, reversed(described.maps), strict=True))
        return Target(described, tuple(parts))

    def align(self, moving: Description, fixed: Description | Target) -> Alignment:
        """Align pair by pair; both arguments hold the same number of images."""
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
        """Fold the normalisations and set evaluation mode, in place; returns the network itself."""
        self.eval()
        for module in self.modules():
            if isinstance(module, Convolution):
                module.fold()
        for head in self.heads:
            head.split()
        return self.to(memory_format=torch.channels_last)
