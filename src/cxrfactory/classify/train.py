"""Train one classifier on one kind of picture, and write its predictions for the validation and test images."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn
from torch.nn import functional

from cxrfactory.classify.images import Labelled, read_images
from cxrfactory.config import ClassifierConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.models.classifiers import build_classifier
from cxrfactory.models.device import choose_device
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import write_table

PREDICTIONS = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("picture", pa.string(), nullable=False),  # original or segmented
        pa.field("repeat", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # validate or test
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("truth", pa.bool_(), nullable=False),
        pa.field("probability", pa.float32(), nullable=False),
    ]
)
WARMUP = 0.05  # share of the steps in which the learning rate rises

log = get_logger(__name__)


def classify(
    tables: Sequence[str | Path],
    model: str,
    picture: str,
    repeat: int,
    output: str | Path,
    history: str | Path,
    settings: ClassifierConfig,
) -> dict[str, int]:
    """Train a classifier and predict the labels of the validation and test images.

    Parameters
    ----------
    tables
        Tables of pictures of the releases (written by ``classify-pictures``).
    model
        One of :data:`cxrfactory.models.classifiers.CLASSIFIERS`.
    picture
        ``original`` or ``segmented``.
    repeat
        Repeat index, from 0. Each repeat has different random weights, image order and augmentation; they are the same
        for original and segmented pictures.
    output
        Parquet file to write, schema ``PREDICTIONS``, with one row per image and known label of the validation and test
        images.
    history
        CSV file to write with the loss and the learning rate of each epoch.
    settings
        Training settings, which include the device.

    Returns
    -------
    Numbers of images by split.

    Raises
    ------
    CxrError
        Under the conditions of :func:`cxrfactory.classify.images.read_images`, or if there are fewer training images
        than one batch.
    """
    torch.set_num_threads(settings.threads)
    data = read_images(tables, picture, settings.labels, settings.size)
    counts = {split: len(part.image_ids) for split, part in data.items()}
    if counts["train"] < settings.batch_size:
        raise CxrError(f"{counts['train']} training images; expected {settings.batch_size} or more (a batch)")
    log.info("%s, %s, repeat %d: %s", model, picture, repeat, ", ".join(f"{n} {name}" for name, n in counts.items()))
    seed = seed_of(f"{model} {repeat}", "classifier", settings.seed)
    start = None if settings.initial is None else Path(settings.initial) / f"{model}.safetensors"
    network = build_classifier(model, len(settings.labels), seed, start).to(choose_device(settings.device))
    # Dropout uses the global random state of PyTorch, so this state is seeded here and restored afterwards.
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        rows = _fit(network, data["train"], settings, seed)
    write_text(history, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g"))
    parts = [_predicted(network, data[split], split, settings) for split in ("validate", "test")]
    frame = pd.concat(parts, ignore_index=True).assign(model=model, picture=picture, repeat=repeat)
    write_table(frame[PREDICTIONS.names].astype({"repeat": "int32"}), output, PREDICTIONS)
    log.info("wrote %s: %d predictions", output, len(frame))
    return counts


def label_weights(truth: Float32[np.ndarray, "images labels"]) -> Float32[np.ndarray, " labels"]:
    """Return the weight of a positive image relative to a negative one that gives both classes the same total weight.

    The input is the truth [image, label] with 1, 0 and NaN; the result has one weight per label.
    """
    positives, negatives = (np.nansum(truth == value, axis=0) for value in (1, 0))
    return (negatives / positives).astype(np.float32)


def masked_loss(
    logits: Float[Tensor, "batch labels"], truth: Float[Tensor, "batch labels"], weights: Float[Tensor, " labels"]
) -> Float[Tensor, ""]:
    """Compute the mean cross-entropy over the known labels; NaN marks an unknown label."""
    known = ~torch.isnan(truth)
    each = functional.binary_cross_entropy_with_logits(
        logits, torch.nan_to_num(truth), pos_weight=weights, reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def _fit(network: nn.Module, train: Labelled, settings: ClassifierConfig, seed: int) -> list[dict[str, float]]:
    device = next(network.parameters()).device
    pictures, truth = torch.from_numpy(train.pictures), torch.from_numpy(train.truth.copy())
    weights = torch.from_numpy(label_weights(train.truth)).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    network.to(memory_format=torch.channels_last).train()
    per_epoch = len(pictures) // settings.batch_size  # a smaller last batch would have different statistics
    rows = []
    for epoch in range(settings.epochs):
        started = time.monotonic()
        generator = torch.Generator().manual_seed(seed_of(str(epoch), "epoch", seed))
        order = torch.randperm(len(pictures), generator=generator)
        losses, rate = [], 0.0
        for step in range(per_epoch):
            done = (epoch + step / per_epoch) / settings.epochs
            rate = settings.learning_rate * min(1.0, 0.02 + done / WARMUP) * 0.5 * (1 + math.cos(math.pi * done))
            for group in optimizer.param_groups:
                group["lr"] = rate
            chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size]
            batch = _changed(pictures[chosen][:, None].float() / 255, settings, generator).to(device)
            loss = masked_loss(
                network(batch.contiguous(memory_format=torch.channels_last)), truth[chosen].to(device), weights
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        row = {"epoch": epoch + 1, "loss": float(np.mean(losses)), "learning_rate": rate}
        rows.append(row | {"seconds": time.monotonic() - started})
        log.info("epoch %d of %d: loss %.4g", epoch + 1, settings.epochs, row["loss"])
    _settle(network, pictures, settings.batch_size)
    return rows


def _settle(network: nn.Module, pictures: UInt8[Tensor, "images size size"], batch_size: int) -> None:
    """Recompute the statistics of batch normalisation from the training images.

    The running statistics from training lag behind the weights, and after few steps they are useless.
    """
    device = next(network.parameters()).device
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the statistics become the mean over all batches
            module.train()
    with torch.no_grad():
        for start in range(0, len(pictures) - batch_size + 1, batch_size):
            batch = pictures[start : start + batch_size, None].float().to(device) / 255
            network(batch.contiguous(memory_format=torch.channels_last))


def _changed(
    images: Float[Tensor, "batch 1 h w"], settings: ClassifierConfig, generator: torch.Generator
) -> Float[Tensor, "batch 1 h w"]:
    """Rotate, scale and shift each image slightly; images are never flipped, because the heart lies on one side."""
    number = len(images)

    def drawn(largest: float) -> Tensor:
        return (2 * torch.rand(number, generator=generator) - 1) * largest

    turn, scale = torch.deg2rad(drawn(settings.rotation_degrees)), 1 + drawn(settings.scale)
    shifts = torch.stack([drawn(settings.shift), drawn(settings.shift)], dim=1) * 2
    rotation = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], dim=1).reshape(-1, 2, 2)
    matrix = torch.cat([rotation * scale[:, None, None], shifts[:, :, None]], dim=2)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _predicted(network: nn.Module, part: Labelled, split: str, settings: ClassifierConfig) -> pd.DataFrame:
    """Predict one row per image and known label; images are processed one by one, so that no batch affects them."""
    device = next(network.parameters()).device
    network.eval()
    rows = []
    with torch.inference_mode():
        for number, picture in enumerate(part.pictures):
            image = torch.from_numpy(picture)[None, None].float().to(device) / 255
            probability = torch.sigmoid(network(image.contiguous(memory_format=torch.channels_last))[0]).cpu().numpy()
            for place, label in enumerate(settings.labels):
                truth = part.truth[number, place]
                if not np.isnan(truth):
                    rows.append(
                        {
                            "split": split,
                            "image_id": part.image_ids[number],
                            "patient_id": part.patient_ids[number],
                            "label": label,
                            "truth": bool(truth),
                            "probability": probability[place],
                        }
                    )
    return pd.DataFrame(rows, columns=["split", "image_id", "patient_id", "label", "truth", "probability"])
