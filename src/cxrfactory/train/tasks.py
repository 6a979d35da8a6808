"""What the training loop asks of a kind of network: how to start, its loss on a batch, its metrics."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config import TrainConfig
from cxrfactory.models.inputs import to_pixels
from cxrfactory.models.losses import kl_divergence, landmark_loss
from cxrfactory.models.pixel.losses import pixel_loss
from cxrfactory.train.data import LabelledImages, mean_shape
from cxrfactory.train.validate import FRAME, Rows, add_masks, means, predict, score

Metrics = dict[str, dict[str, float]]


class Task(Protocol):
    """One kind of network under training."""

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Set what the network takes from the training set before the first step."""

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        targets: torch.Tensor,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Loss of a batch ``[b, 1, s, s]`` with landmarks ``[b, m, 2]``, fractions of the side."""

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Metrics by organ, in pixels of a 1024 x 1024 frame."""


@dataclass(frozen=True)
class LandmarkTask:
    """Image to landmarks: squared errors at every supervised stage, and the variational term."""

    graph: LandmarkGraph

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Mean shape, or the modes of shape."""
        if hasattr(network, "fit_shapes"):
            network.fit_shapes(train.targets)
            return
        with torch.no_grad():
            network.mean_shape.copy_(torch.from_numpy(mean_shape(train.targets, self.graph.nodes)))

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        targets: torch.Tensor,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Landmark error and the divergence of the code from its prior."""
        noise = torch.randn(len(images), network.latent, generator=generator).to(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            positions, intermediate, mu, logvar = network(images, noise)
        stages = [each.float() for each in intermediate]
        error = landmark_loss(positions.float(), stages, targets.to(images.device), network.pooling)
        return error + settings.kl_weight * kl_divergence(mu, logvar)

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Landmark MSE; Dice, HD and HD95 of the filled contours."""
        return score(predict(network, val, device), val, self.graph, distances)


@dataclass(frozen=True)
class PixelTask:
    """Image to one mask an organ: the contours are filled after they were moved, so masks are never resampled."""

    organs: tuple[str, ...]
    loss_name: str

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Nothing is taken from the training set."""

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        targets: torch.Tensor,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """The named loss over the organs that the batch annotates."""
        height, width = images.shape[-2:]
        masks = [_masks_of(each.numpy(), height, self.organs) for each in targets]
        known = torch.tensor([[mask is not None for mask in one] for one in masks])
        blank = np.zeros((height, width), np.uint8)
        target = torch.from_numpy(np.stack([[blank if mask is None else mask for mask in one] for one in masks]))
        # Dropout draws from the global stream: seeded by the epoch's own, so that a resumed run draws the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(0, 2**62, (1,), generator=generator)))
            with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                logits = network(images)
        return pixel_loss(self.loss_name)(logits.float(), target.float().to(images.device), known.to(images.device))

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Dice, HD and HD95 of the masks, enlarged to the frame."""
        import cv2

        was_training = network.training
        network.eval()
        rows: Rows = {}
        for image, target in zip(val.images, val.targets, strict=True):
            with torch.inference_mode():
                logits = network(torch.from_numpy(image)[None, None].to(device).float() / 255)[0].float().cpu().numpy()
            found = {
                organ: (cv2.resize(each, (FRAME, FRAME), interpolation=cv2.INTER_LINEAR) >= 0).astype(np.uint8)
                for organ, each in zip(self.organs, logits, strict=True)
            }
            truth = dict(zip(self.organs, _masks_of(target, FRAME, self.organs), strict=True))
            known = {organ: mask for organ, mask in truth.items() if mask is not None}
            if {"right_lung", "left_lung"} <= set(known):
                known["lungs"] = known["right_lung"] | known["left_lung"]
                found["lungs"] = found["right_lung"] | found["left_lung"]
            add_masks(rows, found, known, distances)
        network.train(was_training)
        return means(rows)


def _masks_of(target: np.ndarray, side: int, organs: tuple[str, ...]) -> list[np.ndarray | None]:
    """Masks of the organs in their order, None for those that the landmarks do not annotate."""
    for name in ("lungs-heart-clavicles", "lungs-heart", "lungs"):
        graph = landmark_graph(name)
        if graph.nodes == len(target):
            masks = landmarks_to_masks(to_pixels(target.astype(np.float64), side), graph, side, side)
            return [masks.get(organ) for organ in organs]
    raise AssertionError(f"{len(target)} landmarks are no known graph")  # load_labelled has checked it


def task_of(network: nn.Module, settings: TrainConfig) -> Task:
    """Task of a network from the registry, by what it has: a graph of landmarks, or organs."""
    if hasattr(network, "graph"):
        return LandmarkTask(network.graph)
    return PixelTask(tuple(network.organs), settings.loss)
