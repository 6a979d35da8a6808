"""What the training loop needs to know about each kind of network: its start, its loss and its metrics."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import nn

from cxrfactory.anatomy.graph import LandmarkGraph, graph_of_nodes
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config import TrainConfig
from cxrfactory.models.inputs import to_pixels
from cxrfactory.models.losses import kl_divergence, landmark_loss
from cxrfactory.models.networks import FitsShapes, LatentNetwork
from cxrfactory.models.pixel.losses import pixel_loss
from cxrfactory.models.trained import logits_to_masks
from cxrfactory.tables.keys import seed_of
from cxrfactory.train.data.images import LabelledImages, mean_shape
from cxrfactory.train.segmenter.dense import DenseHeads
from cxrfactory.train.segmenter.validate import FRAME, Rows, add_masks, means, predict, score

Metrics = dict[str, dict[str, float]]

FINE = 1024  # masks for pixel networks are filled at the largest multiple of the network's side up to this
DENSE_BLOCKS = (5, 4)  # encoder blocks under dense supervision if there are no skip connections


class Task(Protocol):
    """Training of one kind of network."""

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Set the parts of the network that depend on the training set, before the first step."""

    def trained(self, network: nn.Module) -> nn.Module:
        """Return what the optimiser trains and a checkpoint holds: the network, and parts used only in training."""

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        targets: torch.Tensor,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Compute the loss of a batch ``[b, 1, s, s]`` with landmarks ``[b, m, 2]`` as fractions of the side."""

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Compute metrics by organ, in pixels of a 1024 x 1024 frame."""


@dataclass(frozen=True)
class LandmarkTask:
    """Training of a landmark network: errors of every supervised stage, variational term and dense supervision.

    Attributes
    ----------
    graph
        Landmark graph that names the landmarks.
    heads
        Heads of the dense supervision; None without dense supervision.
    """

    graph: LandmarkGraph
    heads: DenseHeads | None = None

    def trained(self, network: nn.Module) -> nn.Module:
        """Return the network together with its heads."""
        return network if self.heads is None else nn.ModuleDict({"network": network, "heads": self.heads})

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Set the mean shape or, for a network that fits shapes, the modes of shape."""
        if isinstance(network, FitsShapes):
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
        """Sum the landmark error, the divergence of the code from its prior and the loss of the dense supervision."""
        noise = torch.randn(len(images), network.latent, generator=generator).to(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            encoded = network.encode(images, () if self.heads is None else self.heads.blocks)
            positions, intermediate = network.decode(encoded, encoded.code(noise).unsqueeze(1))
        stages = [each[:, 0].float() for each in intermediate]
        contours = list(self.graph.slices.values()) if settings.landmark_loss == "contour" else []
        loss = landmark_loss(positions[:, 0].float(), stages, targets.to(images.device), network.pooling, contours)
        loss = loss + settings.kl_weight * kl_divergence(encoded.mu, encoded.logvar)
        if self.heads is None:
            return loss
        masks, known = _batch_masks(targets, images.shape[-1], self.graph.organs)
        dense = self.heads(encoded.maps, masks.float().to(images.device), known.to(images.device))
        return loss + settings.dense_weight * dense

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Compute the landmark MSE, and Dice, HD and HD95 of the filled contours."""
        return score(predict(network, val, device), val, self.graph, distances)


@dataclass(frozen=True)
class PixelTask:
    """Training of a pixel network; contours are filled after augmentation has moved them, so no mask is resampled."""

    organs: tuple[str, ...]
    loss_name: str

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Do nothing: pixel networks learn nothing from the training set before the first step."""

    def trained(self, network: nn.Module) -> nn.Module:
        """Return the network itself."""
        return network

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        targets: torch.Tensor,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Compute the configured loss over the organs that the batch annotates."""
        target, known = _batch_masks(targets, images.shape[-1], self.organs, max(1, FINE // images.shape[-1]))
        # Dropout uses the global stream. The epoch's stream seeds it here, so that a resumed run draws the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(0, 2**62, (1,), generator=generator)))
            with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                logits = network(images)
        return pixel_loss(self.loss_name)(logits.float(), target.float().to(images.device), known.to(images.device))

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Compute Dice, HD and HD95 of the masks, enlarged to the frame."""
        was_training = network.training
        network.eval()
        rows: Rows = {}
        for image, target in zip(val.images, val.targets, strict=True):
            with torch.inference_mode():
                logits = network(torch.from_numpy(image)[None, None].to(device).float() / 255)[0].float().cpu().numpy()
            found = dict(zip(self.organs, logits_to_masks(logits, FRAME), strict=True))
            truth = dict(zip(self.organs, _masks_of(target, FRAME, self.organs), strict=True))
            known = {organ: mask for organ, mask in truth.items() if mask is not None}
            if {"right_lung", "left_lung"} <= set(known):
                known["lungs"] = known["right_lung"] | known["left_lung"]
                found["lungs"] = found["right_lung"] | found["left_lung"]
            add_masks(rows, found, known, distances)
        network.train(was_training)
        return means(rows)


def _batch_masks(
    targets: Float[torch.Tensor, "b m 2"], side: int, organs: tuple[str, ...], finer: int = 1
) -> tuple[UInt8[torch.Tensor, "b o side side"], Bool[torch.Tensor, "b o"]]:
    """Fill the masks of a batch in the order of ``organs``, and mark the annotated ones; the others are blank.

    The masks are filled at ``finer`` times the side. A pixel then belongs to an organ that covers more than half of it.
    A mask that is filled at a low resolution contains every pixel that the contour touches and is too large: at 128 by
    5 % of the area of lungs and heart.
    """
    masks = [_coarser(_masks_of(each.numpy(), side * finer, organs), finer) for each in targets]
    known = torch.tensor([[mask is not None for mask in one] for one in masks])
    blank = np.zeros((side, side), np.uint8)
    return torch.from_numpy(np.stack([[blank if mask is None else mask for mask in one] for one in masks])), known


def _coarser(masks: list[np.ndarray | None], finer: int) -> list[np.ndarray | None]:
    """Reduce masks to the coarser grid, where a pixel is set if more than half of it is covered."""
    if finer == 1:
        return masks
    return [None if mask is None else _covered(mask, finer) for mask in masks]


def _covered(mask: UInt8[np.ndarray, "h w"], finer: int) -> UInt8[np.ndarray, "r c"]:
    import cv2

    rows, columns = (side // finer for side in mask.shape)
    return (cv2.resize(mask * 255, (columns, rows), interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)


def _masks_of(target: np.ndarray, side: int, organs: tuple[str, ...]) -> list[np.ndarray | None]:
    """Fill the masks of the organs in their order; None for organs that the landmarks do not annotate."""
    masks = landmarks_to_masks(to_pixels(target.astype(np.float64), side), graph_of_nodes(len(target)), side, side)
    return [masks.get(organ) for organ in organs]


def task_of(network: nn.Module, settings: TrainConfig) -> Task:
    """Choose the task of a network of the registry: landmarks for a network with a latent code, pixels otherwise."""
    if isinstance(network, LatentNetwork):
        if settings.dense_weight == 0:
            return LandmarkTask(network.graph)
        blocks = network.igsc or DENSE_BLOCKS
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of("heads", "init", settings.seed))
            return LandmarkTask(network.graph, DenseHeads(network.encoder, blocks, len(network.graph.organs)))
    return PixelTask(tuple(network.organs), settings.loss)
