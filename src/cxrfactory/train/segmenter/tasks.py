"""What the training loop needs to know about each kind of network: its start, its loss and its metrics."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.regions import contour_regions, region_of
from cxrfactory.config import TrainConfig
from cxrfactory.models.losses import kl_divergence
from cxrfactory.models.networks import LatentNetwork, LearnsRegions, Rebuilds
from cxrfactory.models.pixel.losses import pixel_loss
from cxrfactory.models.trained import logits_to_masks
from cxrfactory.tables.keys import seed_of
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.images import LabelledImages, finer
from cxrfactory.train.segmenter.dense import DenseHeads
from cxrfactory.train.segmenter.joint import JointTask
from cxrfactory.train.segmenter.latent import LatentTask, decoded_loss
from cxrfactory.train.segmenter.many import MANY, ManyRegionsTask
from cxrfactory.train.segmenter.pixel import PixelNetworkTask
from cxrfactory.train.segmenter.rebuild import RebuildTask
from cxrfactory.train.segmenter.validate import FRAME, Metrics, Rows, add_masks, means, truth_in_frame

DENSE_BLOCKS = (5, 4)  # encoder blocks under dense supervision if there are no skip connections


class Task(Protocol):
    """Training of one kind of network."""

    @property
    def regions(self) -> tuple[str, ...] | None:
        """Regions whose masks the network learns; None for landmarks alone."""

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Set the parts of the network that depend on the training set, before the first step."""

    def trained(self, network: nn.Module) -> nn.Module:
        """Return what the optimiser trains and a checkpoint holds: the network, and parts used only in training."""

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        annotations: Annotations,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Compute the loss of a batch ``[b, 1, s, s]`` with its annotations."""

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Compute metrics by organ, in pixels of a 1024 x 1024 frame."""


@dataclass(frozen=True)
class LandmarkTask(LatentTask):
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

    @property
    def regions(self) -> tuple[str, ...] | None:
        """Regions of the dense supervision; None without it."""
        return None if self.heads is None else tuple(contour_regions(self.graph))

    def trained(self, network: nn.Module) -> nn.Module:
        """Return the network together with its heads."""
        return network if self.heads is None else nn.ModuleDict({"network": network, "heads": self.heads})

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        annotations: Annotations,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Sum the landmark error, the divergence of the code from its prior and the loss of the dense supervision."""
        noise = torch.randn(len(images), network.latent, generator=generator).to(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            encoded = network.encode(images, () if self.heads is None else self.heads.blocks)
            positions, intermediate = network.decode(encoded, encoded.code(noise).unsqueeze(1))
        loss = decoded_loss(network, positions, intermediate, annotations.points.to(images.device), settings)
        loss = loss + settings.kl_weight * kl_divergence(encoded.mu, encoded.logvar)
        if self.heads is None:
            return loss
        truth = annotations.region_masks().to(images.device)
        dense = self.heads(encoded.maps, truth.masks, truth.known, truth.valid)
        return loss + settings.dense_weight * dense


@dataclass(frozen=True)
class PixelTask(PixelNetworkTask):
    """Training of a pixel network on drawn masks, and on filled contours where nothing was drawn.

    Contours are filled after augmentation has moved them. Drawn masks move with the image by bilinear interpolation of
    the covered shares, and a pixel that is covered by more than half belongs to the region.
    """

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        annotations: Annotations,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Compute the configured loss over the organs that the batch annotates."""
        truth = annotations.region_masks(finer(tuple(images.shape[-2:]))).to(images.device)
        valid = None if truth.valid.all() else truth.valid
        logits = self.logits(network, images, settings, generator)
        return pixel_loss(self.loss_name)(logits.float(), (truth.masks > 0.5).float(), truth.known, valid)

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Compute Dice, HD and HD95 of the masks, enlarged to the frame."""
        was_training = network.training
        network.eval()
        rows: Rows = {}
        names = dict(zip(self.regions, self.organs, strict=True))
        for index, image in enumerate(val.images):
            with torch.inference_mode():
                logits = network(torch.from_numpy(image)[None, None].to(device).float() / 255)[0].float().cpu().numpy()
            found = dict(zip(self.organs, logits_to_masks(logits, FRAME), strict=True))
            truth = truth_in_frame(val, index, names)
            add_masks(rows, found, truth, distances)
        network.train(was_training)
        return means(rows)


def task_of(network: nn.Module, settings: TrainConfig) -> Task:
    """Choose the task of a network of the registry: landmarks for a network with a latent code, pixels otherwise."""
    if isinstance(network, Rebuilds):
        return RebuildTask()
    if isinstance(network, LearnsRegions):
        return JointTask(network.regions)
    if isinstance(network, LatentNetwork):
        if settings.dense_weight == 0:
            return LandmarkTask(network.graph)
        blocks = network.igsc or DENSE_BLOCKS
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of("heads", "init", settings.seed))
            return LandmarkTask(network.graph, DenseHeads(network.encoder, blocks, len(network.graph.organs)))
    organs = tuple(network.organs)
    kind = ManyRegionsTask if len(organs) > MANY else PixelTask
    return kind(organs, tuple(region_of(organ, network.definition) for organ in organs), settings.loss)
