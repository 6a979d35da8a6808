"""Bright areas in the lungs, such as consolidation, nodules and effusion, which hide anatomy but do not change it."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cxrfactory.train.data.anatomy import is_lung
from cxrfactory.train.data.annotations import Annotations

MOST = 3  # bright areas of an image
EFFUSIONS = 0.08  # share of them that fill a lung from below
SIZE = (0.02, 0.2)  # standard deviation of the others, as a share of the side
GREY = (0.5, 0.95)  # quantile of the image's grey values that an area takes
OPACITY = (0.3, 1.0)


def add_opacities(
    images: Float[Tensor, "b 1 s s"], annotations: Annotations, chance: float, generator: torch.Generator
) -> Float[Tensor, "b 1 s s"]:
    """Put bright areas into the lungs of a random share of the images; areas only brighten.

    Parameters
    ----------
    images, annotations
        Images of a batch with values in [0, 1], and what people annotated in them.
    chance
        Probability that an image gets bright areas.
    generator
        Stream of random numbers.
    """
    if chance == 0:
        return images
    chosen = torch.rand(len(images), generator=generator) < chance
    if not chosen.any():
        return images
    rows = torch.nonzero(chosen).flatten()
    lungs = _lungs(annotations, rows)
    images = images.clone()
    for row, inside in zip(rows.tolist(), lungs, strict=True):
        places = torch.nonzero(inside)
        for _ in range(int(torch.randint(1, MOST + 1, (1,), generator=generator)) if len(places) else 0):
            images[row, 0] = _brightened(images[row, 0], places, generator)
    return images


def _lungs(annotations: Annotations, rows: Tensor) -> Bool[Tensor, "n s s"]:
    """Mark the pixels of the annotated lungs in some images of a batch; other contours are not filled."""
    lungs = annotations.only([name for name in annotations.regions if is_lung(name)])
    chosen = replace(
        lungs,
        points=lungs.points[rows],
        masks=lungs.masks[rows],
        ignored=lungs.ignored[rows],
        drawn=lungs.drawn[rows],
    )
    return (chosen.region_masks().masks > 0.5).any(1)


def _brightened(image: Float[Tensor, "s s"], places: Tensor, generator: torch.Generator) -> Float[Tensor, "s s"]:
    rows, columns = image.shape
    numbers = torch.rand(7, generator=generator).tolist()
    place = places[int(numbers[0] * len(places))] + 0.5
    row, column = float(place[0] / rows), float(place[1] / columns)
    down, across = ((torch.arange(side, device=image.device) + 0.5) / side for side in (rows, columns))
    y, x = torch.meshgrid(down - row, across - column, indexing="ij")
    if numbers[1] < EFFUSIONS:
        level = y + x * (numbers[2] - 0.5)
        share = torch.sigmoid(level / (0.005 + 0.035 * numbers[3])) * torch.exp(-((x / 0.18) ** 4))
    else:
        across, down = (SIZE[0] + number * (SIZE[1] - SIZE[0]) for number in numbers[2:4])
        share = torch.exp(-((x / across) ** 2 + (y / down) ** 2))
    grey = torch.quantile(image[::4, ::4].flatten(), GREY[0] + numbers[4] * (GREY[1] - GREY[0]))
    share = share * (OPACITY[0] + numbers[5] * (OPACITY[1] - OPACITY[0]))
    return image + share * (torch.maximum(image, grey) - image)
