"""Changes of anatomy: images are bent smoothly, lung bases rise or sink, and hearts grow or shrink.

Films of other hospitals fail most where the anatomy is unlike that of the training films: high diaphragms, large
hearts, low lungs. Each image is bent together with its landmarks and drawn masks, so that the annotations stay exact.
A displacement field says for every point of the new image where its content was. It is the sum of a random smooth
field, of a field that moves the lower part of one lung up or down, and of one that stretches the surroundings of the
heart about its centre.
"""

import re
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from cxrfactory.anatomy.regions import contour_regions
from cxrfactory.config import TrainConfig
from cxrfactory.train.data.annotations import Annotations

LUNG_REGIONS = ("right_lung", "left_lung", "right_whole_lung", "left_whole_lung")
HEART = "heart"
CELLS = 32  # cells per side of the fields of organs
KNOTS = 5  # knots per side of the random smooth field
BASE = (-0.12, 0.28)  # smallest and largest rise of a lung's base, as a share of the lung's height
HEART_GROWTH = (-0.15, 0.4)
LOBE = re.compile(r"(right|left)_lung_(upper|middle|lower)_lobe")
Box = tuple[Tensor, Tensor]  # smallest and largest (x, y) as fractions of the side
STEPS, EXACT = 12, 1e-3  # fixed-point iterations that find the new position of a landmark; its error, in sides


def is_lung(region: str) -> bool:
    """Return whether a region is a lung by any definition, or a lobe of one."""
    return region in LUNG_REGIONS or LOBE.fullmatch(region) is not None


def change_anatomy(
    images: Float[Tensor, "b 1 s s"], annotations: Annotations, settings: TrainConfig, generator: torch.Generator
) -> tuple[Tensor, Annotations]:
    """Bend images together with their landmarks and drawn masks, on the device of the batch.

    Parameters
    ----------
    images, annotations
        Images of a batch and what people annotated in them.
    settings
        ``elastic`` is the largest standard deviation of the smooth field, as a share of the side, and ``anatomy`` the
        probability that a lung's base moves and, independently, that the heart changes its size.
    generator
        Stream of random numbers, on the CPU.
    """
    if settings.elastic == 0 and settings.anatomy == 0:
        return images, annotations
    size, device = images.shape[-2:], images.device
    knots = _knots(len(images), settings.elastic, generator).to(device)
    fields = functional.interpolate(knots, size=size, mode="bicubic", align_corners=True)
    if settings.anatomy:
        boxes = _boxes(annotations)
        organs = torch.stack([_organs(own, settings.anatomy, generator) for own in boxes]).to(device)
        fields = fields + functional.interpolate(organs, size=size, mode="bicubic", align_corners=False)
    rows, columns = ((torch.arange(side, device=device) + 0.5) / side for side in size)
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"))
    grid = (places + fields).permute(0, 2, 3, 1) * 2 - 1
    moved = _moved(annotations.points, fields)
    images = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return images, annotations.sampled(grid).with_points(moved)


def _knots(count: int, largest: float, generator: torch.Generator) -> Float[Tensor, "b 2 k k"]:
    knots = torch.randn(count, 2, KNOTS, KNOTS, generator=generator)
    return knots * torch.rand(count, 1, 1, 1, generator=generator) * largest


def _moved(points: Float[Tensor, "b n 2"], fields: Float[Tensor, "b 2 s s"]) -> Float[Tensor, "b n 2"]:
    """Find where each landmark is in the new image: the place whose content was at the landmark.

    A landmark that is not found, because the fields fold the image there, is no longer annotated.
    """
    start = torch.where(points.isfinite(), points, 0.5)
    found, wanted = start, start
    for _ in range(STEPS):
        found = wanted
        grid = (found * 2 - 1).unsqueeze(2)
        shift = functional.grid_sample(fields, grid, padding_mode="border", align_corners=False)
        wanted = start - shift.squeeze(-1).transpose(1, 2)
    exact = (wanted - found).abs().amax(-1, keepdim=True) < EXACT
    return torch.where(points.isfinite() & exact, found, torch.nan)


