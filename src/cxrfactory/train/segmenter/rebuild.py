"""Training of autoencoders of images and landmarks, whose parts other networks start from."""

import numpy as np
import torch
from torch import nn

from cxrfactory.config import TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.models.losses import kl_divergence
from cxrfactory.train.data.annotations import Annotations
from cxrfactory.train.data.images import LabelledImages
from cxrfactory.train.segmenter.latent import LatentTask, decoded_loss
from cxrfactory.train.segmenter.validate import Metrics, score

BATCH = 8  # images of a step of validation


class RebuildTask(LatentTask):
    """Training of autoencoders: the error of each answer, and the variational term of each code.

    Landmarks are rebuilt only of images that annotate every node.
    """

    regions = None

    def start(self, network: nn.Module, train: LabelledImages) -> None:
        """Set the mean shape.

        Raises
        ------
        CxrError
            If no image annotates every node of the graph.
        """
        if not len(train.whole()):
            raise CxrError(
                f"none of {len(train.ids)} training images annotates all of the graph '{train.graph.name}', which "
                "autoencoders of landmarks need; choose a smaller graph"
            )
        super().start(network, train)

    def loss(
        self,
        network: nn.Module,
        images: torch.Tensor,
        annotations: Annotations,
        settings: TrainConfig,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Sum the losses of the three autoencoders, which have no weight in common."""
        noise = torch.randn(3, len(images), network.latent, generator=generator).to(images.device)
        target = annotations.points.to(images.device)
        whole = target.isfinite().all(dim=(1, 2))
        with torch.autocast(images.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            rebuilt, wanted = network.rebuild_images(images, noise[0])
            shapes = network.rebuild_shapes(target[whole], noise[1:, whole]) if whole.any() else ()
        loss = nn.functional.mse_loss(rebuilt.answer.float(), wanted)
        for each in shapes:
            loss = loss + decoded_loss(network, each.answer.unsqueeze(1), [], target[whole], settings)
        for each in (rebuilt, *shapes):
            loss = loss + settings.kl_weight * kl_divergence(each.mu.float(), each.logvar.float())
        return loss

    def metrics(self, network: nn.Module, val: LabelledImages, device: torch.device, distances: bool) -> Metrics:
        """Compute the landmark MSE, and Dice, HD and HD95 of the filled contours, of the graphs that were rebuilt.

        ``all`` also holds ``vector_mse``, the landmark MSE of the vectors, and ``image_mse``, of the normalised images.

        Raises
        ------
        CxrError
            If no image annotates every node of the graph.
        """
        whole = val.subset(val.whole())
        if not whole.ids:
            raise CxrError(f"none of {len(val.ids)} validation images annotates all of the graph '{val.graph.name}'")
        was_training = network.training
        network.eval()
        graphs, vectors, errors = [], [], []
        with torch.inference_mode():
            for start in range(0, len(whole.ids), BATCH):
                part = slice(start, start + BATCH)
                images = torch.from_numpy(whole.images[part]).to(device).unsqueeze(1).float() / 255
                rebuilt, wanted = network.rebuild_images(images)
                errors.append((rebuilt.answer - wanted).square().mean(dim=(1, 2, 3)).cpu().numpy())
                shapes = network.rebuild_shapes(torch.from_numpy(whole.targets[part]).to(device))
                for found, each in zip((graphs, vectors), shapes, strict=True):
                    found.append(each.answer.cpu().numpy())
        network.train(was_training)
        metrics = score(np.concatenate(graphs), whole, distances)
        metrics["all"]["vector_mse"] = score(np.concatenate(vectors), whole, distances=False)["all"]["mse"]
        metrics["all"]["image_mse"] = float(np.concatenate(errors).mean(dtype=np.float64))
        return metrics
