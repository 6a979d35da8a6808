"""Augmentation of a batch: geometry changes images and annotations together, appearance changes grey values only.

Geometry and gamma follow the paper (thesis, section "Data augmentation"): rotation, separate horizontal and vertical
scaling that keeps every landmark visible, a shift instead of crop or pad, and a gamma of 0.60 to 1.40. The appearance
changes are additions of this package, for the differences of grey values between hospitals (docs/training.md).

Random numbers are drawn on the CPU, so that one stream gives the same changes on every device. Images and annotations
are changed on the device of the batch.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cxrfactory.config import TrainConfig
from cxrfactory.train.data.annotations import Annotations

MARGIN = 0.01  # smallest distance of a landmark from the image's border, as a fraction of the side


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _chance(count: int, chance: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) < chance


def move(
    images: Float[Tensor, "b 1 s s"],
    annotations: Annotations,
    settings: TrainConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Annotations]:
    """Rotate, scale and shift images about their centre, together with their landmarks and drawn masks.

    The settings may add a shear and mirrorings. The scale is limited and the shift is clamped, so that every landmark
    and every drawn mask stays inside the image. In a random half of the batches, the area that enters from outside is
    black; in the others, it repeats the pixels of the border. With reflection padding, it is always the mirrored image,
    and drawn masks are mirrored likewise.
    """
    count, device = len(images), images.device
    angle = torch.deg2rad(_uniform(count, -settings.rotation_degrees, settings.rotation_degrees, generator))
    factor = _uniform(count * 2, 1 - settings.scale, 1 + settings.scale, generator).reshape(count, 2)
    shift = _uniform(count * 2, -settings.shift, settings.shift, generator).reshape(count, 1, 2)
    angle, factor, shift = (each.to(device) for each in (angle, factor, shift))
    cos, sin = torch.cos(angle), torch.sin(angle)
    rotation = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)  # b 2 2
    turn = back = rotation.transpose(1, 2)
    if settings.shear_degrees or settings.mirror:
        turn = _sheared_and_mirrored(count, settings, generator).to(device).transpose(1, 2) @ turn
        back = torch.linalg.inv(turn.transpose(1, 2))
    low, high = _bounds((annotations.extent() - 0.5) @ turn)
    factor = torch.minimum(factor, (1 - 2 * MARGIN) / (high - low)).unsqueeze(1)
    first, last = low.unsqueeze(1) * factor + 0.5, high.unsqueeze(1) * factor + 0.5
    shift = torch.minimum(torch.maximum(shift, MARGIN - first), 1 - MARGIN - last)
    # Output pixel q shows input pixel A^-1 ((q - 1/2 - shift) / factor) + 1/2, where A is the rotation, and the shear
    # and the mirrorings before it. Grid units are twice the fractions.
    inverse = back / factor
    offset = -(inverse @ (2 * shift).transpose(1, 2))
    grid = functional.affine_grid(torch.cat([inverse, offset], -1), list(images.shape), align_corners=False)
    outside = "border" if bool(_chance(1, 0.5, generator)) else "zeros"
    of_masks = "zeros"
    if settings.padding == "reflection":
        outside = of_masks = "reflection"
    moved = ((annotations.points - 0.5) @ turn) * factor + 0.5 + shift
    images = functional.grid_sample(images, grid, padding_mode=outside, align_corners=False)
    return images, annotations.sampled(grid, outside=of_masks).with_points(moved)


def _sheared_and_mirrored(count: int, settings: TrainConfig, generator: torch.Generator) -> Float[Tensor, "b 2 2"]:
    """Return random shears, each along the rows or along the columns, after random mirrorings of either axis."""
    slope = torch.tan(torch.deg2rad(_uniform(count, -settings.shear_degrees, settings.shear_degrees, generator)))
    along_rows = _chance(count, 0.5, generator)
    change = torch.eye(2).repeat(count, 1, 1)
    change[:, 0, 1] = torch.where(along_rows, slope, 0.0)
    change[:, 1, 0] = torch.where(along_rows, 0.0, slope)
    mirrored = _chance(count * 2, settings.mirror, generator).reshape(count, 1, 2)
    return change * torch.where(mirrored, -1.0, 1.0)


def _bounds(points: Float[Tensor, "b m 2"]) -> tuple[Float[Tensor, "b 2"], Float[Tensor, "b 2"]]:
    """Return the smallest and the largest coordinates of each image's points; NaN is no point, and none gives 0."""
    there = points.isfinite()
    low = torch.where(there, points, torch.inf).amin(1)
    high = torch.where(there, points, -torch.inf).amax(1)
    some = there.any(1)
    return torch.where(some, low, 0.0), torch.where(some, high, 0.0)


def _blur(images: Tensor) -> Tensor:
    rows, columns = images.shape[-2:]
    small = functional.interpolate(images, size=(rows // 2, columns // 2), mode="bilinear", antialias=True)
    return functional.interpolate(small, size=(rows, columns), mode="bilinear")


def _marks(images: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    # Bright or dark rectangles imitate side markers, tags and tube housings. One in two is large, such as a shutter; of
    # these, three in four are black.
    rows, columns = images.shape[-2:]
    side = min(rows, columns)

    def between(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    def share() -> float:
        return float(torch.rand(1, generator=generator))

    for index in torch.nonzero(chosen).flatten().tolist():
        large = share() < 0.5
        smallest, largest = (side // 8, side * 9 // 16) if large else (side // 40 + 1, side // 8)
        height, width = between(smallest, largest), between(smallest, largest)
        beyond = height // 4, width // 4
        top = max(0, between(-beyond[0], rows - height + beyond[0]))
        left = max(0, between(-beyond[1], columns - width + beyond[1]))
        grey = float(share() >= (0.75 if large else 0.5))
        images[index, :, top : top + height, left : left + width] = grey
    return images


def recolour(
    images: Float[Tensor, "b 1 s s"], settings: TrainConfig, generator: torch.Generator
) -> Float[Tensor, "b 1 s s"]:
    """Change grey values: always gamma; contrast, curve, shading, blur, noise and marks each with a probability."""
    count, size, device = len(images), images.shape[-2:], images.device

    def uniform(low: float, high: float) -> Tensor:
        return _uniform(count, low, high, generator).reshape(-1, 1, 1, 1).to(device)

    images = images.clamp(0, 1).pow(uniform(settings.gamma_low, settings.gamma_high))
    chance = settings.appearance
    if chance == 0:
        return images

    def pick(changed: Tensor) -> Tensor:
        return torch.where(_chance(count, chance, generator).reshape(-1, 1, 1, 1).to(device), changed, images)

    low, gain = uniform(-0.3, 0.3), uniform(0.4, 1.6)
    images = pick(((images - 0.5) * gain + 0.5 + low).clamp(0, 1))
    slope, middle = uniform(3, 9), uniform(0.35, 0.65)
    images = pick(torch.sigmoid(slope * (images - middle)))
    coarse = (torch.rand(count, 1, 3, 3, generator=generator) * 0.7 + 0.65).to(device)
    images = pick((images * functional.interpolate(coarse, size=size, mode="bicubic")).clamp(0, 1))
    images = pick(_blur(images))
    noise = torch.randn(images.shape, generator=generator).to(device)
    images = pick((images + noise * uniform(0, 0.06)).clamp(0, 1))
    return _marks(images.clone(), _chance(count, chance, generator), generator)