def _organs(boxes: Mapping[str, Box], chance: float, generator: torch.Generator) -> Float[Tensor, "2 c c"]:
    """Return the field of one image that moves a lung's base and stretches the heart, each with the probability."""
    field = torch.zeros(2, CELLS, CELLS)
    drawn = torch.rand(2, generator=generator) < chance
    numbers = torch.rand(4, generator=generator).tolist()
    lungs = [boxes[name] for name in LUNG_REGIONS if name in boxes]
    if bool(drawn[0]) and lungs:
        field = field + _base_moved(lungs[int(numbers[0] * len(lungs))], numbers[1], numbers[2])
    if bool(drawn[1]) and HEART in boxes:
        field = field + _stretched(boxes[HEART], numbers[3])
    return field


def _boxes(annotations: Annotations) -> list[dict[str, Box]]:
    """Return the bounding boxes of each image's lungs and heart by region, on the CPU; a region that is not annotated,
    or of which nothing is visible, has none."""
    found: list[dict[str, Box]] = [{} for _ in range(len(annotations.points))]
    points, contours = annotations.points.cpu(), contour_regions(annotations.graph)
    drawn = [name for name in (*LUNG_REGIONS, HEART) if name in annotations.regions]
    if drawn:
        annotations = annotations.only(drawn)
        inside = annotations.masks > 0.5
        columns, rows = inside.any(2).cpu(), inside.any(3).cpu()
    for row, boxes in enumerate(found):
        for name in (*LUNG_REGIONS, HEART):
            if name in drawn and annotations.drawn[row, annotations.regions.index(name)]:
                place = row, drawn.index(name)
                if rows[place].any():
                    boxes[name] = _corners(columns[place], rows[place])
            elif name in contours and (own := points[row, contours[name]]).isfinite().all():
                boxes[name] = own.amin(0), own.amax(0)
    return found


def _corners(columns: Bool[Tensor, " s"], rows: Bool[Tensor, " s"]) -> Box:
    """Return the centres of the first and of the last pixel of a mask in both directions, as fractions of the side."""
    x, y = (torch.nonzero(each).flatten() for each in (columns, rows))
    first, last = torch.stack([x[0], y[0]]), torch.stack([x[-1], y[-1]])
    return (first + 0.5) / len(rows), (last + 0.5) / len(rows)


def _centres() -> tuple[Tensor, Tensor]:
    places = (torch.arange(CELLS) + 0.5) / CELLS
    y, x = torch.meshgrid(places, places, indexing="ij")
    return x, y


def _base_moved(lung: tuple[Tensor, Tensor], amount: float, width: float) -> Float[Tensor, "2 c c"]:
    """Show below the middle of a lung what was deeper, so that its base rises; a negative amount lowers it."""
    (left, top), (right, bottom) = lung
    height = bottom - top
    x, y = _centres()
    rise = height * (BASE[0] + amount * (BASE[1] - BASE[0]))
    below = torch.sigmoid((y - (bottom - 0.35 * height)) / (0.14 * height))
    beside = torch.exp(-(((x - (left + right) / 2) / (0.15 + 0.15 * width)) ** 4))
    return torch.stack([torch.zeros_like(x), rise * below * beside])


def _stretched(heart: tuple[Tensor, Tensor], amount: float) -> Float[Tensor, "2 c c"]:
    """Show around the heart's centre what was nearer to it, so that the heart grows; a negative amount shrinks it."""
    centre, size = (heart[0] + heart[1]) / 2, (heart[1] - heart[0]).mean()
    x, y = (place - middle for place, middle in zip(_centres(), centre, strict=True))
    growth = HEART_GROWTH[0] + amount * (HEART_GROWTH[1] - HEART_GROWTH[0])
    near = torch.exp(-(x.square() + y.square()) / (2 * (0.75 * size) ** 2))
    return -growth * torch.stack([x * near, y * near])
