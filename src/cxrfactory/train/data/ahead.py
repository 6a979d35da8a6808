"""Batches of an epoch: augmented one after the other, or some ahead of the network where masks are bit planes."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from cxrfactory.config import TrainConfig
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.streaming import in_order
from cxrfactory.train.data.anatomy import change_anatomy
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.augment import move, recolour
from cxrfactory.train.data.images import LabelledImages
from cxrfactory.train.data.layers import LayeredAnnotations, LayeredImages
from cxrfactory.train.data.opacities import add_opacities
from cxrfactory.train.data.planes import PlaneMasks
from cxrfactory.train.data.reshape import Reshaper

MOST_WORKERS = 8

Batch = tuple[Tensor, Annotations | PlaneMasks]
Batches = Sequence[Int[np.ndarray, " b"]]


def batches_of(
    data: LabelledImages | LayeredImages,
    batches: Batches,
    reshape: Reshaper | None,
    settings: TrainConfig,
    device: torch.device,
    generator: torch.Generator,
    epoch: int,
) -> Iterator[Batch]:
    """Yield the images ``[b, 1, h, w]`` and the annotations of each batch of an epoch, augmented, on the device.

    Parameters
    ----------
    data
        Images of the split.
    batches
        Places of the images of each batch.
    reshape
        If given, it bends images with landmarks towards other people's shapes.
    settings
        Settings of the training.
    device
        Device of the network.
    generator
        Stream of random numbers of the epoch; batches of bit planes have streams of their own, so that the result does
        not depend on the number of workers.
    epoch
        Number of the epoch.
    """
    if isinstance(data, LayeredImages):
        yield from _ahead(data, batches, settings, device, epoch)
        return
    images = torch.from_numpy(data.images)
    for indices in batches:
        batch = images[torch.from_numpy(indices)].to(device).unsqueeze(1).float() / 255
        annotations = data.annotations(indices).to(device)
        if reshape is not None:
            batch, annotations = reshape(batch, annotations, generator)
        yield _augmented(batch, annotations, settings, generator)


def _augmented(
    batch: Tensor, annotations: Annotations | LayeredAnnotations, settings: TrainConfig, generator: torch.Generator
) -> tuple[Tensor, Annotations | LayeredAnnotations]:
    batch, annotations = change_anatomy(batch, annotations, settings, generator)
    batch, annotations = move(batch, annotations, settings, generator)
    batch = add_opacities(batch, annotations, settings.opacities, generator)
    return recolour(batch, settings, generator), annotations


def _ahead(
    data: LayeredImages, batches: Batches, settings: TrainConfig, device: torch.device, epoch: int
) -> Iterator[Batch]:
    def work(numbered: tuple[int, Int[np.ndarray, " b"]]) -> Batch:
        step, indices = numbered
        generator = torch.Generator().manual_seed(seed_of(f"{epoch}/{step}", "batch", settings.seed))
        batch = torch.from_numpy(data.images[indices]).unsqueeze(1).float() / 255
        batch, annotations = _augmented(batch, LayeredAnnotations.of(data, indices), settings, generator)
        return batch, annotations.planes()

    workers = _workers(settings, device)
    if not workers:
        yield from map(work, enumerate(batches))
        return
    with ThreadPoolExecutor(workers) as pool:
        for batch, masks in in_order(pool, work, enumerate(batches), 2 * workers):
            yield batch.to(device, non_blocking=True), masks.to(device)


def _workers(settings: TrainConfig, device: torch.device) -> int:
    """Return the number of threads that prepare batches; with one thread in all, batches are prepared in turn."""
    if device.type == "cpu":
        return min(1, settings.threads - 1)
    return min(MOST_WORKERS, len(os.sched_getaffinity(0)))
